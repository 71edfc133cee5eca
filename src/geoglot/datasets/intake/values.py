"""Which classes the masks of a folder show: their ids, greys or colours, however they are numbered."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geoglot.aliases import Progress
from geoglot.datasets.classes import BACKGROUND, IGNORED, Colour, MapClass
from geoglot.datasets.labels import NONE, LabelMap, Labels, check_ground, register
from geoglot.datasets.masks import code_of, hex_of, read_mask
from geoglot.errors import SourceError

_GREY = 0x010101
_MOST_CLASSES = 64  # more values than these come from lossy compression or resampling
_LEAST_SHARE = 0.005  # of the pixels, of a class among such values
_APART = 48.0  # distance in RGB between two such classes
_BIN = 32  # brightness levels that are looked at together
_NEAR, _LEAST_KNOWN = 20.0, 0.8  # distance within which so many pixels lie of a class, or the mask is a picture
_MOST_VALUES = 100_000
_SMALL_IDS = 100  # beside ids up to this, 255 means no class
NUMBERED = "no table names the classes, so they are numbered; give --classes, or edit the names in classes.csv"
FAULTS = 5  # that one message names


@dataclass(frozen=True)
class MaskValues:
    """How the values of all masks become classes."""

    classes: tuple[MapClass, ...]
    index: Mapping[int, int]
    """Class index by id or colour code; NONE for a value without a class."""
    is_coloured: bool
    is_blurred: bool
    """Whether other values than the classes' occur, and each stands for the nearest class."""
    notes: tuple[str, ...] = ()

    @property
    def is_direct(self) -> bool:
        """Whether the reader of data sets takes the masks as they are, by the ids or colours of the classes."""
        ids = all(value in (index, IGNORED) for value, index in self.index.items())
        return not self.is_blurred and (ids or self.is_coloured or self.is_binary)

    @property
    def is_binary(self) -> bool:
        """Whether masks are black and white, 0 and 255."""
        return not self.is_coloured and set(self.index) == {0, IGNORED} and NONE not in self.index.values()


@dataclass(frozen=True)
class RenumberedMask(Labels):
    """A mask whose values become classes by a table of what all masks hold."""

    path: Path
    values: MaskValues

    def read(self) -> LabelMap:
        labels = super().read()
        check_ground(self.path, self.image)
        return labels

    def read_stored(self) -> LabelMap:
        mask = read_mask(self.path, self.image)
        codes = mask.codes // _GREY if mask.is_coloured and not self.values.is_coloured else mask.codes
        values, where = np.unique(codes, return_inverse=True)
        known = np.array(sorted(self.values.index))
        nearest = known[_distances(values, known, self.values.is_coloured).argmin(1)]
        index = np.array([self.values.index[int(value)] for value in nearest], np.int32)
        return LabelMap(np.where(mask.valid, index[where].reshape(codes.shape), NONE).astype(np.int32))


