"""Whether a set of masked images is whole, before any time is spent on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from geoglot import __version__
from geoglot.datasets.dataset import DataSet, Mask
from geoglot.datasets.layout import MapClass, MaskedImages, code_of, palette_of, read_codes
from geoglot.datasets.pictures import open_native
from geoglot.datasets.sets.folder import VECTORS
from geoglot.errors import InputError, ReadError, SourceError
from geoglot.geo import Window
from geoglot.outputs.manifest import write_json
from geoglot.types import Progress

_MOST = 20  # faults that are told one by one


@dataclass(frozen=True)
class Checked:
    """What a check found."""

    dataset: str
    split: str
    images: int
    faults: tuple[str, ...]
    """One sentence each, the first of them where there are many."""
    read: int
    """Images that were looked at: all, or those before too many had faults."""
    pixels: dict[str, int]
    """Of each class, over these."""
    notes: tuple[str, ...] = ()
    """What is no fault and may surprise."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot datasets check --json`."""
        return asdict(self)


def check_set(found: DataSet, data: Path, split: str, progress: Progress | None = None) -> Checked:
    """Read every mask of a split: its size, and whether it shows only values that the set has.

    Archives that lie in the folder are compared with the published MD5. SourceError where images or masks are missing.
    """
    masked = _masked(found)
    samples = masked.read(data, split)
    faults, pixels, done = _archives(masked, data), np.zeros(len(samples.classes), np.int64), 0
    for done, (image, reads) in enumerate(zip(samples.images, samples.masks, strict=True), 1):
        faults += image_faults(image) or mask_faults(masked, data, image, partial(_counted, reads, pixels))
        if progress:
            progress("images and masks", done, len(samples))
        if len(faults) >= _MOST:
            break
    if not faults and not pixels.any():
        faults = [f"no pixel of the split {split} has a class, so there is nothing to learn or to score"]
    by_name = dict(zip((one.name for one in samples.classes), pixels.tolist(), strict=True))
    checked = Checked(found.name, split, len(samples), tuple(faults[:_MOST]), done, by_name)
    return replace(checked, notes=_notes(checked, found.splits.get(split)))


def _counted(reads: Mask, pixels: np.ndarray) -> np.ndarray:
    """A mask; its pixels are added to those of each class."""
    labels = reads()
    pixels += np.bincount(labels[labels >= 0], minlength=len(pixels))
    return labels


def _notes(checked: Checked, published: int | None) -> tuple[str, ...]:
    notes = []
    if published and checked.images != published:
        notes.append(f"images of {checked.split}: {checked.images:,} here, {published:,} published")
    if checked.read < checked.images:
        notes.append(f"{checked.read:,} of {checked.images:,} images were looked at, for so many have faults")
    elif absent := [name for name, count in checked.pixels.items() if not count]:
        notes.append(f"no pixel of {checked.split} is {' or '.join(absent)}")
    return tuple(notes)


def check_once(found: DataSet, data: Path, split: str, stamp: Path, progress: Progress | None = None) -> None:
    """`check_set`, with the first fault as a SourceError; not again while no file of the split has changed.

    `stamp` is a JSON file that keeps what was found whole.
    """
    known = _known(stamp)
    state = _state(_masked(found), data, split)
    if known.get(split) == state:
        return
    faults = check_set(found, data, split, progress).faults
    if faults:
        more = f"; geoglot datasets check {found.name} --data {data} tells all faults" if len(faults) > 1 else ""
        raise SourceError(f"{faults[0]}{more}")
    write_json(stamp, known | {split: state})


def _known(stamp: Path) -> dict[str, str]:
    try:
        known = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or damaged: then all is read once more
        return {}
    return known if isinstance(known, dict) else {}


def _state(found: MaskedImages, data: Path, split: str) -> str:
    """Of the files of a split, which there are, how large, and when they were written; and of what is looked for."""
    images = found.images_of(data, split)
    paths = [*images, *(found.mask_of(data, image) for image in images)]
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    rules = [__version__, repr(found.classes_of(data)), found.ignored]
    return hashlib.sha256(json.dumps([rules, stats]).encode()).hexdigest()


def _masked(found: DataSet) -> MaskedImages:
    if not isinstance(found, MaskedImages):
        raise InputError(f"{found.name} has no masks in image files to check; it is for {' and '.join(found.tasks)}")
    return found


def _archives(found: MaskedImages, data: Path) -> list[str]:
    """Archives that are not what was published."""
    faults = []
    for name, expected in found.archives.items():
        for path in (data / name, data.parent / name):
            if path.is_file():
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "md5").hexdigest() != expected:
                        faults.append(f"{path} is not the published archive; get it again from {found.page}")
    return faults


def image_faults(image: Path) -> list[str]:
    """Of one image: whether it can be read to its last row."""
    try:
        with open_native(image) as raster:
            rows, cols = raster.native.shape
            raster.read(Window(rows - 1, 0, 1, cols))
    except (SourceError, ReadError) as error:
        return [f"the image {image} cannot be read to its end; get it again ({error})"]
    return []


def mask_faults(found: MaskedImages, data: Path, image: Path, reads: Any) -> list[str]:
    """Of one image: another size, a value that the set does not have, or a mask that cannot be read."""
    try:
        labels = reads()
    except SourceError as error:
        return [str(error)]
    if _size(image) != labels.shape:
        return [_other_size(image, labels.shape)]
    mask = found.mask_of(data, image)
    if mask.suffix in VECTORS:
        return []
    known = {code_of(value) for one in found.classes_of(data) for value in one.values}
    known |= {code_of(value) for value in found.ignored}
    values, counts = np.unique(read_codes(mask), return_counts=True)
    strange = [(int(value), int(count)) for value, count in zip(values, counts, strict=True) if int(value) not in known]
    if not strange:
        return _palette_faults(mask, found.classes_of(data), values)
    value, count = max(strange, key=lambda pair: pair[1])
    has = f"{mask} has {count:,} px of"
    if any(isinstance(one, tuple) for entry in found.classes for one in entry.values):
        return [f"{has} the colour #{value:06x}, which {found.title} does not have"]
    return [f"{has} the id {value}; known are {', '.join(map(str, sorted(known)))}: change the mask or the class table"]


def _palette_faults(mask: Path, classes: Sequence[MapClass], values: np.ndarray) -> list[str]:
    """Of a mask with a palette: a class that it shows in another colour than the class table says."""
    palette = palette_of(mask)
    for one in classes:
        shown = palette.get(code_of(one.values[0]))
        if one.colour and shown and shown != one.colour and code_of(one.values[0]) in values:
            told = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in (shown, one.colour)]
            return [
                f"{mask} shows {one.name} in {told[0]}, the class table in {told[1]}: are its ids those of another "
                "table? Mend the colours, or leave them out of the table"
            ]
    return []


def _size(image: Path) -> tuple[int, int]:
    with open_native(image) as raster:
        return raster.native.shape


def _other_size(image: Path, shape: tuple[int, ...]) -> str:
    rows, cols = _size(image)
    return f"{image} has {rows} x {cols} px, its mask {shape[0]} x {shape[1]}; they must lie over each other"
