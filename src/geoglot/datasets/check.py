"""Whether a set of masked images is whole, before any time is spent on it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geoglot.datasets.dataset import DataSet
from geoglot.datasets.layout import MaskedImages, code_of, read_codes
from geoglot.datasets.pictures import open_native
from geoglot.datasets.sets.folder import VECTORS
from geoglot.errors import InputError, SourceError
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

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot datasets check --json`."""
        return {"dataset": self.dataset, "split": self.split, "images": self.images, "faults": list(self.faults)}


def check_set(found: DataSet, data: Path, split: str, progress: Progress | None = None) -> Checked:
    """Read every mask of a split: its size, and whether it shows only values that the set has.

    Archives that lie in the folder are compared with the published MD5. SourceError where images or masks are missing.
    """
    masked = _masked(found)
    samples = masked.read(data, split)
    faults = _archives(masked, data)
    for done, (image, reads) in enumerate(zip(samples.images, samples.masks, strict=True), 1):
        faults += mask_faults(masked, data, image, reads)
        if progress:
            progress("masks", done, len(samples))
        if len(faults) >= _MOST:
            break
    return Checked(found.name, split, len(samples), tuple(faults[:_MOST]))


def check_once(found: DataSet, data: Path, split: str, stamp: Path, progress: Progress | None = None) -> None:
    """`check_set`, with the first fault as a SourceError; not again while no file of the split has changed.

    `stamp` is a JSON file that keeps what was found whole.
    """
    known = json.loads(stamp.read_text(encoding="utf-8")) if stamp.is_file() else {}
    state = _state(_masked(found), data, split)
    if known.get(split) == state:
        return
    faults = check_set(found, data, split, progress).faults
    if faults:
        more = f"; geoglot datasets check {found.name} --data {data} tells all faults" if len(faults) > 1 else ""
        raise SourceError(f"{faults[0]}{more}")
    write_json(stamp, known | {split: state})


def _state(found: MaskedImages, data: Path, split: str) -> str:
    """Of the files of a split: which there are, how large, and when they were written."""
    images = found.images_of(data, split)
    paths = [*images, *(found.mask_of(data, image) for image in images)]
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()


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
        return []
    value, count = max(strange, key=lambda pair: pair[1])
    return [f"{mask} has {count:,} px of {_told(value, found)}, which {found.title} does not have"]


def _told(value: int, found: MaskedImages) -> str:
    """An id, or a colour, as a person reads it."""
    colours = any(isinstance(one, tuple) for entry in found.classes for one in entry.values)
    return f"the colour #{value:06x}" if colours else f"the id {value}"


def _size(image: Path) -> tuple[int, int]:
    with open_native(image) as raster:
        return raster.native.shape


def _other_size(image: Path, shape: tuple[int, ...]) -> str:
    rows, cols = _size(image)
    return f"{image} has {rows} x {cols} px, its mask {shape[0]} x {shape[1]}; they must lie over each other"
