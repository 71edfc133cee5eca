"""Numbers as a sentence says them."""

from __future__ import annotations

import math
from collections.abc import Iterable

_LEAST, _MOST = 1e-12, 1e18


def format_number(value: float | int) -> str:
    """Three significant digits: 1,750,000, 558, 2.5, 0.0123; with an exponent only where nobody would count zeros."""
    if value and not _LEAST <= abs(value) < _MOST:
        return f"{value:.3g}"
    text = _all_digits(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _all_digits(value: float | int) -> str:
    """The same with its zeros: 2.50."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    rounded = round(value, 2 - math.floor(math.log10(abs(value))))
    return f"{rounded:,.{places}f}"


#: Units of areas in square metres, and from which area on each is the one to use
_AREAS = (("km²", 1e6, 1e7), ("ha", 1e4, 1e4), ("m²", 1.0, 0.0))


def choose_area_unit(areas_m2: Iterable[float | None]) -> str:
    """The one unit for all areas of a table: that of the largest."""
    largest = max((abs(area) for area in areas_m2 if area is not None), default=0.0)
    return next(unit for unit, _, least in _AREAS if largest >= least)


def format_area(area_m2: float | None, unit: str | None = None) -> str:
    """An area in a unit, or in its own; "-" where it is not known."""
    if area_m2 is None:
        return "-"
    unit = unit or choose_area_unit([area_m2])
    size = next(size for name, size, _ in _AREAS if name == unit)
    return f"{_all_digits(area_m2 / size)} {unit}"
