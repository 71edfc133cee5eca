"""The result of a change run: areas of every class on every date, what became what, and the files that hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from shapely.geometry.base import BaseGeometry

from geoglot.figures import choose_area_unit, format_area
from geoglot.outputs.notebook.page import Drawing, Page, WrittenFile
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.scene.stream import describe_windows
from geoglot.sources.raster import Raster
from geoglot.sources.read_ahead import FailedWindow
from geoglot.tasks.change.change_page import draw_changes, page_of_changes
from geoglot.tasks.change.measure import Tally
from geoglot.tasks.change.objects import GAINS, LOSSES, Kinds
from geoglot.tasks.change.posterior import Transitions


@dataclass(frozen=True)
class ClassChange:
    """One class over all dates. Areas are in square metres, None without a CRS."""

    name: str
    pixels: tuple[int, ...]
    """One number a date."""
    area_m2: tuple[float | None, ...]
    gain_m2: float | None
    """Ground that became this class from one date to the next, the sum over all steps."""
    loss_m2: float | None
    """Ground that was this class on one date and not on the next."""
    gain_pixels: int
    loss_pixels: int
    objects: tuple[Mapping[str, int], ...]
    """For each step how many of its objects appeared, are grown, gone and shrunk; empty for what is no class."""

    def to_json(self) -> dict[str, Any]:
        """The entry in the document."""
        return {
            "name": self.name, "area_m2": list(self.area_m2), "gain_m2": self.gain_m2, "loss_m2": self.loss_m2,
            "pixels": list(self.pixels), "gain_pixels": self.gain_pixels, "loss_pixels": self.loss_pixels,
            "objects": [dict(counts) for counts in self.objects],
        }  # fmt: skip


@dataclass(frozen=True)
class Transition:
    """Ground that was one class on a date and another on the next."""

    before: str
    """The earlier date."""
    after: str
    source: str
    """The class on the earlier date."""
    target: str
    number: int
    """Of the change in the maps."""
    pixels: int
    area_m2: float | None

    def to_json(self) -> dict[str, Any]:
        """The entry in the document."""
        return {
            "before": self.before, "after": self.after, "from": self.source, "to": self.target,
            "id": self.number, "pixels": self.pixels, "area_m2": self.area_m2,
        }  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class ChangeResult(ShownOnMap):
    """What changed between dates, and the files that show it."""

    model: str
    dates: tuple[str, ...]
    """Names of the dates: the day, such as 2015-06-29, else the name of the file."""
    classes: tuple[ClassChange, ...]
    """What is none of the classes comes first, if there is any."""
    transitions: tuple[Transition, ...]
    alignment: tuple[dict[str, Any], ...]
    """How each date was brought onto the common grid, as JSON."""
    known: float
    """Share of the common ground that could be seen on all dates."""
    outputs: Mapping[str, Path]
    """The files by what they are; empty if no output was asked for."""
    changes: gpd.GeoDataFrame | None
    """One row for each region of change, if no output was asked for; else they are in the file of polygons."""
    windows: int
    failed: tuple[FailedWindow, ...]
    seconds: float
    scenes: tuple[Raster, ...]
    """The dates as they were read, closed."""
    area: BaseGeometry | None
    """The area of interest in pixels of their grid."""
    map: WrittenFile | None
    """The map of changes; None if no output was asked for."""
    why: Mapping[str, str] = field(default_factory=dict)
    """By name of a class, why the pixels cannot show it."""
    notes: tuple[str, ...] = ()
    """Sentences for the user."""

    def __repr__(self) -> str:
        return f"ChangeResult({self.summary!r})"

    @property
    def shift_m(self) -> list[float] | None:
        """Metres to the east and north by which the last date was moved, less those of the first."""
        first, last = (self.alignment[place].get("shift_m") for place in (0, -1))
        return None if first is None or last is None else [round(b - a, 3) for a, b in zip(first, last, strict=True)]

    @property
    def summary(self) -> str:
        """The areas of each class on the first and the last date, and the difference, in a sentence."""
        named = [each for each in self.classes if each.objects]
        unit = choose_area_unit([area for each in named for area in each.area_m2])
        parts = []
        for each in named:
            first, last = each.area_m2[0], each.area_m2[-1]
            if first is None or last is None:
                parts.append(f"{each.name} {each.pixels[0]:,} to {each.pixels[-1]:,} pixels")
            else:
                sign = "+" if last > first else "-" if last < first else "±"
                size = format_area(abs(last - first), unit)
                parts.append(f"{each.name} {format_area(first, unit)} to {format_area(last, unit)} ({sign}{size})")
        return f"From {self.dates[0]} to {self.dates[-1]}: {'; '.join(parts)}."

    def page(self) -> Page:
        return page_of_changes(self)

    def draw(self) -> Drawing:
        return draw_changes(self)

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot change --json`."""
        return {
            "model": self.model,
            "outputs": {what: str(path) for what, path in self.outputs.items()},
            "dates": list(self.dates),
            "shift_m": self.shift_m,
            "alignment": list(self.alignment),
            "known": self.known,
            "summary": self.summary,
            "classes": [each.to_json() for each in self.classes],
            "transitions": [each.to_json() for each in self.transitions],
            "why": dict(self.why),
            "windows": describe_windows(self.windows, self.failed),
            "seconds": self.seconds,
            "notes": list(self.notes),
        }


def sum_up(
    tally: Tally, kinds: Sequence[Kinds], names: Sequence[str], dates: Sequence[str], *, on_earth: bool
) -> tuple[tuple[ClassChange, ...], tuple[Transition, ...]]:
    """The entries of all states and of all changes that happened; `names` are those of the states, from 0."""
    pairs = Transitions(len(names))
    sides = np.array([pairs.pair(number) for number in range(1, pairs.count + 1)])

    def area(value: float) -> float | None:
        return round(float(value), 2) if on_earth else None

    classes = []
    for state, name in enumerate(names):
        gains, losses = (np.flatnonzero(sides[:, side] == state) + 1 for side in (1, 0))
        classes.append(
            ClassChange(
                name,
                tuple(tally.pixels[:, state].tolist()),
                tuple(area(value) for value in tally.areas[:, state]),
                area(tally.moved_areas[:, gains].sum()),
                area(tally.moved_areas[:, losses].sum()),
                int(tally.moved[:, gains].sum()),
                int(tally.moved[:, losses].sum()),
                tuple(_count(each, state) for each in kinds) if state else (),
            )
        )
    transitions = []
    for step, (before, after) in enumerate(pairwise(dates)):
        for number in (np.flatnonzero(tally.moved[step, 1:]) + 1).tolist():
            source, target = pairs.pair(number)
            pixels, size = int(tally.moved[step, number]), area(tally.moved_areas[step, number])
            transitions.append(Transition(before, after, names[source], names[target], number, pixels, size))
    return tuple(classes if any(classes[0].pixels) else classes[1:]), tuple(transitions)


def _count(kinds: Kinds, state: int) -> dict[str, int]:
    return dict(zip((*GAINS[1:], *LOSSES[1:]), kinds.counts[:, state].tolist(), strict=True))
