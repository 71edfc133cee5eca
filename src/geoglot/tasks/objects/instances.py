"""A region to its instances: where blobs touch, each peak is one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from geoglot.geo import Window
from geoglot.tasks.objects.components import Region
from geoglot.tasks.objects.field import ScoreField

#: Largest box, in pixels, of a region that is held at once; what is larger stays whole and is not refined.
LARGEST = 4_000_000
_NECK = 0.7  # a neck narrower than this share of the smaller of both blobs parts them


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
    """The instances of a region no larger than LARGEST.

    The relief is the distance to the region's edge times the score; its peaks are instances if the way from one to
    a higher one falls below 0.7 of its height (h-maxima of the logarithm), and the watershed between them parts
    the region (Meyer 1994).
    """
    scores = field.read(region.box)
    labels, _ = ndimage.label(scores >= extent)
    own = labels == labels[region.at[0] - region.top, region.at[1] - region.left]
    peaks, count = ndimage.label(_peaks(own, scores), np.ones((3, 3)))
    parts = watershed(-_relief(own, scores), peaks, mask=own) if count > 1 else own.astype(np.int32)
    found = []
    for index, place in enumerate(ndimage.find_objects(parts), 1):
        mask = parts[place] == index
        rows, cols = place
        box = Window(region.top + rows.start, region.left + cols.start, *mask.shape)
        found.append(Instance(box, mask, float(scores[place][mask].mean(dtype=np.float64))))
    return found


def _relief(own: np.ndarray, scores: np.ndarray) -> Float[np.ndarray, "rows cols"]:
    inside = np.pad(own, 1)  # the box's border is the region's edge too
    return np.asarray(ndimage.distance_transform_edt(inside)[1:-1, 1:-1] * scores)


def _peaks(own: np.ndarray, scores: np.ndarray) -> Bool[np.ndarray, "rows cols"]:
    """Pixels of the tops that count."""
    height = np.log(np.where(own, _relief(own, scores), 1e-6))
    lowered = reconstruction(height + math.log(_NECK), height)
    return np.asarray(local_maxima(lowered) & own)
