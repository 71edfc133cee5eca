"""Turn instances into objects: show them to a refiner in views of the picture, and outline its masks.

Outlines are kept beside the output while they are made, so that a killed run does not make them again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path

import numpy as np
import shapely
from jaxtyping import Float
from scipy import ndimage
from shapely import Polygon

from geoglot.aliases import Progress
from geoglot.errors import ReadError
from geoglot.geo import Window
from geoglot.outputs.journal import Journal
from geoglot.scene.stream import resume_note
from geoglot.sources.raster import Raster
from geoglot.tasks.find.instances import LARGEST, Instance
from geoglot.tasks.find.outline import Object, outline, outline_instances
from geoglot.tasks.refine.refiner import CoarseMask, Refiner, View

log = logging.getLogger(__name__)

_MARGIN = 2  # patches around an instance that belong to its view
_ROOM = 1.25  # least ratio of a view's side to the instance in it
_STEPS = (7 / 8, 1 / 2, 1 / 4, 1 / 8)  # from view to view, in sides: few views, and every instance is whole in one
_AT_ONCE = 16  # instances of a view that are held at once: bounds memory where they are crowded
_LARGEST_VIEW = 4 * LARGEST  # pixels; an instance that needs a larger view is not refined
_KIND = "outlines"
_EVERY_SECONDS = 10.0  # a file for each view would cost more than a fast refiner


def refine_outlines(
    instances: Sequence[Instance],
    raster: Raster,
    refiner: Refiner | None,
    journal: OutlineJournal | None = None,
    progress: Progress | None = None,
) -> list[Object]:
    """The objects of all instances, in their order. Each view is read once, for all names."""
    views = [_view_of(instance, refiner.side) if refiner else None for instance in instances]
    left = [index for index, view in enumerate(views) if view is None]
    outlines = outline_instances([instances[index] for index in left])
    objects = {index: [_unrefined(instances[index], own)] for index, own in zip(left, outlines, strict=True)}
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
    return view if view.pixels <= _LARGEST_VIEW else None


def _refine_view(
    instances: Sequence[Instance], window: Window, raster: Raster, refiner: Refiner
) -> Iterator[list[Object]]:
    """The objects of each instance; several where the picture shows several."""
    try:
        tile = raster.read(window)
    except ReadError as error:  # the instance itself was read for its scores, so only its surroundings are damaged
        log.warning("%d outlines are not refined: %s", len(instances), error)
        outlines = outline_instances(instances)
        yield from ([_unrefined(*pair)] for pair in zip(instances, outlines, strict=True))
        return
    view = View(window, tile.pixels, tile.valid, instances[0].field.scene.plan.patch)
    for first in range(0, len(instances), _AT_ONCE):
        group = instances[first : first + _AT_ONCE]
        scores = [_scores_in(window, instance) for instance in group]
        coarse = [_coarse_mask(*pair, window) for pair in zip(group, scores, strict=True)]
        for instance, own, before, refined in zip(group, scores, coarse, refiner(view, coarse), strict=True):
            how, objects = refiner.name if refined else "none", []
            for mask in refined or (before.mask,):
                parts, count = ndimage.label(mask & tile.valid)
                if count:
                    largest = parts == 1 + np.bincount(parts.ravel())[1:].argmax()
                    score = float(own[largest].mean(dtype=np.float64))
                    objects.append(Object(instance.name, outline(largest, window), score, how))
            yield objects or [_unrefined(instance, *outline_instances([instance]))]


def _scores_in(window: Window, instance: Instance) -> Float[np.ndarray, "rows cols"]:
    """Scores of the instance's name in a window; 0 beyond the scene."""
    inside = window.intersection(instance.field.scene.raster.grid.whole)
    assert inside is not None
    return np.pad(instance.field.read(inside), window.rims(inside))


def _coarse_mask(instance: Instance, scores: Float[np.ndarray, "rows cols"], window: Window) -> CoarseMask:
    mask = np.pad(instance.mask, window.rims(instance.box))
    others = ~mask & (scores >= instance.low)
    return CoarseMask(mask, np.where(others, np.float32(0), scores), instance.drawn)


def _unrefined(instance: Instance, polygon: Polygon) -> Object:
    return Object(instance.name, polygon, instance.score, "none")


class OutlineJournal:
    """The objects of the first instances, in the order in which these are refined."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: list[list[Object]] = []
        self._count, self._saved = 0, time.monotonic()
        self.resumed: tuple[str, ...] = ()
        """A note if refining goes on after a killed run."""
        if journal.load() is None:
            journal.save({}, {})

    def load(self, total: int) -> list[list[Object]]:
        """The objects of each instance that a killed run had finished; `total` counts all instances."""
        finished = [
            [Object(name, shapely.from_wkb(polygon), score, how) for name, polygon, score, how in rows]
            for path in self._journal.strips(_KIND)
            for rows in json.loads(path.read_bytes())
        ]
        self._count = len(finished)
        self.resumed = resume_note(len(finished), total, "outlines")
        return finished

    def add(self, objects: Sequence[list[Object]]) -> None:
        """Keep the objects of the next instances; they are written every ten seconds."""
        self._waiting += objects
        if time.monotonic() - self._saved >= _EVERY_SECONDS:
            rows = [
                [(each.name, shapely.to_wkb(each.polygon, hex=True), each.score, each.how) for each in objects]
                for objects in self._waiting
            ]
            self._journal.add_strip(_KIND, self._count, json.dumps(rows).encode(), ".json")
            self._count += len(rows)
            self._waiting, self._saved = [], time.monotonic()


def outlines_of(output: Path) -> Path:
    """The path from which the journal of outlines takes its name."""
    return output.with_name(f"{output.name}.outlines")


@contextmanager
def open_outline_journal(output: Path | None, run: str, refined: bool) -> Iterator[OutlineJournal | None]:
    """The journal of a run with this fingerprint, removed when the block ends well; None without output or refiner.

    If nothing is refined, the journal that a killed run left is removed.
    """
    if output is None:
        yield None
        return
    with closing(Journal(outlines_of(output), run)) as journal:
        yield OutlineJournal(journal) if refined else None
        journal.clear()


def digest(instances: Sequence[Instance]) -> str:
    """Hash of all fields of the instances."""
    total = hashlib.sha256()
    for instance in instances:
        facts = (instance.name, *instance.box, instance.score, instance.low, instance.drawn)
        total.update(repr(facts).encode() + instance.bits.tobytes())
    return total.hexdigest()
