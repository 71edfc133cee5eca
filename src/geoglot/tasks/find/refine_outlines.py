"""Turn instances into objects: show them to a refiner in views of the picture, and outline its masks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from geoglot.aliases import Progress
from geoglot.errors import ReadError
from geoglot.geo import Window
from geoglot.sources.raster import Raster
from geoglot.tasks.find.instances import LARGEST, Instance
from geoglot.tasks.find.outline import Object, outline
from geoglot.tasks.find.outline_journal import OutlineJournal
from geoglot.tasks.refine.refiner import CoarseMask, Refiner, View

log = logging.getLogger(__name__)

_MARGIN = 2  # patches around an instance that belong to its view
_ROOM = 1.25  # least ratio of a view's side to the instance in it
_STEPS = (7 / 8, 1 / 2, 1 / 4, 1 / 8)  # from view to view, in sides: few views, and every instance is whole in one
_AT_ONCE = 16  # instances of a view that are held at once: bounds memory where they are crowded
_LARGEST_VIEW = 4 * LARGEST  # pixels; an instance that needs a larger view is not refined


def refine_outlines(
    instances: Sequence[Instance],
    raster: Raster,
    refiner: Refiner | None,
    journal: OutlineJournal | None = None,
    progress: Progress | None = None,
) -> list[Object]:
    """The objects of all instances, in their order. Each view is read once, for all names."""
    views = [_view_of(instance, refiner.side) if refiner else None for instance in instances]
    objects = {index: [_unrefined(instances[index])] for index, view in enumerate(views) if view is None}
    keyed = sorted((view, index) for index, view in enumerate(views) if view)
    stored = journal.load(len(instances)) if journal else []
    objects |= {index: own for (_, index), own in zip(keyed, stored, strict=False)}
    for window, group in groupby(keyed[len(stored) :], key=lambda pair: pair[0]):
        indexes = [index for _, index in group]
        assert refiner is not None
        refined = list(_refine_view([instances[index] for index in indexes], window, raster, refiner))
        objects |= dict(zip(indexes, refined, strict=True))
        if journal:
            journal.add(refined)
        if progress:
            progress("outlines", len(objects), len(instances))
    return [each for index in range(len(instances)) for each in objects[index]]


def _view_of(instance: Instance, side: int | None) -> Window | None:
    """The surroundings of an instance or, if the refiner wants a fixed side, the nearest view of a lattice.

    None if the view would be too large.
    """
    box, plan = instance.box, instance.field.scene.plan
    if side is None:
        margin = _MARGIN * plan.patch
        view = Window(box.row - margin, box.col - margin, box.height + 2 * margin, box.width + 2 * margin)
    else:
        longest = max(box.height, box.width)
        side = max(side, round(_ROOM * longest))
        fits = (step for share in _STEPS if (step := int(share * side)) <= side - _ROOM * longest)
        step = next(fits, 1)
        middles = box.row + box.height / 2, box.col + box.width / 2
        row, col = (
            step * min(max(0, round((middle - side / 2) / step)), max(0, -(-(length - side) // step)))
            for middle, length in zip(middles, plan.shape, strict=True)
        )  # the first view begins with the scene, the last one ends with it or beyond
        view = Window(row, col, side, side)
    return view if view.height * view.width <= _LARGEST_VIEW else None


def _refine_view(
    instances: Sequence[Instance], window: Window, raster: Raster, refiner: Refiner
) -> Iterator[list[Object]]:
    """The objects of each instance; several where the picture shows several."""
    try:
        tile = raster.read(window)
    except ReadError as error:  # the instance was read for its scores, so only its surroundings are damaged
        log.warning("%d outlines are not refined: %s", len(instances), error)
        yield from ([_unrefined(instance)] for instance in instances)
        return
    view = View(window, tile.pixels, tile.valid, instances[0].field.scene.plan.patch)
    for first in range(0, len(instances), _AT_ONCE):
        some = instances[first : first + _AT_ONCE]
        scores = [_scores_in(window, instance) for instance in some]
        coarse = [_coarse_mask(*pair, window) for pair in zip(some, scores, strict=True)]
        for instance, own, before, refined in zip(some, scores, coarse, refiner(view, coarse), strict=True):
            how = refiner.name if refined else "none"
            masks = [mask & tile.valid for mask in refined or (before.mask,)]
            objects = [_object(instance.name, mask, own, window, how) for mask in masks if mask.any()]
            yield objects or [_unrefined(instance)]


def _scores_in(window: Window, instance: Instance) -> Float[np.ndarray, "rows cols"]:
    """Scores of the instance's name in a window that may reach beyond the scene, 0 there."""
    inside = window.intersection(instance.field.scene.raster.grid.whole)
    assert inside is not None
    scores = np.zeros((window.height, window.width), np.float32)
    scores[inside.within(window).slices] = instance.field.read(inside)
    return scores


def _coarse_mask(instance: Instance, scores: Float[np.ndarray, "rows cols"], window: Window) -> CoarseMask:
    mask = np.zeros(scores.shape, bool)
    mask[instance.box.within(window).slices] = instance.mask
    others = ~mask & (scores >= instance.extent)
    return CoarseMask(mask, np.where(others, np.float32(0), scores), instance.drawn)


def _object(
    name: str, mask: Bool[np.ndarray, "rows cols"], scores: Float[np.ndarray, "rows cols"], window: Window, how: str
) -> Object:
    """The object of a mask's largest part, scored by the scores inside it."""
    parts, count = ndimage.label(mask)
    mask = parts == 1 + np.bincount(parts.ravel())[1:].argmax() if count > 1 else mask
    return Object(name, outline(mask, window), float(scores[mask].mean(dtype=np.float64)), how)


def _unrefined(instance: Instance) -> Object:
    return Object(instance.name, outline(instance.mask, instance.box), instance.score, "none")
