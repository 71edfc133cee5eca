"""Reads bands of a file as numbers that grow with brightness, with the valid mask of each band.

A stored number may be an index into a palette, or inverted brightness (MINISWHITE). All pixels are read here, so that a
picture is the same however it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Num, UInt8
from rasterio.enums import Resampling
from rasterio.windows import Window as RasterioWindow

from geoglot.aliases import NoData
from geoglot.errors import ReadError
from geoglot.geo import Window
from geoglot.sources.gdal import GDAL_ERRORS, forgetting_errors
from geoglot.sources.pixels.validity import (
    NONE,
    Mask,
    Rim,
    find_alpha,
    find_mask_kind,
    parse_nodata,
    read_mask,
    valid_pixels,
)
from geoglot.sources.resample import area_means

_FINER = 4
MaskedBands = tuple[Num[np.ndarray, "band rows cols"], Bool[np.ndarray, "band rows cols"]]
"""Numbers, and where each band has data."""


@dataclass(frozen=True, eq=False)
class BandReader:
    """How some bands of a file are read."""

    indexes: tuple[int, ...]
    """1-based."""
    dtype: str
    masks: tuple[Mask, ...]
    palette: UInt8[np.ndarray, "entry 4"] | None = None
    """Red, green, blue, opacity 0..255, if the numbers are indexes into a palette."""
    black: float | None = None
    """The stored number of black, if 0 is white (MINISWHITE)."""
    nodata: NoData = None
    """What the caller declares."""
    alpha: int | None = None
    """The band of transparency (1-based): 0 hides a pixel."""
    has_palette: bool = False
    """Whether GDAL would average colours of a band instead of its numbers."""
    masked_nodata: Mapping[int, float] = field(default_factory=dict)
    """The no data number of each band that also has a mask or transparency, where GDAL ignores the number."""
    fills: tuple[frozenset[float], ...] = ()
    """Per band, the numbers that are no data although the file does not declare them."""
    rim: Rim | None = None

    @classmethod
    def of(cls, dataset: Any, indexes: tuple[int, ...], nodata: NoData = None) -> BandReader:
        """Make a reader from what the file declares; `find_undeclared_nodata` adds what only the pixels show."""
        nodata = parse_nodata(nodata)
        palette, masks = _read_palette(dataset, indexes), [find_mask_kind(dataset, index) for index in indexes]
        if "nodata" in masks and find_alpha(dataset) is not None:  # rasterio reports one of the two
            masks = ["alpha"] * len(indexes)
        return cls(
            indexes,
            dtype=dataset.dtypes[indexes[0] - 1],
            masks=tuple(masks),
            palette=palette,
            black=_find_black(dataset, indexes[0]) if palette is None else None,
            nodata=nodata,
            alpha=None if nodata == NONE else find_alpha(dataset, indexes),
            has_palette=any(_is_paletted(dataset, index) for index in indexes),
            masked_nodata=_find_masked_nodata(dataset, indexes, masks) if nodata is None else {},
        )

    def read(
        self, dataset: Any, window: Window | None = None, shape: tuple[int, int] | None = None, exact: bool = False
    ) -> MaskedBands:
        """Read a window (default all), reduced to a shape if one is given; bands are in the order of `indexes`.

        exact: reduce by the nearest pixel instead of by means.
        """
        window = window or Window(0, 0, dataset.height, dataset.width)
        size = window.height, window.width
        shape = shape or size
        if exact or shape == size or self._can_average_in_gdal:
            return self._read(dataset, window, shape, Resampling.nearest if exact else Resampling.average)
        # Sixteen pixels are enough for a mean; they come from overviews, where there are any.
        fine = min(size[0], _FINER * shape[0]), min(size[1], _FINER * shape[1])
        return area_means(*self._read(dataset, window, fine, Resampling.nearest), shape)

    def read_valid(
        self, dataset: Any, uri: str, window: Window, shape: tuple[int, int] | None = None
    ) -> tuple[Num[np.ndarray, "band rows cols"], Bool[np.ndarray, "rows cols"]]:
        """Numbers of a window and its valid mask; ReadError, which names `uri`, where the file is damaged."""
        try:
            values, has_data = self.read(dataset, window, shape)
        except GDAL_ERRORS as error:
            reason = error.__cause__ or error
            place = f"{tuple(window)} (row, col, height, width)"
            raise ReadError(
                f"{uri}: a part cannot be read; if the file is cut short or damaged, copy or download it again: "
                f"{place}: {reason}"
            ) from error
        return values, self.valid(has_data)

    def valid(self, has_data: Bool[np.ndarray, "band rows cols"]) -> Bool[np.ndarray, "rows cols"]:
        """The valid mask of pixels, from the masks of their bands."""
        return valid_pixels(has_data, self.dtype)

    def stored_number(self, value: float) -> float:
        """The number in the file of a number that `read` gives."""
        return value if self.black is None else self.black - value

    @property
    def _can_average_in_gdal(self) -> bool:
        """Whether GDAL's means are right: it knows neither palettes, MINISWHITE nor all no data."""
        hides_less = self.nodata is not None or (not self.alpha and "alpha" in self.masks)
        hides_more = self.rim is not None or any(self.fills) or bool(self.masked_nodata)
        return not (hides_less or hides_more or self.has_palette or self.black is not None)

    def _read(self, dataset: Any, window: Window, shape: tuple[int, int], how: Resampling) -> MaskedBands:
        part = RasterioWindow(window.col, window.row, window.width, window.height)
        # Each band once: grey shows one band three times.
        numbers = sorted({*self.indexes, *([self.alpha] if self.alpha else [])})
        with forgetting_errors(dataset):
            planes = dataset.read(numbers, window=part, out_shape=(len(numbers), *shape), resampling=how)
            stored = dict(zip(numbers, planes, strict=True))
            masks = {
                index: read_mask(
                    dataset, index, mask, self.masked_nodata.get(index, self.nodata), stored[index], window=part,
                    out_shape=shape,
                )
                for index, mask in dict(zip(self.indexes, self.masks, strict=True)).items()
            }  # fmt: skip
        values, has_data = (np.stack([of_band[index] for index in self.indexes]) for of_band in (stored, masks))
        if self.alpha:
            has_data &= stored[self.alpha] > 0
        values, has_data = self._decode(values, has_data)
        if self.rim is not None or any(self.fills):
            has_data = has_data & ~self._find_undeclared(values, window, dataset.shape)
        return values, has_data

    def _decode(self, values: np.ndarray, has_data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.palette is not None:
            colours = np.moveaxis(self.palette[values[0].astype(np.intp).clip(0, len(self.palette) - 1)], -1, 0)
            return colours[:3], has_data[:3] & ((colours[3] > 0) | (self.nodata == NONE))
        if self.black is not None:
            values = (self.black - values).astype(values.dtype)
        return values, has_data & np.isfinite(values) if values.dtype.kind == "f" else has_data

    def _find_undeclared(self, values: np.ndarray, window: Window, scene: tuple[int, int]) -> np.ndarray:
        hidden = np.zeros(values.shape, np.bool_)
        for band, fills in enumerate(self.fills):
            for number in fills:
                hidden[band] |= values[band] == number
        return hidden if self.rim is None else hidden | self.rim.covers(values, window, scene)


def _is_paletted(dataset: Any, index: int) -> bool:
    return bool(dataset.colorinterp[index - 1].name == "palette")


def _read_palette(dataset: Any, indexes: tuple[int, ...]) -> UInt8[np.ndarray, "entry 4"] | None:
    index = indexes[0]
    if not _is_paletted(dataset, index) or len(set(indexes)) > 1:  # several different bands hold no indexes
        return None
    try:
        colours = dataset.colormap(index)
    except ValueError:  # the file marks the band as one with a palette and has none
        return None
    table = np.zeros((max(colours) + 2, 4), np.uint8)
    table[:, 3] = 255  # a number beyond the palette is black, as GDAL shows it
    table[list(colours)] = list(colours.values())
    return table


def _find_black(dataset: Any, index: int) -> float | None:
    if dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") != "YES":
        return None
    return 2.0 ** count_bits(dataset, index) - 1 if np.dtype(dataset.dtypes[index - 1]).kind == "u" else 0.0


def count_bits(dataset: Any, index: int) -> int:
    """Bits of the numbers of a band: NBITS, which an .aux.xml may set to any text, if its type can have so many."""
    most = 8 * np.dtype(dataset.dtypes[index - 1]).itemsize
    text = dataset.tags(index, ns="IMAGE_STRUCTURE").get("NBITS", "")
    return int(text) if re.fullmatch("[0-9]{1,2}", text) and 1 <= int(text) <= most else most


def _find_masked_nodata(dataset: Any, indexes: tuple[int, ...], masks: list[Mask]) -> dict[int, float]:
    masked = [index for index, mask in zip(indexes, masks, strict=True) if mask in ("alpha", "per_dataset")]
    numbers = {index: dataset.nodatavals[index - 1] for index in masked}
    return {index: number for index, number in numbers.items() if number is not None}
