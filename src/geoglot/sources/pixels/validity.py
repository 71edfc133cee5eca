"""Decides which pixels are valid, by one rule for models and pair sets (docs/decisions/0015-validity.md).

A pixel is valid where every band that is shown has data: no band holds its no data number, neither a mask nor
transparency nor a rim hides the pixel, and all numbers are finite. In 8 bits every number is a brightness too, so there
a pixel is invalid only where all shown bands hold their no data number.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Shaped

from geoglot.aliases import NoData
from geoglot.errors import InputError
from geoglot.geo import Window

NONE: Literal["none"] = "none"
Mask = Literal["all_valid", "nodata", "alpha", "per_dataset"]
"""How a file says where a band has data, in GDAL's words and in their order of precedence."""


def parse_nodata(text: str | int | float | None) -> NoData:
    """Parse the option: a number, or "none"."""
    if text is None or text == NONE:
        return text
    try:
        return float(text)
    except ValueError:
        raise InputError(f"nodata must be a number or none, got {text!r}") from None


def valid_pixels(has_data: Bool[np.ndarray, "band rows cols"], dtype: Any) -> Bool[np.ndarray, "rows cols"]:
    """The valid mask of pixels, from the mask of each band and the type of the stored numbers."""
    return np.asarray(has_data.any(axis=0) if np.dtype(dtype).itemsize == 1 else has_data.all(axis=0))


def read_mask(
    dataset: Any, index: int, mask: Mask, nodata: NoData, values: np.ndarray, **where: Any
) -> Bool[np.ndarray, "rows cols"]:
    """Where a band (1-based) has data by its mask and its no data number; the band of transparency is read separately.

    values: the stored numbers of the band in the same window. nodata: the number that the caller declares.
    """
    reads_mask = mask == "per_dataset" or (mask == "nodata" and nodata is None)
    has_data = np.ones(values.shape, np.bool_)
    if reads_mask and nodata != NONE:
        has_data = dataset.read_masks(index, **where) > 0
    return has_data if nodata is None or nodata == NONE else has_data & (values != float(nodata))


def find_mask_kind(dataset: Any, index: int) -> Mask:
    """How a file says where a band (1-based) has data."""
    flags = {flag.name for flag in dataset.mask_flag_enums[index - 1]}
    kinds: tuple[Mask, ...] = get_args(Mask)
    return next((kind for kind in kinds if kind in flags), "per_dataset")


def find_alpha(dataset: Any, indexes: tuple[int, ...] = ()) -> int | None:
    """The band (1-based) that is marked as transparency, unless it is one of those that are shown."""
    bands = enumerate(zip(dataset.colorinterp, dataset.descriptions, strict=True), 1)
    marked = [index for index, (colour, name) in bands if colour.name == "alpha" or (name or "").lower() == "alpha"]
    return marked[-1] if marked and marked[-1] not in indexes else None


@dataclass(frozen=True, eq=False)
class Rim:
    """A rim or wedge of one colour around a scene, which is no data though the file does not declare it."""

    colour: tuple[float, ...]
    cells: Bool[np.ndarray, "rows cols"]
    """Where the rim may lie, coarsely, over the whole scene; elsewhere the same colour is a part of the picture."""

    def covers(
        self, values: Shaped[np.ndarray, "band rows cols"], window: Window, scene: tuple[int, int]
    ) -> Bool[np.ndarray, "rows cols"]:
        """Which pixels of a window belong to the rim; `scene` is the scene's shape (rows, cols)."""
        same = np.logical_and.reduce([band == number for band, number in zip(values, self.colour, strict=True)])
        starts, sizes = (window.row, window.col), (window.height, window.width)
        cells = [
            ((start + (np.arange(count) + 0.5) * size / count) * number / side).astype(np.intp)
            for start, size, count, number, side in zip(starts, sizes, same.shape, self.cells.shape, scene, strict=True)
        ]
        return np.asarray(same & self.cells[np.ix_(*cells)])
