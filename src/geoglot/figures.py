"""Formats numbers, counts, durations, areas and lists of names for sentences."""

import math
from collections.abc import Iterable, Sequence

_LEAST, _MOST = 1e-12, 1e18


def format_number(value: float | int) -> str:
    """Three significant digits: 1,750,000, 558, 2.5, 0.0123; with an exponent only if nobody would count the zeros."""
    if value and not _LEAST <= abs(value) < _MOST:
        return f"{value:.3g}"
    text = _with_zeros(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_count(number: int, noun: str) -> str:
    """A number of things: 1 tile, 1,200 tiles. The plural of the noun must end in s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_duration(seconds: float) -> str:
    """A duration in the unit that suits it: 45 s, 12 min, 3.4 h; at least 1 s."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _with_zeros(value: float | int) -> str:
    """Three significant digits with trailing zeros: 2.50."""
    if value == 0 or not math.isfinite(value):
        return f"{value + 0:g}"  # 0 for -0.0
    places = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, places):,.{max(0, places)}f}"


_AREAS = (("km²", 1e6, 1e7), ("ha", 1e4, 1e4), ("m²", 1.0, 0.0))
"""Each unit of area, its size, and the smallest area that is given in it; in square metres."""


def choose_area_unit(areas_m2: Iterable[float | None]) -> str:
    """The unit for all areas of a table, which suits the largest that is known (neither None nor NaN)."""
    largest = max((abs(area) for area in areas_m2 if area is not None and not math.isnan(area)), default=0.0)
    return next(unit for unit, _, least in _AREAS if largest >= least)


def format_area(area_m2: float | None, unit: str | None = None) -> str:
    """An area in a unit (default: the unit that suits it); "-" if the area is not known: None or NaN."""
    if area_m2 is None or math.isnan(area_m2):
        return "-"
    unit = unit or choose_area_unit([area_m2])
    return f"{_with_zeros(area_in(area_m2, unit))} {unit}"


def format_areas(areas_m2: Sequence[float | None]) -> list[str]:
    """The areas of a table, all in one unit."""
    unit = choose_area_unit(areas_m2)
    return [format_area(area, unit) for area in areas_m2]


def area_in(area_m2: float, unit: str) -> float:
    """An area in a unit of `choose_area_unit`."""
    return area_m2 / next(size for name, size, _ in _AREAS if name == unit)


def format_some(names: Sequence[str], most: int = 20) -> str:
    """Names with commas, and how many more there are."""
    left = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + left


def format_list(names: Sequence[str], most: int | None = None) -> str:
    """Names in a sentence: "forest, water and farmland"; empty if there are none, and "and 3 more" beyond `most`."""
    if most is not None and len(names) > most:
        names = [*names[:most], f"{len(names) - most:,} more"]
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
