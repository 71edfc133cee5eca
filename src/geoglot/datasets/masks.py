"""Masks in rasters: ids of any depth, colours, palettes. What is no data or transparent does not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError

from geoglot.datasets.labels import NONE, Colour, Labels, MapClass, Read
from geoglot.datasets.registration import check_ground
from geoglot.errors import SourceError
from geoglot.sources.gdal import gdal_options, open_dataset
from geoglot.sources.truncated import check_not_truncated

_GREY = 0x010101  # times a brightness it is a grey
_MANY = 5  # values that no class has, from which on they come of mixing
_NO_COLOURS = "; give classes.csv the colours (id,name,colour: 1,building,#ff0000), or save masks of ids in one band"
_RESAMPLED = "; {} such values come from resampling or from lossy compression: resample masks to the nearest pixel"


@dataclass(frozen=True)
class Stored:
    """What a mask's file holds."""

    codes: Int64[np.ndarray, "rows cols"]
    """Ids, or colours as one number (`code_of`)."""
    counts: Bool[np.ndarray, "rows cols"]
    """Not where it is no data or transparent."""
    coloured: bool
    palette: Mapping[int, Colour]
    """Colours by id; none where it has no palette."""


@dataclass(frozen=True)
class _Way:
    """How values may be meant: what they stand for, and the class of each that is known (NONE: ignored)."""

    shown: np.ndarray
    known: Mapping[int, int]
    by_colour: bool = False

    @property
    def strange(self) -> np.ndarray:
        """Which values are of no class."""
        return ~np.isin(self.shown, list(self.known))


@dataclass(frozen=True)
class MaskFile(Labels):
    """A mask in a raster."""

    path: Path
    classes: tuple[MapClass, ...]
    ignored: tuple[int | Colour, ...] = ()
    """Values that mean no class."""
    table: str = "the class table"
    """What says the classes, for messages."""
    strict: bool = True
    """Whether values of no class are refused and the mask must lie over its image; else such values do not count."""

    def read(self) -> Read:
        """The class of each pixel. SourceError for damaged files, and for what `strict` says."""
        if not self.strict:
            return self.stored()
        found = super().read()
        check_ground(self.path, self.image)
        return found

    def stored(self) -> Read:
        """As the file has them."""
        mask = read_stored(self.path)
        values, where, counts = np.unique(mask.codes[mask.counts], return_inverse=True, return_counts=True)
        ways = self._ways(mask, values)
        way = next((way for way in ways if not way.strange.any()), ways[-1])
        if self.strict and way.strange.any():
            raise SourceError(self._told(mask, way, counts))
        if len(values) > 1 and way.strange.all():
            raise SourceError(
                f"the mask {self.path} shows none of the classes; does it belong to another data set or version?"
            )
        if self.strict and mask.palette and way is ways[-1]:
            self._check_palette(mask.palette, set(values.tolist()))
        classes = np.array([way.known.get(int(value), NONE) for value in way.shown], np.int32)
        ids = np.full(mask.codes.shape, NONE, np.int32)
        ids[mask.counts] = classes[where]
        return Read(ids)

    def _ways(self, mask: Stored, values: np.ndarray) -> list[_Way]:
        """In the order in which they are tried: the first under which all values are of classes; faults by the last.

        A palette goes before the ids where all its colours are the table's, for programs number colours in any order.
        """
        ids, ways = self._known(False), list[_Way]()
        colours = {code_of(one.colour): index for index, one in enumerate(self.classes) if one.colour}
        if mask.coloured:
            ways.append(_Way(values, self._known(True) | colours, True))
            if ids and (values == (values & 255) * _GREY).all():
                ways.append(_Way(values & 255, ids))
            return ways
        shown = np.array([code_of(mask.palette.get(int(value), (0, 0, 0))) for value in values], np.int64)
        if colours and mask.palette and len(set(shown.tolist())) == len(values):
            ways.append(_Way(shown, colours, True))
        all_grey = len(colours) == len(self.classes) and not any(colour % _GREY for colour in colours)
        if all_grey and any(ids.get(value, NONE) == NONE for value in values.tolist()):  # 0 and 255: black and white
            ways.append(_Way(values * _GREY, colours, True))
        return [*ways, _Way(values, ids)]

    def _known(self, coloured: bool) -> dict[int, int]:
        """The class of each value of a kind."""
        ignored = {code_of(value): NONE for value in self.ignored if isinstance(value, tuple) == coloured}
        return ignored | {
            code_of(value): index
            for index, one in enumerate(self.classes)
            for value in one.values
            if isinstance(value, tuple) == coloured
        }

    def _told(self, mask: Stored, way: _Way, counts: np.ndarray) -> str:
        """The most frequent value that no class has, and what to do."""
        strange = np.flatnonzero(way.strange)
        worst = strange[counts[strange].argmax()]
        value, has = int(way.shown[worst]), f"{self.path} has {counts[worst]:,} px of"
        if way.by_colour:
            advice = "" if any(one.colour for one in self.classes) else _NO_COLOURS
            return f"{has} the colour {_named(value)}, which {self.table} does not have{advice}{self._mixed(strange)}"
        known = ", ".join(map(str, sorted(self._known(False))))
        shown = f" ({_named(code_of(mask.palette[value]))} in its palette)" if value in mask.palette else ""
        advice = "change the mask or the class table"
        return f"{has} the id {value}{shown}; known are {known}: {advice}{self._mixed(strange)}"

    def _mixed(self, strange: np.ndarray) -> str:
        """Why there are many values that no class has."""
        if self.path.suffix.lower() in (".jpg", ".jpeg"):
            return "; JPEG changes values, so masks are to be saved as PNG or GeoTIFF"
        return _RESAMPLED.format(len(strange)) if len(strange) >= _MANY else ""

    def _check_palette(self, palette: Mapping[int, Colour], values: set[int]) -> None:
        """SourceError for a class that the palette shows in another colour than the class table says."""
        for one in self.classes:
            id_ = code_of(one.values[0])
            shown = palette.get(id_)
            if one.colour and shown and shown != one.colour and id_ in values:
                raise SourceError(
                    f"{self.path} shows {one.name} in {_named(code_of(shown))}, the class table in "
                    f"{_named(code_of(one.colour))}: are its ids those of another table? Mend the colours, or leave "
                    "them out of the table"
                )