def survey(
    pairs: Sequence[tuple[Path, Path]], names: Mapping[int | Colour, str], progress: Progress | None = None
) -> MaskValues:
    """Read all masks of (image, mask) and settle their classes; SourceError that names the masks that are wrong."""
    counts, coloured, faults = Counter[int](), Counter[int](), list[str]()
    for done, (image, path) in enumerate(pairs, 1):
        try:
            mask = read_mask(path, image)
            register(mask.codes.astype(np.int32), image)
            check_ground(path, image)
        except SourceError as error:
            faults.append(str(error))
            continue
        values, count = np.unique(mask.codes[mask.valid], return_counts=True)
        (coloured if mask.is_coloured else counts).update(dict(zip(values.tolist(), count.tolist(), strict=True)))
        if len(counts) + len(coloured) > _MOST_VALUES:
            raise SourceError(f"the masks up to {path} have over {_MOST_VALUES:,} different values; are they pictures?")
        if progress:
            progress("masks", done, len(pairs))
    require_none(faults, len(pairs))
    if all(code % _GREY == 0 for code in coloured):  # greys in three bands are ids
        counts.update({code // _GREY: count for code, count in coloured.items()})
        coloured.clear()
    if counts and coloured:
        raise SourceError("some masks hold colours and others ids; save all of them in one way")
    return _settle(coloured or counts, bool(coloured), names)


def require_none(faults: Sequence[str], total: int) -> None:
    """SourceError with the first faults, if there are any."""
    if faults:
        more = f"; and {len(faults) - FAULTS:,} more" if len(faults) > FAULTS else ""
        head = "" if len(faults) == 1 else f"{len(faults):,} of {total:,} images have labels that cannot be used: "
        raise SourceError(head + "; ".join(faults[:FAULTS]) + more)


def _settle(counts: Counter[int], is_coloured: bool, names: Mapping[int | Colour, str]) -> MaskValues:
    """The classes of values that occur so often."""
    if not counts:
        raise SourceError("no pixel of the masks has a value: all are no data or transparent")
    notes, named = (
        list[str](),
        {code_of(value): name for value, name in names.items() if isinstance(value, tuple) == is_coloured},
    )
    is_blurred = len(counts) > max(_MOST_CLASSES, len(named))
    values = (sorted(named) or _cluster(counts, is_coloured)) if is_blurred else sorted(counts)
    if is_blurred:
        notes.append(
            f"the masks have {len(counts):,} different values, as after JPEG or resampling; each pixel was given the "
            f"nearest of the {len(values)} most frequent, so edges may be wrong by a pixel or two"
        )
    is_ignored = (
        not is_coloured and IGNORED in values and len(values) > 2 and values[-2] <= _SMALL_IDS and IGNORED not in named
    )
    if is_ignored:
        values.remove(IGNORED)
        notes.append("pixels of 255 do not count: beside small ids, 255 means no class by custom")
    if set(values) <= set(named):
        values = sorted(named)  # classes that no mask shows keep their ids
    if len(values) < 2:
        shown = hex_of(values[0]) if is_coloured else str(values[0])
        raise SourceError(f"all pixels of the masks that count have the value {shown}, so there is nothing to learn")
    if len(values) > IGNORED:
        raise SourceError(f"the masks show {len(values)} classes; at most {IGNORED} are possible")
    classes = tuple(_name(values, index, is_coloured, named) for index in range(len(values)))
    if not named:
        notes.append(NUMBERED)
    if not is_coloured and values != list(range(len(values))) and set(values) != {0, IGNORED}:
        shown = f"{', '.join(map(str, values[:12]))}{' ...' if values[12:] else ''}"
        notes.append(f"the ids {shown} of the masks became 0 to {len(values) - 1}")
    index = {value: place for place, value in enumerate(values)} | ({IGNORED: NONE} if is_ignored else {})
    return MaskValues(classes, index, is_coloured, is_blurred, tuple(notes))


def _name(values: Sequence[int], index: int, is_coloured: bool, named: Mapping[int, str]) -> MapClass:
    """A class by its value: as the table names it; 0 and black are background, and one class beside it an object."""
    value, is_binary = values[index], not is_coloured and list(values) == [0, IGNORED]
    plain = (
        BACKGROUND
        if value == 0
        else ("object" if len(values) == 2 and values[0] == 0 else f"class {index if is_coloured else value}")
    )
    colour = (value >> 16, value >> 8 & 255, value & 255) if is_coloured else (value,) * 3 if is_binary else None
    return MapClass(named.get(value, plain), (index,), colour=colour)


def _cluster(counts: Counter[int], is_coloured: bool) -> list[int]:
    """Values that most pixels are close to, and that are far apart; SourceError if there are none."""
    bins = defaultdict[tuple[int, ...], Counter[int]](Counter)
    for value, count in counts.items():
        bins[tuple(band // _BIN for band in _bands(np.array([value]), is_coloured)[0].astype(int).tolist())][value] = (
            count
        )
    chosen = list[int]()
    for members in sorted(bins.values(), key=lambda members: -members.total()):
        if members.total() < _LEAST_SHARE * counts.total():
            break
        value = _centre(members, is_coloured)
        if not chosen or _distances(np.array([value]), np.array(chosen), is_coloured).min() > _APART:
            chosen.append(value)
    values, sizes = np.array(list(counts)), np.array(list(counts.values()))
    if (
        not chosen
        or sizes[_distances(values, np.array(chosen), is_coloured).min(1) <= _NEAR].sum() < _LEAST_KNOWN * sizes.sum()
    ):
        raise SourceError(
            f"the masks have {len(counts):,} different values without a few that stand out; are they pictures, or "
            "heights? A mask has one value, or one colour, for each class"
        )
    return sorted(chosen)


def _centre(members: Counter[int], is_coloured: bool) -> int:
    """The value of most pixels, or the mean if no value has most."""
    value, count = members.most_common(1)[0]
    if 2 * count > members.total():
        return value
    bands = _bands(np.array(list(members)), is_coloured)
    red, green, blue = np.average(bands, axis=0, weights=list(members.values())).round().astype(int).tolist()
    return code_of((red, green, blue)) if is_coloured else red


def _bands(codes: np.ndarray, is_coloured: bool) -> np.ndarray:
    """Red, green and blue of codes, (code, 3)."""
    bands: np.ndarray = codes[:, None] >> np.array([16, 8, 0]) & 255 if is_coloured else codes[:, None] * np.ones(3)
    return bands.astype(float)


def _distances(values: np.ndarray, known: np.ndarray, is_coloured: bool) -> np.ndarray:
    """Distances between values and known values, as in RGB, (value, known)."""
    bands, others = _bands(values, is_coloured), _bands(known, is_coloured)
    distances: np.ndarray = np.linalg.norm(bands[:, None] - others[None], axis=2)
    return distances
