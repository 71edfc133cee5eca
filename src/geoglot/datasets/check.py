"""Whether a set of masked images is whole, before any time is spent on it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from geoglot import __version__
from geoglot.aliases import Progress
from geoglot.datasets.dataset import DataSet, Mapped
from geoglot.datasets.image_files import digest_of
from geoglot.datasets.labels import Labels, Read
from geoglot.datasets.layout import MaskedImages
from geoglot.datasets.masks import MaskFile
from geoglot.datasets.splits import common
from geoglot.errors import InputError, SourceError
from geoglot.outputs.manifest import write_json
from geoglot.sources.listing import file_state

_MOST = 20  # faults that are told one by one
_LEARNED = ("train", "all")


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
    digests: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of the pixels of each image that could be read."""

    @property
    def unseen(self) -> tuple[str, ...]:
        """Classes that nothing can be learned of, for no pixel of a split for training shows them."""
        return self.absent if common(self.split) in _LEARNED else ()

    @property
    def absent(self) -> tuple[str, ...]:
        """Classes that no pixel shows; none are named where some labels could not be read."""
        return () if self.faults else tuple(name for name, count in self.pixels.items() if not count)

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.faults and not self.unseen

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot datasets check --json`."""
        return {name: value for name, value in asdict(self).items() if name != "digests"} | {"unseen": self.unseen}


@dataclass
class _Tally:
    """What is counted over the images of a split."""

    pixels: np.ndarray
    none: int = 0
    """Pixels that do not count."""
    told: Counter[str] = field(default_factory=Counter)

    def add(self, found: Read) -> None:
        self.pixels += np.bincount(found.ids[found.ids >= 0], minlength=len(self.pixels))
        self.none += int((found.ids < 0).sum())
        self.told += found.told


def check_set(found: DataSet, data: Path, split: str, progress: Progress | None = None) -> Checked:
    """Read every image and mask of a split: size, place, and whether it shows only values that the set has.

    Archives that lie in the folder are compared with the published MD5. SourceError where images or masks are missing.
    """
    masked = _masked(found)
    samples = masked.read(data, split)
    faults, digests, done = _archives(masked, data), dict[str, str](), 0
    tally = _Tally(np.zeros(len(samples.classes), np.int64))
    for done, labels in enumerate(_labels(samples), 1):
        faults += _image_faults(labels.image, digests) or label_faults(labels, tally)
        if progress:
            progress("images and masks", done, len(samples))
        if len(faults) >= _MOST:
            break
    by_name = dict(zip((one.name for one in samples.classes), tally.pixels.tolist(), strict=True))
    checked = Checked(found.name, split, len(samples), tuple(faults[:_MOST]), done, by_name, digests=digests)
    checked = replace(checked, faults=checked.faults or _empty(checked, tally))
    return replace(checked, notes=samples.notes + _notes(checked, found.splits.get(split), tally))


def check_splits(
    found: DataSet, data: Path, splits: Sequence[str], progress: Progress | None = None
) -> tuple[Checked, ...]:
    """`check_set` of each; images of others that are in the split for training too are faults."""
    checked = [check_set(found, data, split, progress) for split in splits]
    train = next((one for one in checked if common(one.split) == "train"), None)
    return tuple(_with_twins(one, train) if train and one is not train else one for one in checked)


def _with_twins(checked: Checked, train: Checked) -> Checked:
    told = twins_of(train.digests, checked.digests, checked.split)
    return replace(checked, faults=(*checked.faults, told)) if told else checked


def twins_of(train: Mapping[str, str], other: Mapping[str, str], split: str) -> str | None:
    """A sentence for images of a split whose pixels are those of images for training."""
    known = {digest: name for name, digest in train.items()}
    twins = [(name, known[digest]) for name, digest in other.items() if digest in known]
    if not twins:
        return None
    are = "is" if len(twins) == 1 else "are"
    return (
        f"{len(twins):,} of {len(other):,} images of {split} {are} also in train (the first is {twins[0][0]}, there "
        f"{twins[0][1]}), so figures on {split} say too much; take them out of one of the two"
    )


def label_faults(labels: Labels, tally: _Tally | None = None) -> list[str]:
    """Of one image: labels that cannot be read, do not lie over it, or have a value that the set does not have."""
    strict = replace(labels, strict=True) if isinstance(labels, MaskFile) else labels
    try:
        found = strict.read()
    except SourceError as error:
        return [str(error)]
    if tally:
        tally.add(found)
    return []


def _image_faults(image: Path, digests: dict[str, str]) -> list[str]:
    """Of one image: whether all of it can be read; keeps the digest of its pixels."""
    try:
        digests[str(image)] = digest_of(image)
    except SourceError as error:
        return [f"the image {image} cannot be read to its end; get it again ({error})"]
    return []


def _empty(checked: Checked, tally: _Tally) -> tuple[str, ...]:
    """Splits of which nothing can be learned or scored."""
    shown = [name for name, count in checked.pixels.items() if count]
    if not shown:
        return (f"no pixel of the split {checked.split} has a class, so there is nothing to learn or to score",)
    if len(shown) == 1 and checked.unseen and tally.none:
        told = f"every pixel of {checked.split} that counts is {shown[0]}, so there is nothing to tell apart"
        return (told + _unlabelled(tally),)
    return ()


def _unlabelled(tally: _Tally) -> str:
    """How many pixels do not count, where some do not, and what such masks often are."""
    share = tally.none / max(1, tally.none + int(tally.pixels.sum()))
    if not tally.none:
        return ""
    return (
        f"; {share:.1%} of its pixels do not count (255, no data, transparent); if they are masks of 0 and "
        "255, give classes.csv the colours #000000 and #ffffff, or write 1 in place of 255"
    )


def _notes(checked: Checked, published: int | None, tally: _Tally) -> tuple[str, ...]:
    notes = [f"{number:,} {what}" for what, number in sorted(tally.told.items()) if number]
    if published and checked.images != published:
        notes.append(f"images of {checked.split}: {checked.images:,} here, {published:,} published")
    if checked.read < checked.images:
        notes.append(f"{checked.read:,} of {checked.images:,} images were looked at, for so many have faults")
    elif checked.absent:
        notes.append(f"no pixel of {checked.split} is {' or '.join(checked.absent)}{_unlabelled(tally)}")
    return tuple(notes)


@dataclass(frozen=True)
class Whole:
    """A split without faults."""

    notes: tuple[str, ...]
    digests: Mapping[str, str]


def check_once(found: DataSet, data: Path, split: str, stamp: Path, progress: Progress | None = None) -> Whole:
    """`check_set`, with the first fault as a SourceError; not again while no file of the split has changed.

    `stamp` is a JSON file that keeps what was found whole.
    """
    known = _known(stamp)
    state = _state(_masked(found), data, split)
    kept = known.get(split)
    if isinstance(kept, dict) and kept.get("state") == state:
        return Whole(tuple(kept["notes"]), kept["digests"])
    checked = check_set(found, data, split, progress)
    if faults := checked.faults:
        more = f"; geoglot datasets check {found.name} --data {data} tells all faults" if len(faults) > 1 else ""
        raise SourceError(f"{faults[0]}{more}")
    whole = Whole(checked.notes, checked.digests)
    write_json(stamp, known | {split: {"state": state, "notes": whole.notes, "digests": dict(whole.digests)}})
    return whole


def _known(stamp: Path) -> dict[str, Any]:
    try:
        known = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or damaged: then all is read once more
        return {}
    return known if isinstance(known, dict) else {}


def _state(found: MaskedImages, data: Path, split: str) -> str:
    """Of the files of a split, which there are, how large, and when they were written; and of what is looked for."""
    samples = found.read(data, split)
    files = {path for labels in _labels(samples) for path in (labels.image, labels.path) if path}
    stats = [(str(path), file_state(path)) for path in sorted(files)]
    rules = [__version__, repr(found.classes_of(data)), found.ignored, samples.notes]
    return hashlib.sha256(json.dumps([rules, stats]).encode()).hexdigest()


def _masked(found: DataSet) -> MaskedImages:
    if not isinstance(found, MaskedImages):
        raise InputError(f"{found.name} has no masks in image files to check; it is for {' and '.join(found.tasks)}")
    return found


def _labels(samples: Mapped) -> list[Labels]:
    return [one for one in samples.masks if isinstance(one, Labels)]


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
