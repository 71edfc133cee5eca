"""Masks in rasters, as ids, colours or palettes. Pixels that are no data or transparent do not count."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError

from geoglot.datasets.classes import Colour, MapClass
from geoglot.datasets.image_files import check_size
from geoglot.datasets.labels import NONE, LabelMap, Labels, check_ground
from geoglot.errors import SourceError
from geoglot.sources.gdal import open_dataset
from geoglot.sources.truncated import check_not_truncated

_GREY = 0x010101  # brightness * _GREY is the code of a grey
_MANY = 5  # this many unknown values come from resampling or compression
_NO_COLOURS = "; give classes.csv the colours (id,name,colour: 1,building,#ff0000), or save masks of ids in one band"
_RESAMPLED = "; {} such values come from resampling or from lossy compression: resample masks to the nearest pixel"


@dataclass(frozen=True)
class StoredMask:
    """The contents of a mask file."""

    codes: Int64[np.ndarray, "rows cols"]
    """Ids, or colours as numbers (`code_of`)."""
    valid: Bool[np.ndarray, "rows cols"]
    """False for no data and transparent pixels."""
    is_coloured: bool
    palette: Mapping[int, Colour]
    """Colours by id; empty if there is no palette, or only one of greys."""


@dataclass(frozen=True)
class _Reading:
    """A way to read the values of a mask: as ids or as colours."""

    codes: np.ndarray
    """The id or colour that each value stands for."""
    known: Mapping[int, int]
    """Class index by code; NONE for ignored codes."""
    by_colour: bool = False

    @property
    def unknown(self) -> Bool[np.ndarray, " value"]:
        return ~np.isin(self.codes, list(self.known))


@dataclass(frozen=True)
class MaskFile(Labels):
    """A mask in a raster."""

    path: Path
    classes: tuple[MapClass, ...]
    ignored: tuple[int | Colour, ...] = ()
    """Values that mean no class."""
    table: str = "the class table"
    """Name of the class table in messages."""
    strict: bool = True
    """Whether to refuse unknown values and masks that do not lie over their image. Otherwise neither is checked, and
    unknown values do not count."""

    def read(self) -> LabelMap:
        if not self.strict:
            return self.read_stored()
        labels = super().read()
        check_ground(self.path, self.image)
        return labels

    def read_stored(self) -> LabelMap:
        """The class of each stored pixel, by the first reading that knows every value."""
        mask = read_mask(self.path, self.image)
        values, where, counts = np.unique(mask.codes[mask.valid], return_inverse=True, return_counts=True)
        readings = self._readings(mask, values)
        reading = next((option for option in readings if not option.unknown.any()), readings[-1])
        if self.strict and reading.unknown.any():
            raise SourceError(self._describe_unknown(mask, reading, counts))
        if len(values) > 1 and reading.unknown.all():
            raise SourceError(
                f"the mask {self.path} shows none of the classes; does it belong to another data set or version?"
            )
        if self.strict and mask.palette and reading is readings[-1]:
            self._check_palette(mask.palette, set(values.tolist()))
        classes = np.array([reading.known.get(int(code), NONE) for code in reading.codes], np.int32)
        ids = np.full(mask.codes.shape, NONE, np.int32)
        ids[mask.valid] = classes[where]
        return LabelMap(ids)

    def _readings(self, mask: StoredMask, values: np.ndarray) -> list[_Reading]:
        """The readings in order of preference; messages are about the last.

        A palette precedes the ids, since programs number colours in any order.
        """
        ids, readings = self._codes(coloured=False), list[_Reading]()
        colours = {code_of(kind.colour): index for index, kind in enumerate(self.classes) if kind.colour}
        if mask.is_coloured:
            readings.append(_Reading(values, self._codes(coloured=True) | colours, True))
            if ids and (values == (values & 255) * _GREY).all():
                readings.append(_Reading(values & 255, ids))
            return readings
        shown = np.array([code_of(mask.palette.get(int(value), (0, 0, 0))) for value in values], np.int64)
        if colours and mask.palette and len(set(shown.tolist())) == len(values):
            readings.append(_Reading(shown, colours, True))
        all_grey = len(colours) == len(self.classes) and not any(colour % _GREY for colour in colours)
        if all_grey and any(ids.get(value, NONE) == NONE for value in values.tolist()):  # 0 and 255: black and white
            readings.append(_Reading(values * _GREY, colours, True))
        return [*readings, _Reading(values, ids)]

    def _codes(self, coloured: bool) -> dict[int, int]:
        """Class index by the code of its colours, or of its ids."""
        indices = [(value, NONE) for value in self.ignored]
        indices += [(value, index) for index, kind in enumerate(self.classes) for value in kind.values]
        return {code_of(value): index for value, index in indices if isinstance(value, tuple) == coloured}

    def _describe_unknown(self, mask: StoredMask, reading: _Reading, counts: np.ndarray) -> str:
        """A message on the most frequent unknown value."""
        unknown = np.flatnonzero(reading.unknown)
        worst = unknown[counts[unknown].argmax()]
        value, has = int(reading.codes[worst]), f"{self.path} has {counts[worst]:,} px of"
        mixed = _RESAMPLED.format(len(unknown)) if len(unknown) >= _MANY else ""
        if self.path.suffix.lower() in (".jpg", ".jpeg"):
            mixed = "; JPEG changes values, so save masks as PNG or GeoTIFF"
        if reading.by_colour:
            advice = "" if any(kind.colour for kind in self.classes) else _NO_COLOURS
            return f"{has} the colour {hex_of(value)}, which {self.table} does not have{advice}{mixed}"
        known = ", ".join(map(str, sorted(self._codes(coloured=False))))
        shown = f" ({hex_of(code_of(mask.palette[value]))} in its palette)" if value in mask.palette else ""
        return f"{has} the id {value}{shown}; known are {known}: change the mask or the class table{mixed}"

    def _check_palette(self, palette: Mapping[int, Colour], values: set[int]) -> None:
        """SourceError for a class whose colour differs between the palette and the class table."""
        for kind in self.classes:
            id_ = code_of(kind.values[0])
            shown = palette.get(id_)
            if kind.colour and shown and shown != kind.colour and id_ in values:
                raise SourceError(
                    f"{self.path} shows {kind.name} in {hex_of(code_of(shown))}, the class table in "
                    f"{hex_of(code_of(kind.colour))}: are its ids those of another table? Correct the colours, or "
                    "leave them out of the table"
                )


def read_mask(path: Path, image: Path) -> StoredMask:
    """Read the mask of an image; SourceError if the file is damaged or cannot be a mask."""
    check_not_truncated(path)
    with open_dataset(str(path)) as dataset:
        check_size(dataset.shape, path, image)
        own = [index for index, kind in enumerate(dataset.colorinterp, 1) if kind is not ColorInterp.alpha]
        if len(own) not in (1, 3):
            raise SourceError(f"the mask {path} has {len(own)} bands; a mask has one of ids, or three of colours")
        try:
            bands: Any = dataset.read(own)
            valid: np.ndarray = dataset.read_masks(own).any(axis=0)
        except RasterioError as error:
            raise SourceError(f"the mask {path} cannot be read: {error.__cause__ or error}") from error
        table = dataset.colormap(1) if dataset.colorinterp[0] is ColorInterp.palette else {}
    with np.errstate(invalid="ignore"):  # NaN is refused below
        whole = bands.astype(np.int64)
    if bands.dtype.kind == "f" and not np.array_equal(bands[:, valid], whole[:, valid]):
        raise SourceError(f"the mask {path} holds fractions, not ids; write it with whole numbers")
    clear = [value for value, (*_, opaque) in table.items() if not opaque]
    palette = {value: (red, green, blue) for value, (red, green, blue, _) in table.items()}
    if all(colour == (value, value, value) for value, colour in palette.items()):
        palette = {}  # greys say no more than the ids
    valid &= ~np.isin(whole[0], clear)
    if len(whole) == 1:
        return StoredMask(whole[0], valid, False, palette)
    if whole.min(initial=0) >= 0 and whole.max(initial=0) <= 255:
        return StoredMask(_code(*whole), valid, True, palette)
    if not np.array_equal(whole[0], whole[1]) or not np.array_equal(whole[0], whole[2]):
        raise SourceError(f"the mask {path} has colours of more than 8 bit; save it in 8 bit, or as one band of ids")
    return StoredMask(whole[0], valid, False, palette)


def code_of(value: int | Colour) -> int:
    """An id, or a colour as one number."""
    return value if isinstance(value, int) else int(_code(*value))


def _code(red: Any, green: Any, blue: Any) -> Any:
    return (red << 16) + (green << 8) + blue


def hex_of(code: int) -> str:
    """A colour's code as CSS has it: #ff8800."""
    return f"#{code:06x}"
