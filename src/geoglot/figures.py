"""Numbers as a sentence says them."""

from __future__ import annotations

import math


def three_digits(value: float | int) -> str:
    """Three significant digits, never an exponent: 1,750,000, 558, 0.0123."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    rounded = round(value, 2 - math.floor(math.log10(abs(value))))
    text = f"{rounded:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
