"""Outlines along the edges of the picture, without weights: a watershed seeded by the scores."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from skimage.segmentation import watershed

from geoglot.tasks.refine.blobs import find_cores
from geoglot.tasks.refine.refiner import CoarseMask, Masks, View

_SMOOTH = 0.7  # pixels: noise of the sensor is no edge
_CORE = 0.7  # a thing thinner than a patch is surely inside from this share of its depth
#: A neck narrower than this share of the smaller of two blobs separates them
NECK = 0.7
_OTHER, _THING = 1, 2


class Edges:
    """Watershed of the gradient (Meyer 1994) between seeds that are surely inside or surely outside.

    The scores place an edge to about a patch: pixels deeper inside than half a patch belong to the thing, pixels
    farther outside than a patch do not, and in between the outline follows the strongest change of the picture. The
    border of missing data cuts a thing, but is not its edge. Blobs joined by a narrow neck become two.
    """

    name = "edges"
    side = None

    def facts(self) -> dict[str, Any]:
        return {"name": self.name}

    def __call__(self, view: View, coarse: Sequence[CoarseMask]) -> list[Masks]:
        colours = [ndimage.gaussian_gradient_magnitude(band, _SMOOTH) for band in view.pixels[:3]]
        relief = np.max(colours, axis=0)
        return [_refine(relief, view, instance) for instance in coarse]


def _refine(relief: Float[np.ndarray, "rows cols"], view: View, coarse: CoarseMask) -> Masks:
    near = coarse.around(2 * view.patch)  # a view may be large and hold many instances
    mask, valid = coarse.mask[near], view.valid[near]
    inside = ndimage.distance_transform_edt(np.pad(mask | ~valid, 1))[1:-1, 1:-1] * mask
    outside = ndimage.distance_transform_edt(~mask)
    others = (coarse.scores[near] == 0) & (outside > 0)
    seeds = np.where((outside > view.patch) | others, _OTHER, 0)
    seeds[inside > min(view.patch / 2, _CORE * inside.max())] = _THING
    basin = np.asarray(watershed(relief[near], seeds, mask=valid) == _THING)
    basin |= ndimage.binary_fill_holes(basin) & mask  # a hole stays if the scores show it too
    labels = basin.astype(np.int32) if coarse.drawn else split_touching(basin, np.ones(basin.shape, np.float32))
    masks = []
    for label in range(1, int(labels.max()) + 1):
        masks.append(np.zeros(coarse.mask.shape, bool))
        masks[-1][near] = labels == label
    return tuple(masks)


def split_touching(
    mask: Bool[np.ndarray, "rows cols"], scores: Float[np.ndarray, "rows cols"]
) -> Int[np.ndarray, "rows cols"]:
    """Split a mask at its necks into blobs 1, 2, ...; 0 outside.

    The relief is the distance to the mask's edge times the score. A peak is a blob if the way to any higher peak falls
    below 0.7 of its height; the watershed between the peaks (Meyer 1994) splits the mask.
    """
    relief = relief_of(mask, scores)
    return split_at_cores(relief, find_cores(relief, mask, NECK), mask)


def relief_of(
    mask: Bool[np.ndarray, "rows cols"], scores: Float[np.ndarray, "rows cols"]
) -> Float[np.ndarray, "rows cols"]:
    """The distance to the mask's edge times the score."""
    inside = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), bool)  # the array's border is an edge too
    inside[1:-1, 1:-1] = mask
    return np.asarray(ndimage.distance_transform_edt(inside)[1:-1, 1:-1] * scores)


def split_at_cores(
    relief: Float[np.ndarray, "rows cols"],
    cores: Bool[np.ndarray, "rows cols"],
    mask: Bool[np.ndarray, "rows cols"],
) -> Int[np.ndarray, "rows cols"]:
    """Flood a mask from the cores of its blobs."""
    seeds, count = ndimage.label(cores, np.ones((3, 3)))
    if count < 2:
        return mask.astype(np.int32)
    return np.asarray(watershed(-relief, seeds, mask=mask), np.int32)
