"""From the files of several dates to rasters that can be compared pixel by pixel."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from geoglot.aliases import PathLike
from geoglot.errors import InputError
from geoglot.figures import format_list, format_number
from geoglot.geo import Grid, Window
from geoglot.options import ReadOptions
from geoglot.sources.raster import Raster, open_raster, read_grid
from geoglot.sources.scene_day import Period, period_of
from geoglot.tasks.change.align.common_grid import (
    Common,
    check_places,
    choose_resolution,
    cut_to_area,
    find_common,
    order_of_reference,
)
from geoglot.tasks.change.align.dated_raster import DatedRaster
from geoglot.tasks.change.align.light import compare_light
from geoglot.tasks.change.align.shift import find_shift, matters

_ROUNDS = 2  # of estimating a shift; the second measures what the first left
_SMALL_OVERLAP = 0.5


@dataclass(frozen=True)
class Aligned:
    """Dates on one grid, in the order that the user gave."""

    common: Common
    dates: tuple[DatedRaster, ...]
    notes: tuple[str, ...]
    """Sentences for the user."""

    @property
    def grid(self) -> Grid:
        """The grid that all dates are read on."""
        return self.common.grid

    @property
    def uncertainty_px(self) -> float:
        """How far in pixels a thing may lie apart on the two dates that are least sure: one standard deviation."""
        return math.hypot(*sorted(dated.shift.error_px for dated in self.dates)[-2:])

    def counts(self, window: Window) -> Bool[np.ndarray, "rows cols"]:
        """The pixels of a window inside the area of interest."""
        return self.common.counts(window)

    def facts(self) -> dict[str, Any]:
        """Everything that decides the pixels, as JSON."""
        area = self.common.area
        return {"sources": [dated.fingerprint() for dated in self.dates], "area": area and area.wkb_hex}

    def to_json(self) -> list[dict[str, Any]]:
        """What was done to each date, for manifests and results."""
        return [dated.to_json() for dated in self.dates]


@contextmanager
def align_dates(
    sources: Sequence[PathLike],
    read: ReadOptions = ReadOptions(),
    understood: tuple[float, float] = (0.0, np.inf),
    area: Path | None = None,
) -> Iterator[Aligned]:
    """Open scenes of one place on several dates so that they can be compared; the files are closed in the end.

    `understood` are the ground resolutions, finest and coarsest in metres, that a model understands. The dates are read
    at the coarsest of their own within it, or at that of `read`, on the ground that all of them show.

    InputError if they do not overlap, if only some of them have a CRS, or if no one shift moves one onto another.
    """
    uris = [str(source) for source in sources]
    if len(uris) < 2:
        raise InputError(f"change needs two dates or more, got {len(uris)}")
    grids = [read_grid(uri) for uri in uris]
    check_places(uris, grids)
    resolution = read.resolution or choose_resolution(grids, understood)
    with ExitStack() as stack:
        rasters = [
            stack.enter_context(
                open_raster(uri, bands=read.bands, sensor=read.sensor, nodata=read.nodata, resolution=resolution)
            )
            for uri in uris
        ]
        yield _align(rasters, area)


def _align(rasters: Sequence[Raster], area: Path | None) -> Aligned:
    order = order_of_reference(rasters)
    common = find_common([rasters[place] for place in order], area)
    periods = [period_of(raster.uri, raster.time) for raster in rasters]
    names = _names(rasters, periods)
    dates = [
        DatedRaster.of(raster, common.grid, name, period)
        for raster, name, period in zip(rasters, names, periods, strict=True)
    ]
    dates, left_out = _share_bands(dates)
    reference = dates[order[0]]
    for place in order[1:]:
        dates[place] = _move(reference, dates[place])
    dates, told = compare_light(dates, order[0], common)
    cut, window = cut_to_area(common)
    return Aligned(
        cut,
        tuple(dated.cut(window) for dated in dates),
        (*_notes(common, periods), *_shift_notes(dates), *left_out, *told),
    )


def _share_bands(dates: Sequence[DatedRaster]) -> tuple[list[DatedRaster], list[str]]:
    """The dates with those named bands only that all of them have, and notes on what is left out.

    A band that decides on one date alone would make a change of what only that date tells.
    """
    shared = frozenset.intersection(*(frozenset(dated.named.indexes) for dated in dates))
    notes = [
        f"{format_list(more)} of {dated.name} {'is' if len(more) == 1 else 'are'} left out, since not every date has "
        f"{'it' if len(more) == 1 else 'them'} or says which band that is"
        for dated in dates
        if (more := [name for name in dated.named.infrared if name not in shared])
    ]
    return [replace(dated, named=dated.named.only(shared)) for dated in dates], notes


def _move(reference: DatedRaster, other: DatedRaster) -> DatedRaster:
    """A date without its shift against the reference."""
    moved = other
    for _ in range(_ROUNDS):
        shift = find_shift(reference, moved, moved.shift)
        if shift.note or not matters(shift):
            break
        moved = other.moved(replace(shift, applied=True))
    return moved if moved.shift.applied else replace(other, shift=shift)


def _names(rasters: Sequence[Raster], periods: Sequence[Period | None]) -> list[str]:
    """A name for each date: its day, else the stem of its file; its folder or a number where that is not enough."""
    stems = [Path(raster.uri).stem for raster in rasters]
    names = [str(each) if each and each.day else stem for each, stem in zip(periods, stems, strict=True)]
    if len(set(names)) < len(names):
        counts = Counter(names)
        names = [
            name if counts[name] == 1 or name == stem else f"{name} {stem}"
            for name, stem in zip(names, stems, strict=True)
        ]
    if len(set(names)) < len(names):
        placed = [f"{Path(raster.uri).parent.name}/{stem}" for raster, stem in zip(rasters, stems, strict=True)]
        names = placed if len(set(placed)) == len(names) else names
    if len(set(names)) < len(names):
        names = [f"{name} ({number})" for number, name in enumerate(names, 1)]
    return names


def _notes(common: Common, periods: Sequence[Period | None]) -> Iterator[str]:
    known = [period for period in periods if period]
    if any(later.last < earlier.first for earlier, later in pairwise(known)):
        yield f"the dates are compared in the order given: {', '.join(map(str, known))}"
    if common.overlap < _SMALL_OVERLAP:
        yield f"only {common.overlap:.0%} of the smallest scene lies in all others, and nothing else is compared"


def _shift_notes(dates: Sequence[DatedRaster]) -> Iterator[str]:
    for dated in dates:
        shift = dated.shift
        if shift.note:
            yield f"{dated.name} could not be aligned: {shift.note}"
        elif shift.applied:
            places = f"as {shift.agreeing} of {shift.places} places show"
            yield f"{dated.name} was moved {_way(dated)}, {places}, which differ by {shift.error_px:.2f} px"


def _way(dated: DatedRaster) -> str:
    """By how much a date was moved, in words; a picture without a CRS has no north."""
    if step := dated.moved_m:
        return f"by {format_number(step[0])} m east and {format_number(step[1])} m north"
    return f"{-dated.shift.right:.2f} px to the right and {-dated.shift.down:.2f} px down"
