"""A decided sample to areas and accuracies, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from geoglot.aliases import PathLike, Progress
from geoglot.crs import transform
from geoglot.errors import InputError
from geoglot.figures import format_count, format_some
from geoglot.tasks.audit.answers import Answers, read_answers
from geoglot.tasks.audit.audit_result import Audit, AuditedClass, Figure, Verdict
from geoglot.tasks.audit.census import Stratum, take_census
from geoglot.tasks.audit.class_raster import check_same_frame, open_classes
from geoglot.tasks.audit.design import Design
from geoglot.tasks.audit.estimate import Counts, Ratios, Sample, estimate_ratios
from geoglot.tasks.audit.pick_places import centres

_HOLDS = "an interval tells how far the choice of places may lead; of places that were decided wrongly it knows nothing"


def audit_areas(
    sample: PathLike, map_: PathLike | None = None, *, names: PathLike | None = None, progress: Progress | None = None
) -> Audit:
    """Areas and accuracies from a decided sample: the folder that `draw_audit` made, or its `sample.csv`.

    With `map_`, another map of the same ground and classes is judged by the same places (`names` is its table of
    classes, if it needs one); areas do not depend on the map that is judged. Raises InputError, with the reason, where
    no interval would hold: for places that chance did not choose, that were removed, added or moved, and where too many
    have no class.
    """
    answers = read_answers(sample)
    other = None if map_ is None else _read_other(map_, names, answers, progress)
    return judge(answers, other)


@dataclass(frozen=True)
class OtherMap:
    """A map that the sample was not drawn from."""

    path: str
    strata: tuple[Stratum, ...]
    """Its classes."""
    classes: Sequence[str | None]
    """Its class at each decided place; None where it has none."""
    notes: tuple[str, ...]


def judge(answers: Answers, other: OtherMap | None = None) -> Audit:
    """Areas by what was decided, and how right the map that the places were drawn from is, or another."""
    design = answers.design
    decided = answers.places
    true = [answers.names[place.id] for place in decided]
    mapped = other.classes if other else [design.strata[place.stratum].name for place in decided]
    strata = other.strata if other else design.strata
    areas = {stratum.name: stratum.area_m2 for stratum in strata}
    places = _Places(
        np.array([place.stratum for place in decided]), np.array(true, object), np.array(mapped, object),
        [stratum.name for stratum in design.strata] if other is None else None, len(design.strata),
    )  # fmt: skip
    present = set(true) | set(areas)
    classes = [name for name in dict.fromkeys((*design.names, *areas)) if name in present]
    groups = {name: frozenset([name]) for name in classes} | _changes(design)
    sizes = places.count(np.ones(len(decided), bool))
    pixels = np.array([stratum.pixels for stratum in design.strata])
    weights = np.array([stratum.weight for stratum in design.strata])
    figures = _figures(estimate_ratios(places.counts(list(groups.values())), Sample(weights, sizes, pixels)))
    rows = [
        _row(name, group, figures[1 + 3 * index : 4 + 3 * index], areas, design)
        for index, (name, group) in enumerate(groups.items())
    ]
    matrix = {row: {name: count for name in classes if (count := int(places.both(row, name).sum()))} for row in classes}
    return Audit(
        sample=answers.path,
        map=other.path if other else design.map,
        design=design,
        strata=strata,
        decided=tuple(sizes.tolist()),
        classes=tuple(rows[: len(classes)]),
        changes=tuple(rows[len(classes) :]),
        overall=figures[0],
        matrix=matrix,
        notes=(*answers.notes, *(other.notes if other else ()), _HOLDS),
        verdicts=tuple(map(Verdict, decided, mapped, true)),
    )


@dataclass(frozen=True, eq=False)
class _Places:
    """Decided places: the stratum of each, what is there, and what the map says."""

    strata: Int[np.ndarray, " place"]
    true: np.ndarray
    mapped: np.ndarray
    own: Sequence[str] | None
    """The class of the map in each stratum, if the strata are its classes."""
    number: int
    """Strata."""

    def count(self, chosen: Bool[np.ndarray, " place"]) -> Int[np.ndarray, " stratum"]:
        """Places of each stratum."""
        return np.bincount(self.strata[chosen], minlength=self.number)

    def both(self, mapped: str, true: str) -> Bool[np.ndarray, " place"]:
        """Places that the map calls one class, and that are of another or the same."""
        found: np.ndarray = (self.mapped == mapped) & (self.true == true)
        return found

    def counts(self, groups: Sequence[Collection[str]]) -> Counts:
        """The overall accuracy, then area, user's and producer's accuracy of each group of classes."""
        every, anywhere = np.ones(len(self.strata), bool), np.ones(self.number, bool)
        has_class = np.array([name is not None for name in self.mapped])
        rows = [(has_class & (self.mapped == self.true), has_class, anywhere, anywhere)]
        for group in groups:
            true, mapped = (np.array([name in group for name in names]) for names in (self.true, self.mapped))
            can, cannot = anywhere, anywhere
            if self.own is not None:
                can = np.array([name in group for name in self.own])
                cannot = ~can
            right = true & mapped
            rows += [(true, every, anywhere, anywhere), (right, mapped, can, can), (right, true, can, cannot)]
        parts, wholes, part_can_be, rest_can_be = zip(*rows, strict=True)
        return Counts(
            np.stack(list(map(self.count, parts))), np.stack(list(map(self.count, wholes))),
            np.stack(part_can_be), np.stack(rest_can_be),
        )  # fmt: skip


def _changes(design: Design) -> dict[str, frozenset[str]]:
    """The classes of a map of change by what they gain and lose."""
    groups = dict[str, frozenset[str]]()
    for index, what in ((1, "gained"), (0, "lost")):
        for name in sorted({ends[index] for ends in design.transitions.values()}):
            groups[f"{name} {what}"] = frozenset(
                change for change, ends in design.transitions.items() if ends[index] == name
            )
    return groups


def _figures(ratios: Ratios) -> list[Figure]:
    return [
        Figure(*(None if np.isnan(number) else float(number) for number in numbers))
        for numbers in zip(*ratios, strict=True)
    ]


def _row(
    name: str, group: Collection[str], figures: Sequence[Figure], areas: Mapping[str, float | None], design: Design
) -> AuditedClass:
    share, users, producers = figures
    total = sum(stratum.area_m2 or 0.0 for stratum in design.strata)
    mapped = sum(areas.get(each) or 0.0 for each in group)
    known = design.grid.crs is not None
    area = share.times(total) if known else Figure(None, None, None)
    return AuditedClass(name, mapped if known else None, area, share, users, producers)


def _read_other(map_: PathLike, names: PathLike | None, answers: Answers, progress: Progress | None) -> OtherMap:
    """What another map says at the decided places; InputError if it knows none of them or none of the classes."""
    design = answers.design
    with open_classes(map_, names) as raster:
        x, y = design.grid.to_map(*centres(answers.places))
        check_same_frame(raster.uri, raster.grid, design.grid)
        if design.grid.crs is not None and raster.grid.crs is not None:
            x, y = transform(x, y, design.grid.crs, raster.grid.crs)
        classes = raster.at(*raster.grid.to_pixel(x, y))
        area = Path(design.options.get("area") or "")
        census = take_census(raster.within(design.grid, area if area.is_file() else None), progress)
    found = [stratum.name for stratum in census.strata]
    if not set(found) & set(design.names):
        raise InputError(f"{map_} has other classes ({format_some(found)}) than the sample; give --names")
    notes = list(census.notes)
    if area.name and not area.is_file():
        notes.append(f"{area}, in which the places were drawn, is gone: areas on {map_} reach beyond it")
    if missing := classes.count(None):
        notes.append(
            f"{format_count(missing, 'place')} of {len(classes):,} lie where {map_} has no class; its accuracy is that "
            "of the rest"
        )
    return OtherMap(str(map_), census.strata, classes, tuple(notes))
