"""Prompts for SAM: points where the text scores are highest, and optionally a box and negative points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

from geoglot.errors import InputError
from geoglot.tasks.refine.refiner import CoarseMask, View

_RING = 2  # patches around a thing that may hold negative points


@dataclass(frozen=True)
class Prompting:
    """The number of points in a prompt, and whether it has a box."""

    points: int = 3
    """Largest number of positive points, the patch centres with the highest text scores (Mall et al. 2024)."""
    negatives: int = 0
    """Points beside the thing where the text scores are lowest."""
    box: bool = False
    """Add the box around the coarse mask, half a patch wider on each side."""

    def __post_init__(self) -> None:
        if self.points < 1 or self.negatives < 0:
            counts = f"{self.points} and {self.negatives}"
            raise InputError(f"SAM needs at least 1 point and no fewer than 0 negatives, got {counts}")


@dataclass(frozen=True)
class Prompt:
    """Points and a box in pixels of the view; the centre of its first pixel is (0.5, 0.5)."""

    points: Float[np.ndarray, "point 2"]
    """x, y."""
    labels: Int[np.ndarray, " point"]
    """1 on the thing, 0 beside it."""
    box: Float[np.ndarray, " edge"] | None
    """Left, top, right, bottom."""


def prompt_of(coarse: CoarseMask, view: View, prompting: Prompting) -> Prompt:
    """The prompt for a coarse mask; a box that a person drew is always part of it."""
    on = _best(np.where(coarse.mask, coarse.scores, -1), view, prompting.points)
    beside = np.empty((0, 2))
    if prompting.negatives:
        distance = ndimage.distance_transform_edt(~coarse.mask)
        ring = (distance > view.patch / 2) & (distance <= _RING * view.patch) & view.valid
        beside = _best(np.where(ring, 1 - coarse.scores, -1), view, prompting.negatives)
    labels = np.repeat([1, 0], [len(on), len(beside)])
    box = _box(coarse, view) if prompting.box or coarse.drawn else None
    return Prompt(np.concatenate([on, beside]), labels, box)


def scores_around(coarse: CoarseMask, view: View) -> Float[np.ndarray, "rows cols"]:
    """Scores on a mask and up to a patch around it, 0 elsewhere; for a box that a person drew, the box itself."""
    if coarse.drawn:
        return coarse.mask.astype(np.float32)
    box = coarse.around(view.patch)
    near = ndimage.distance_transform_edt(~coarse.mask[box]) <= view.patch
    scores = np.zeros_like(coarse.scores)
    scores[box] = np.where(near, coarse.scores[box], 0)
    return scores


def _best(values: Float[np.ndarray, "rows cols"], view: View, count: int) -> Float[np.ndarray, "point 2"]:
    """x, y of the patch centres with the highest values >= 0; if no centre has such a value, of the highest pixel."""
    rows, cols = (
        np.arange(-start % view.patch + view.patch // 2, start + size, view.patch)
        for start, size in zip(view.window[:2], values.shape, strict=True)
    )
    rows, cols = rows[rows < values.shape[0]], cols[cols < values.shape[1]]
    centres = values[np.ix_(rows, cols)]
    order = np.argsort(-centres, axis=None, kind="stable")[:count]
    order = order[centres.ravel()[order] >= 0]
    if not len(order):
        row, col = np.unravel_index(values.argmax(), values.shape)
        return np.array([[col + 0.5, row + 0.5]]) if values[row, col] >= 0 else np.empty((0, 2))
    down, across = np.unravel_index(order, centres.shape)
    return np.column_stack([cols[across], rows[down]]).astype(np.float64) + (0 if view.patch % 2 == 0 else 0.5)


def _box(coarse: CoarseMask, view: View) -> Float[np.ndarray, " edge"]:
    room = 0.0 if coarse.drawn else view.patch / 2  # a coarse mask may be too small by half a patch
    (top, bottom), (left, right) = ((float(axis.min()), float(axis.max()) + 1) for axis in np.nonzero(coarse.mask))
    height, width = coarse.mask.shape
    return np.array([max(0, left - room), max(0, top - room), min(width, right + room), min(height, bottom + room)])
