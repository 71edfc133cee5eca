"""When a pixel is valid: one rule for all who read pixels, models and pair sets (docs/decisions/0015-validity.md).

A pixel is valid where every band that is shown has a number that means something: none of the bands holds its number
for no data, the mask or the transparency hides nothing, and all numbers are finite. Eight bits have no number to spare:
0 and 255 are brightness too, so there a pixel is missing only where all shown bands hold the number for no data.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Bool

from geoglot.aliases import NoData
from geoglot.errors import InputError

NONE: Literal["none"] = "none"
#: What says where a band has data; a band of transparency is read by itself
Mask = Literal["all_valid", "nodata", "alpha", "per_dataset"]


def parse_nodata(text: str | int | float | None) -> NoData:
    """What a person writes: a number, or none."""
    if text is None or text == NONE:
        return text
    try:
        return float(text)
    except ValueError:
        raise InputError(f"nodata must be a number or none, got {text!r}") from None


def valid_pixels(known: Bool[np.ndarray, "band rows cols"], dtype: Any) -> Bool[np.ndarray, "rows cols"]:
    """Which pixels are valid, from the bands that have data there and the type of the stored numbers."""
    return np.asarray(known.any(axis=0) if np.dtype(dtype).itemsize == 1 else known.all(axis=0))


def declared(
    dataset: Any, index: int, mask: Mask, nodata: NoData, values: np.ndarray, **where: Any
) -> Bool[np.ndarray, "rows cols"]:
    """Where a band (1-based) has data by what the file or the caller declares; transparency is not asked here.

    values: its numbers as they are stored, of the same window.
    """
    asks = mask == "per_dataset" or (mask == "nodata" and nodata is None)
    known = dataset.read_masks(index, **where) > 0 if asks and nodata != NONE else np.ones(values.shape, np.bool_)
    return known if nodata is None or nodata == NONE else known & (values != float(nodata))
