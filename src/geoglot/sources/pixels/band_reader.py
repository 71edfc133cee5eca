"""What the stored numbers of a file mean: brightness, colours of a palette, or brightness upside down; and no data.

All who read pixels read them here, so that a picture is the same by whichever way it is stored and read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from jaxtyping import Bool, Num, Shaped, UInt8
from rasterio.enums import Resampling
from rasterio.windows import Window as RasterioWindow

from geoglot.aliases import NoData
from geoglot.errors import ReadError
from geoglot.geo import Window
from geoglot.sources.gdal import GDAL_ERRORS
from geoglot.sources.pixels.area_means import area_means
from geoglot.sources.pixels.validity import NONE, Mask, declared, parse_nodata, valid_pixels

_FINER = 4
_HIDES: tuple[Mask, ...] = ("alpha", "per_dataset")
#: Numbers (band, rows, cols), and whether each of them is data
Known = tuple[Num[np.ndarray, "band rows cols"], Bool[np.ndarray, "band rows cols"]]


@dataclass(frozen=True, eq=False)
class Rim:
    """A rim or wedge of one colour around a scene: no data, though the file does not say so."""

    colour: tuple[float, ...]
    cells: Bool[np.ndarray, "rows cols"]
    """Where it may lie, coarsely, over the whole scene: the same colour elsewhere is a thing."""

    def covers(
        self, values: Shaped[np.ndarray, "band rows cols"], window: Window, whole: tuple[int, int]
    ) -> Bool[np.ndarray, "rows cols"]:
        """Which pixels of a window of a scene of this shape (rows, cols) are of it."""
        same = np.logical_and.reduce([band == number for band, number in zip(values, self.colour, strict=True)])
        starts, sizes = (window.row, window.col), (window.height, window.width)
        cells = [
            ((start + (np.arange(count) + 0.5) * size / count) * number / side).astype(np.intp)
            for start, size, count, number, side in zip(starts, sizes, same.shape, self.cells.shape, whole, strict=True)
        ]
        return np.asarray(same & self.cells[np.ix_(*cells)])


@dataclass(frozen=True, eq=False)
class BandReader:
    """How the numbers of some bands of a file are read."""

    indexes: tuple[int, ...]
    """1-based."""
    dtype: str
    masks: tuple[Mask, ...]
    """What the file has that says where each band is data."""
    palette: UInt8[np.ndarray, "entry 4"] | None = None
    """Red, green, blue, opacity 0..255, where numbers stand for colours."""
    white: float | None = None
    """The number that is stored for black, where 0 is white (MINISWHITE)."""
    nodata: NoData = None
    """What the caller says."""
    alpha: int | None = None
    """The band of transparency (1-based): 0 hides a pixel."""
    painted: bool = False
    """Whether GDAL takes means of colours, not of numbers, of a band."""
    beside: Mapping[int, float] = field(default_factory=dict)
    """By band, the number that the file declares as no data beside a mask or transparency: GDAL goes by those alone."""
    fills: tuple[frozenset[float], ...] = ()
    """Of each band, numbers that are no data and no mask shows."""
    rim: Rim | None = None

    @classmethod
    def of(cls, dataset: Any, indexes: tuple[int, ...], nodata: NoData = None) -> BandReader:
        """As the file says; `unsaid.find_undeclared_nodata` adds what only its pixels say."""
        nodata = parse_nodata(nodata)
        table, masks = _palette(dataset, indexes), [_mask(dataset, index) for index in indexes]
        if "nodata" in masks and find_alpha(dataset) is not None:  # of the two rasterio knows one
            masks = ["alpha"] * len(indexes)
        return cls(
            indexes,
            dtype=dataset.dtypes[indexes[0] - 1],
            masks=tuple(masks),
            palette=table,
            white=_white(dataset, indexes[0]) if table is None else None,
            nodata=nodata,
            alpha=None if nodata == NONE else find_alpha(dataset, indexes),
            painted=any(_is_painted(dataset, index) for index in indexes),
            beside=_beside(dataset, indexes, masks) if nodata is None else {},
        )

    def read(
        self, dataset: Any, window: Window | None = None, shape: tuple[int, int] | None = None, exact: bool = False
    ) -> Known:
        """Numbers of a window (all, if none is given), reduced to a shape if one is given; bands as in `indexes`.

        exact: reduced by leaving out, where else means are taken.
        """
        window = window or Window(0, 0, dataset.height, dataset.width)
        size = window.height, window.width
        shape = shape or size
        if exact or shape == size or self._averages:
            return self._reduced(dataset, window, shape, Resampling.nearest if exact else Resampling.average)
        # Sixteen pixels for each are enough for a mean; they come from overviews, where there are any.
        fine = min(size[0], _FINER * shape[0]), min(size[1], _FINER * shape[1])
        return area_means(*self._reduced(dataset, window, fine, Resampling.nearest), shape)

    def _reduced(self, dataset: Any, window: Window, shape: tuple[int, int], how: Resampling) -> Known:
        where = {"window": RasterioWindow(window.col, window.row, window.width, window.height)}
        # Each band is decoded once, also where one is shown as grey.
        wanted = sorted({*self.indexes, *([self.alpha] if self.alpha else [])})
        read = dataset.read(wanted, **where, out_shape=(len(wanted), *shape), resampling=how)
        stored = {index: read[place] for place, index in enumerate(wanted)}
        known = {
            index: declared(
                dataset, index, mask, self.beside.get(index, self.nodata), stored[index], **where, out_shape=shape
            )
            for index, mask in dict(zip(self.indexes, self.masks, strict=True)).items()
        }
        values, there = (np.stack([of[index] for index in self.indexes]) for of in (stored, known))
        if self.alpha:
            there &= stored[self.alpha] > 0
        values, there = self._meant(values, there)
        return values, there & ~self._unsaid(values, window, dataset.shape)

    def valid(self, known: Bool[np.ndarray, "band rows cols"]) -> Bool[np.ndarray, "rows cols"]:
        """Which pixels are valid, by the one rule of validity.py."""
        return valid_pixels(known, self.dtype)

    def read_valid(
        self, dataset: Any, uri: str, window: Window, shape: tuple[int, int] | None = None
    ) -> tuple[Num[np.ndarray, "band rows cols"], Bool[np.ndarray, "rows cols"]]:
        """Numbers of a window and which pixels are valid; ReadError, which names `uri`, where the file is damaged."""
        try:
            values, known = self.read(dataset, window, shape)
            return values, self.valid(known)
        except GDAL_ERRORS as error:
            reason = error.__cause__ or error
            raise ReadError(f"{uri}: {tuple(window)} (row, col, height, width): {reason}") from error

    def number(self, value: float) -> float:
        """The number that is stored for a number that `read` gives."""
        return value if self.white is None else self.white - value

    @property
    def _averages(self) -> bool:
        """Whether GDAL's means are right: not of the numbers of two colours, nor of what it takes for data and is none.

        Of MINISWHITE it gives others than means.
        """
        hides_less = self.nodata is not None or (not self.alpha and "alpha" in self.masks)
        finds_more = self.rim is not None or any(self.fills) or bool(self.beside)
        return not (hides_less or finds_more or self.painted or self.white is not None)

    def _meant(self, values: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.palette is not None:
            colours = np.moveaxis(self.palette[values[0].astype(np.intp).clip(0, len(self.palette) - 1)], -1, 0)
            return colours[:3], known[:3] & ((colours[3] > 0) | (self.nodata == NONE))
        if self.white is not None:
            values = (self.white - values).astype(values.dtype)
        return values, known & np.isfinite(values)

    def _unsaid(self, values: np.ndarray, window: Window, whole: tuple[int, int]) -> np.ndarray:
        found = np.zeros(values.shape, np.bool_)
        for band, fills in enumerate(self.fills):
            for number in fills:
                found[band] |= values[band] == number
        return found if self.rim is None else found | self.rim.covers(values, window, whole)


def _is_painted(dataset: Any, index: int) -> bool:
    return bool(dataset.colorinterp[index - 1].name == "palette")


def _palette(dataset: Any, indexes: tuple[int, ...]) -> UInt8[np.ndarray, "entry 4"] | None:
    index = indexes[0]
    if not _is_painted(dataset, index) or len(set(indexes)) > 1:  # of several bands none is the number of a colour
        return None
    try:
        colours = dataset.colormap(index)
    except ValueError:  # the band is called one of a palette, and the file has none
        return None
    table = np.zeros((max(colours) + 2, 4), np.uint8)
    table[:, 3] = 255  # a number beyond the palette is black, as GDAL shows it
    table[list(colours)] = list(colours.values())
    return table


def _white(dataset: Any, index: int) -> float | None:
    if dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") != "YES":
        return None
    dtype = np.dtype(dataset.dtypes[index - 1])
    bits = int(dataset.tags(index, ns="IMAGE_STRUCTURE").get("NBITS", 8 * dtype.itemsize))
    return 2.0**bits - 1 if dtype.kind == "u" else 0.0


def _beside(dataset: Any, indexes: tuple[int, ...], masks: list[Mask]) -> dict[int, float]:
    numbers = {
        index: dataset.nodatavals[index - 1] for index, mask in zip(indexes, masks, strict=True) if mask in _HIDES
    }
    return {index: number for index, number in numbers.items() if number is not None}


def _mask(dataset: Any, index: int) -> Mask:
    flags = {flag.name for flag in dataset.mask_flag_enums[index - 1]}
    for name in get_args(Mask):
        if name in flags:
            return name  # type: ignore[no-any-return]
    return "per_dataset"


def find_alpha(dataset: Any, indexes: tuple[int, ...] = ()) -> int | None:
    """The band that is marked as transparency, unless it is asked for as a band."""
    said = zip(dataset.colorinterp, dataset.descriptions, strict=True)
    marked = [
        index
        for index, (colour, text) in enumerate(said, 1)
        if colour.name == "alpha" or (text or "").lower() == "alpha"
    ]
    return marked[-1] if marked and marked[-1] not in indexes else None
