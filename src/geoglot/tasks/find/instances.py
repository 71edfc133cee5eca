"""A region to its instances: where blobs touch, each peak is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from geoglot.geo import Window
from geoglot.scene.score_field import ScoreField
from geoglot.tasks.find.regions import Region
from geoglot.tasks.refine.parting import parted

#: Largest box, in pixels, of a region that is held at once; what is larger stays whole and is not refined.
LARGEST = 4_000_000


@dataclass(frozen=True)
class Instance:
    """One thing, as the scores show it."""

    box: Window
    """In pixels of the scene."""
    bits: UInt8[np.ndarray, " byte"]
    """The mask of the box, eight pixels a byte: a scene may hold very many."""
    score: float
    """Mean over the mask."""

    @classmethod
    def of(
        cls, mask: Bool[np.ndarray, "rows cols"], scores: Float[np.ndarray, "rows cols"], window: Window
    ) -> Instance:
        """What a mask of a window shows, one pixel at least."""
        place = rows, cols = ndimage.find_objects(mask.astype(np.uint8))[0]
        own = mask[place]
        box = Window(window.row + rows.start, window.col + cols.start, *own.shape)
        return cls(box, np.packbits(own), float(scores[place][own].mean(dtype=np.float64)))

    @property
    def mask(self) -> Bool[np.ndarray, "rows cols"]:
        """Of the box."""
        shape = self.box.height, self.box.width
        return np.unpackbits(self.bits, count=shape[0] * shape[1]).reshape(shape).astype(bool)


def split(region: Region, field: ScoreField, extent: float) -> list[Instance]:
    """The instances of a region no larger than LARGEST."""
    scores = field.read(region.box)
    labels, _ = ndimage.label(scores >= extent)
    own = labels == labels[region.at[0] - region.top, region.at[1] - region.left]
    parts = parted(own, scores)
    found = []
    for index, place in enumerate(ndimage.find_objects(parts), 1):
        rows, cols = place
        window = Window(region.top + rows.start, region.left + cols.start, *parts[place].shape)
        found.append(Instance.of(parts[place] == index, scores[place], window))
    return found
