"""What SAM is told of a thing: points where the text scores are highest, and if asked a box and points beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

from geoglot.errors import InputError
from geoglot.tasks.refine.refiner import Proposal, View

_RING = 2  # patches around a thing in which points beside it are looked for


@dataclass(frozen=True)
class Prompting:
    """How a thing is told to SAM."""

    points: int = 3
    """At most so many centres of patches, those with the highest text scores (Mall et al. 2024)."""
    negatives: int = 0
    """Points beside the thing where the text scores are lowest."""
    box: bool = False
    """The box around the coarse mask, half a patch wider."""

    def __post_init__(self) -> None:
        if self.points < 1 or self.negatives < 0:
            raise InputError(f"SAM needs a point at least, not {self.points} and {self.negatives} beside")


@dataclass(frozen=True)
class Prompt:
    """Points and a box in pixels of the view, (0.5, 0.5) the centre of its first one."""

    points: Float[np.ndarray, "point 2"]
    """x, y."""
    labels: Int[np.ndarray, " point"]
    """1 on the thing, 0 beside it."""
    box: Float[np.ndarray, " edge"] | None
    """Left, top, right, bottom."""


def prompt_of(one: Proposal, view: View, how: Prompting) -> Prompt:
    """The prompt of a proposal."""
    on = _best(np.where(one.mask, one.scores, -1), view, how.points)
    beside = np.empty((0, 2))
    if how.negatives:
        ring = ndimage.distance_transform_edt(~one.mask)
        ring = (ring > view.patch / 2) & (ring <= _RING * view.patch) & view.valid
        beside = _best(np.where(ring, 1 - one.scores, -1), view, how.negatives)
    labels = np.repeat([1, 0], [len(on), len(beside)])
    return Prompt(np.concatenate([on, beside]), labels, _box(one, view) if how.box or one.box else None)


def surroundings(one: Proposal, view: View) -> Float[np.ndarray, "rows cols"]:
    """Scores of a thing and up to a patch around it, 0 elsewhere; of a box that was drawn, the box."""
    if one.box:
        return one.mask.astype(np.float32)
    box = one.around(view.patch)
    near = ndimage.distance_transform_edt(~one.mask[box]) <= view.patch
    scores = np.zeros_like(one.scores)
    scores[box] = np.where(near, one.scores[box], 0)
    return scores


def _best(values: Float[np.ndarray, "rows cols"], view: View, count: int) -> Float[np.ndarray, "point 2"]:
    """x, y of the centres of patches with the highest values from 0 on; the highest pixel if no centre has one."""
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


def _box(one: Proposal, view: View) -> Float[np.ndarray, " edge"]:
    """Around the mask; a coarse one may be too small by half a patch."""
    room = 0.0 if one.box else view.patch / 2
    (top, bottom), (left, right) = ((float(axis.min()), float(axis.max()) + 1) for axis in np.nonzero(one.mask))
    height, width = one.mask.shape
    return np.array([max(0, left - room), max(0, top - room), min(width, right + room), min(height, bottom + room)])