def read_stored(path: Path) -> Stored:
    """A mask as it is stored; SourceError where it is damaged or cannot be one."""
    check_not_truncated(path)
    with open_dataset(str(path)) as dataset, gdal_options(str(path)):
        alpha = [kind is ColorInterp.alpha for kind in dataset.colorinterp]
        own = [index for index, is_alpha in enumerate(alpha, 1) if not is_alpha]
        if len(own) not in (1, 3):
            raise SourceError(f"the mask {path} has {len(own)} bands; a mask has one of ids, or three of colours")
        try:
            bands: Any = dataset.read(own)
            counts: np.ndarray = dataset.read_masks(own).any(axis=0)
        except RasterioError as error:
            raise SourceError(f"the mask {path} cannot be read: {error.__cause__ or error}") from error
        table = dataset.colormap(1) if dataset.colorinterp[0] is ColorInterp.palette else {}
    with np.errstate(invalid="ignore"):  # NaN is told below
        whole = bands.astype(np.int64)
    if bands.dtype.kind == "f" and not np.array_equal(bands[:, counts], whole[:, counts]):
        raise SourceError(f"the mask {path} holds fractions, not ids; write it with whole numbers")
    clear = [value for value, (*_, opaque) in table.items() if not opaque]
    palette = {value: (red, green, blue) for value, (red, green, blue, _) in table.items()}
    return _stored(path, whole, counts & ~np.isin(whole[0], clear), palette)


def _stored(path: Path, bands: np.ndarray, counts: np.ndarray, palette: dict[int, Colour]) -> Stored:
    if all(colour == (value, value, value) for value, colour in palette.items()):
        palette = {}  # shades of grey, which say no more than the ids
    if len(bands) == 1:
        return Stored(bands[0], counts, False, palette)
    if bands.min(initial=0) < 0 or bands.max(initial=0) > 255:
        if np.array_equal(bands[0], bands[1]) and np.array_equal(bands[0], bands[2]):
            return Stored(bands[0], counts, False, palette)
        raise SourceError(f"the mask {path} has colours of more than 8 bit; save it in 8 bit, or as one band of ids")
    return Stored(_code(*bands), counts, True, palette)


def code_of(value: int | Colour) -> int:
    """An id as it is; a colour as one number."""
    return value if isinstance(value, int) else int(_code(*value))


def _code(red: Any, green: Any, blue: Any) -> Any:
    """A colour as one number."""
    return (red << 16) + (green << 8) + blue


def _named(code: int) -> str:
    return f"#{code:06x}"
