"""Outlines along the edges of the picture, without any weights: a watershed seeded by the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from skimage.segmentation import watershed

from geoglot.tasks.refine.parting import parted
from geoglot.tasks.refine.refiner import Proposal, Refined, View

_SMOOTH = 0.7  # pixels: noise of the sensor is no edge
_CORE = 0.7  # of a thing too thin to be sure of its inside, this share of its depth is
_OTHER, _THING = 1, 2


class Edges:
    """Watershed of the gradient (Meyer 1994) between what is surely inside and what is surely outside.

    The scores place an edge to about a patch: what lies deeper inside than half a patch is the thing, what lies farther
    outside than a patch is not, and in between the outline goes where the picture changes most. Where there is no data
    a thing is cut, so that is no edge of it.
    """

    name = "edges"
    side = None

    def facts(self) -> dict[str, Any]:
        """See `Refiner`."""
        return {"name": self.name}

    def __call__(self, view: View, proposals: Sequence[Proposal]) -> list[Refined]:
        """One answer a proposal, each by itself; blobs that a narrow neck joins are two things."""
        relief = _gradient(view.pixels[:3])
        return [Refined(_outlines(relief, view, one), self.name) for one in proposals]


def _outlines(relief: np.ndarray, view: View, one: Proposal) -> tuple[Bool[np.ndarray, "rows cols"], ...]:
    """The masks of a proposal, sought in its surroundings only: a view may be large and hold many."""
    near = one.around(2 * view.patch)
    here = replace(one, mask=one.mask[near], scores=one.scores[near])
    valid = view.valid[near]
    basin = _flood(relief[near], _seeds(here, valid, view.patch), here.mask, valid)
    found = []
    for part in _parts(basin, here):
        found.append(np.zeros(one.mask.shape, bool))
        found[-1][near] = part
    return tuple(found)


def _parts(mask: Bool[np.ndarray, "rows cols"], one: Proposal) -> tuple[Bool[np.ndarray, "rows cols"], ...]:
    if one.box:
        return (mask,)
    labels = parted(mask, np.ones(mask.shape, np.float32))
    return tuple(labels == label for label in range(1, int(labels.max()) + 1))


def _gradient(pixels: Float[np.ndarray, "3 rows cols"]) -> Float[np.ndarray, "rows cols"]:
    """How much the picture changes, in the colour that changes most."""
    return np.asarray(np.max([ndimage.gaussian_gradient_magnitude(band, _SMOOTH) for band in pixels], axis=0))


def _seeds(one: Proposal, valid: Bool[np.ndarray, "rows cols"], patch: int) -> Int[np.ndarray, "rows cols"]:
    """1 where the thing surely is not, 2 where it surely is, 0 between."""
    inside = ndimage.distance_transform_edt(np.pad(one.mask | ~valid, 1))[1:-1, 1:-1] * one.mask
    outside = ndimage.distance_transform_edt(~one.mask)
    others = (one.scores == 0) & (outside > 0)
    seeds = np.where((outside > patch) | others, _OTHER, 0)
    seeds[inside > min(patch / 2, _CORE * inside.max())] = _THING
    return np.asarray(seeds)


def _flood(
    relief: np.ndarray, seeds: np.ndarray, coarse: np.ndarray, valid: np.ndarray
) -> Bool[np.ndarray, "rows cols"]:
    """The thing's basin, without holes but those that the scores show too."""
    basin = np.asarray(watershed(relief, seeds, mask=valid) == _THING)
    return np.asarray(basin | (ndimage.binary_fill_holes(basin) & coarse))
