"""Probabilities that something is there: which mean that it is not, and how that is said."""

import math
from collections.abc import Sequence

from geoglot.figures import format_list

#: A name whose presence is less probable is not there
ABSENT = 0.5
#: The highest probability of a name that is not there
BARELY_ABSENT = math.nextafter(ABSENT, 0)
#: The best of many patches is best by chance too, so its log-odds count for less (docs/presence.md)
_BEST_BY_CHANCE = 0.65
_LEAST = 1e-6
_NAMED = 20


def presence_of(peak: float) -> float:
    """The probability that a name is in a scene, from the highest score of its patches; 0.5 stays 0.5."""
    peak = min(max(peak, _LEAST), 1 - _LEAST)
    return float(1 / (1 + ((1 - peak) / peak) ** _BEST_BY_CHANCE))


def round_presence(presence: float, digits: int) -> float:
    """A probability with so many digits. One below ABSENT stays below it: 0.496 has the two digits 0.49."""
    rounded = round(presence, digits)
    return ABSENT - 10.0**-digits if presence < ABSENT <= rounded else rounded


def absence_notes(absent: Sequence[str]) -> tuple[str, ...]:
    """A sentence on names that are nowhere."""
    if not absent:
        return ()
    it = "one" if len(absent) == 1 else "them"
    found = format_list([f"no {name}" for name in absent[:_NAMED]])
    more = f", nor {len(absent) - _NAMED:,} more" if len(absent) > _NAMED else ""
    return (f"{found} found{more}: nothing here looks more like {it} than like anything else",)
