"""A region to its instances: where blobs touch, each peak is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from geoglot.geo import Window
from geoglot.tasks.objects.components import Region
from geoglot.tasks.objects.field import ScoreField
from geoglot.tasks.refine.parting import parted

#: Largest box, in pixels, of a region that is held at once; what is larger stays whole and is not refined.
LARGEST = 4_000_000


@dataclass(frozen=True)
class Instance:
    """One thing, as the scores show it."""

    box: Window
    """In pixels of the scene."""
    mask: Bool[np.ndarray, "rows cols"]
    """Of the box."""
    score: float
    """Mean over the mask."""


def split(region: Region, field: ScoreField, extent: float) -> list[Instance]:
    """The instances of a region no larger than LARGEST."""
    scores = field.read(region.box)
    labels, _ = ndimage.label(scores >= extent)
    own = labels == labels[region.at[0] - region.top, region.at[1] - region.left]
    parts = parted(own, scores)
    found = []
    for index, place in enumerate(ndimage.find_objects(parts), 1):
        mask = parts[place] == index
        rows, cols = place
        box = Window(region.top + rows.start, region.left + cols.start, *mask.shape)
        found.append(Instance(box, mask, float(scores[place][mask].mean(dtype=np.float64))))
    return found
