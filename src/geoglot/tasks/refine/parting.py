"""A mask to its blobs: where the way from one to the next is narrow, they are two."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

_NECK = 0.7  # a neck narrower than this share of the smaller of both blobs parts them


def parted(own: Bool[np.ndarray, "rows cols"], scores: Float[np.ndarray, "rows cols"]) -> Int[np.ndarray, "rows cols"]:
    """Blobs 1, 2, ... of a mask, 0 outside.

    The relief is the distance to the mask's edge times the score. Its peaks are blobs if the way from one to a higher
    one falls below 0.7 of its height (h-maxima of the logarithm); the watershed between them (Meyer 1994) parts the
    mask.
    """
    inside = np.pad(own, 1)  # the array's border is an edge too
    relief = ndimage.distance_transform_edt(inside)[1:-1, 1:-1] * scores
    height = np.log(np.where(own, np.maximum(relief, 1e-6), 1e-6))
    lowered = reconstruction(height + math.log(_NECK), height)
    peaks, count = ndimage.label(local_maxima(lowered) & own, np.ones((3, 3)))
    if count < 2:
        return own.astype(np.int32)
    return np.asarray(watershed(-relief, peaks, mask=own), np.int32)
