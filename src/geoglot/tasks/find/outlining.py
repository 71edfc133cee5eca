"""Instances in the views that a refiner wants, and the outlines that come back."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from scipy import ndimage

from geoglot.aliases import Progress
from geoglot.errors import ReadError
from geoglot.geo import Window
from geoglot.scene.score_field import ScoreField
from geoglot.sources.raster import Raster
from geoglot.tasks.find.finished import Finished
from geoglot.tasks.find.instances import LARGEST, Instance
from geoglot.tasks.find.outline import Found, outline
from geoglot.tasks.refine.refiner import Proposal, Refiner, View

log = logging.getLogger(__name__)

_MARGIN = 2  # patches around a thing that are looked at
_ROOM = 1.25  # a view is so much longer than what is looked at in it
_STEPS = (7 / 8, 1 / 2, 1 / 4, 1 / 8)  # of a view, from one to the next: few views, and a thing is whole in one
_AT_ONCE = 16  # things of one view that are held at once: bounds memory where they are crowded
_LARGEST_VIEW = 4 * LARGEST  # pixels; a longer thing keeps the outline of its scores


@dataclass(frozen=True)
class Candidate:
    """An instance and whose scores it comes from."""

    instance: Instance
    field: ScoreField
    extent: float
    """Least score of its pixels."""
    drawn: bool = False
    """Whether a person drew its box."""


def refine_all(
    candidates: Sequence[Candidate],
    raster: Raster,
    refiner: Refiner | None,
    finished: Finished | None = None,
    progress: Progress | None = None,
) -> list[Found]:
    """The outlines of every candidate, in their order; each view is read once, for all names."""
    views = [_view(one, refiner.side) if refiner else None for one in candidates]
    found = {index: [_as_it_is(candidates[index])] for index, view in enumerate(views) if view is None}
    keyed = sorted((view, index) for index, view in enumerate(views) if view)
    stored = finished.load(len(candidates)) if finished else []
    found |= {index: things for (_, index), things in zip(keyed, stored, strict=False)}
    for window, group in groupby(keyed[len(stored) :], key=lambda pair: pair[0]):
        indexes = [index for _, index in group]
        assert refiner is not None
        outlines = list(_refined([candidates[index] for index in indexes], window, raster, refiner))
        found |= dict(zip(indexes, outlines, strict=True))
        if finished:
            finished.add(outlines)
        if progress:
            progress("outlines", len(found), len(candidates))
    return [one for index in range(len(candidates)) for one in found[index]]


def digest(candidates: Sequence[Candidate]) -> str:
    """Short for all that candidates are."""
    found = hashlib.sha256()
    for one in candidates:
        facts = (one.field.name, *one.instance.box, one.instance.score, one.extent, one.drawn)
        found.update(repr(facts).encode() + one.instance.bits.tobytes())
    return found.hexdigest()


def _as_it_is(one: Candidate) -> Found:
    return Found(one.field.name, outline(one.instance.mask, one.instance.box), one.instance.score, "none")


def _view(one: Candidate, side: int | None) -> Window | None:
    """Where a thing is looked at: its surroundings, or that view of a fixed lattice whose centre is nearest."""
    box, margin = one.instance.box, _MARGIN * one.field.scene.plan.patch
    if side is None:
        view = Window(box.row - margin, box.col - margin, box.height + 2 * margin, box.width + 2 * margin)
    else:
        longest = max(box.height, box.width)
        side = max(side, round(_ROOM * longest))
        fits = (step for share in _STEPS if (step := int(share * side)) <= side - _ROOM * longest)
        step = next(fits, 1)
        middles = box.row + box.height / 2, box.col + box.width / 2
        row, col = (
            step * min(max(0, round((middle - side / 2) / step)), max(0, -(-(length - side) // step)))
            for middle, length in zip(middles, one.field.scene.plan.shape, strict=True)
        )  # the first view begins with the scene, the last ends with it or beyond
        view = Window(row, col, side, side)
    return view if view.height * view.width <= _LARGEST_VIEW else None


def _refined(group: Sequence[Candidate], window: Window, raster: Raster, refiner: Refiner) -> Iterator[list[Found]]:
    try:
        tile = raster.read(window)
    except ReadError as error:  # it was read for the scores, so only what lies around it is damaged
        log.warning("%d outlines are not refined: %s", len(group), error)
        yield from ([_as_it_is(one)] for one in group)
        return
    view = View(window, tile.pixels, tile.valid, group[0].field.scene.plan.patch)
    for first in range(0, len(group), _AT_ONCE):
        frames = [_Frame(one, window) for one in group[first : first + _AT_ONCE]]
        answers = refiner(view, [frame.proposal() for frame in frames])
        for one, frame, answer in zip(group[first:], frames, answers, strict=False):
            masks = [mask & tile.valid for mask in answer.masks]
            yield [frame.found(mask, answer.how) for mask in masks if mask.any()] or [_as_it_is(one)]


class _Frame:
    """A candidate in the frame of a view."""

    def __init__(self, one: Candidate, window: Window) -> None:
        self._one, self._window = one, window
        inside = window.intersection(one.field.scene.raster.grid.whole)
        assert inside is not None
        self._scores = np.zeros((window.height, window.width), np.float32)
        self._scores[inside.within(window).slices] = one.field.read(inside)
        self.mask = np.zeros(self._scores.shape, bool)
        self.mask[one.instance.box.within(window).slices] = one.instance.mask

    def proposal(self) -> Proposal:
        others = ~self.mask & (self._scores >= self._one.extent)
        return Proposal(self.mask, np.where(others, np.float32(0), self._scores), self._one.drawn)

    def found(self, mask: np.ndarray, how: str) -> Found:
        """The outline of a mask's largest part, scored by the scores inside it."""
        parts, count = ndimage.label(mask)
        mask = parts == 1 + np.bincount(parts.ravel())[1:].argmax() if count > 1 else mask
        score = float(self._scores[mask].mean(dtype=np.float64))
        return Found(self._one.field.name, outline(mask, self._window), score, how)
