"""Check that a set of masked images is complete and consistent, before any time is spent on it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from geoglot.aliases import Progress
from geoglot.datasets.dataset import DataSet
from geoglot.datasets.image_files import digest_of
from geoglot.datasets.labels import LabelMap, Labels
from geoglot.datasets.layout import MaskedImages, require_masks
from geoglot.datasets.masks import MaskFile
from geoglot.datasets.splits import standard_name
from geoglot.errors import SourceError
from geoglot.outputs.atomic import write_json
from geoglot.sources.listing import file_state
from geoglot.tables import parse_json
from geoglot.version import __version__

_MOST = 20  # faults that are listed one by one


@dataclass(frozen=True)
class Checked:
    """The result of a check."""

    dataset: str
    split: str
    images: int
    faults: tuple[str, ...]
    """One sentence each, at most 20."""
    read: int
    """Number of images that were read; the check stops at the last fault that it lists."""
    pixels: dict[str, int]
    """Pixels of each class in the images that were read."""
    notes: tuple[str, ...] = ()
    """Sentences about things that are not faults but may surprise."""
    digests: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Digest of the pixels by image."""
    labels: str = field(default="", repr=False)
    """Digest of all labels."""

    @property
    def unseen(self) -> tuple[str, ...]:
        """Classes that a model cannot learn, since no pixel of the training split shows them."""
        return self.absent if standard_name(self.split) in ("train", "all") else ()

    @property
    def absent(self) -> tuple[str, ...]:
        """Classes that no pixel shows; empty if some labels could not be read."""
        return () if self.faults else tuple(name for name, count in self.pixels.items() if not count)

    @property
    def is_whole(self) -> bool:
        """Whether nothing has to be corrected."""
        return not self.faults and not self.unseen

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot datasets check --json`."""
        return {name: value for name, value in asdict(self).items() if name not in ("digests", "labels")} | {
            "unseen": self.unseen
        }


@dataclass
class _Tally:
    pixels: np.ndarray
    ignored: int = 0
    remarks: Counter[str] = field(default_factory=Counter)
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, labels: LabelMap) -> None:
        self.digest.update(labels.ids.tobytes())
        self.pixels += np.bincount(labels.ids[labels.ids >= 0], minlength=len(self.pixels))
        self.ignored += int((labels.ids < 0).sum())
        self.remarks += labels.remarks

    def describe_ignored(self) -> str:
        if not self.ignored:
            return ""
        share = self.ignored / (self.ignored + int(self.pixels.sum()))
        return (
            f"; {share:.1%} of its pixels do not count (255, no data, transparent); if they are masks of 0 and "
            "255, give classes.csv the colours #000000 and #ffffff, or write 1 in place of 255"
        )


def check_set(dataset: DataSet, data: Path, split: str, progress: Progress | None = None) -> Checked:
    """Read every image and mask of a split, and check size, place and values.

    Archives in the folder are compared with the published MD5. SourceError if images or masks are missing.
    """
    masked = require_masks(dataset)
    samples = masked.read(data, split)
    faults, digests, read = _check_archives(masked, data), dict[str, str](), 0
    tally = _Tally(np.zeros(len(samples.classes), np.int64))
    for read, labels in enumerate((mask for mask in samples.masks if isinstance(mask, Labels)), 1):
        try:
            digests[str(labels.image)] = digest_of(labels.image)
        except SourceError as error:
            faults.append(f"the image {labels.image} cannot be read to its end; get it again ({error})")
        else:
            faults += check_labels(labels, tally)
        if progress:
            progress("images and masks", read, len(samples))
        if len(faults) >= _MOST:
            break
    by_name = dict(zip((words.name for words in samples.classes), tally.pixels.tolist(), strict=True))
    checked = Checked(
        dataset.name, split, len(samples), tuple(faults[:_MOST]), read, by_name, digests=digests,
        labels=tally.digest.hexdigest(),
    )  # fmt: skip
    checked = replace(checked, faults=checked.faults or _check_classes(checked, tally))
    return replace(checked, notes=samples.notes + _notes(checked, dataset.splits.get(split), tally))


def check_splits(
    dataset: DataSet, data: Path, splits: Sequence[str], progress: Progress | None = None
) -> tuple[Checked, ...]:
    """`check_set` for each split; an image of another split that is also in the training split is a fault."""
    results = [check_set(dataset, data, split, progress) for split in splits]
    train = next((result for result in results if standard_name(result.split) == "train"), None)
    for index, other in enumerate(results):
        if train and other is not train and (fault := describe_duplicates(train.digests, other.digests, other.split)):
            results[index] = replace(other, faults=(*other.faults, fault))
    return tuple(results)


def describe_duplicates(train: Mapping[str, str], other: Mapping[str, str], split: str) -> str | None:
    """A sentence about images of a split that are also training images, pixel by pixel; None if there are none."""
    names = {digest: name for name, digest in train.items()}
    twins = [(name, names[digest]) for name, digest in other.items() if digest in names]
    if not twins:
        return None
    are = "is" if len(twins) == 1 else "are"
    return (
        f"{len(twins):,} of {len(other):,} images of {split} {are} also in train (the first is {twins[0][0]}, there "
        f"{twins[0][1]}), so figures on {split} are too good; remove them from one of the two"
    )


def check_labels(labels: Labels, tally: _Tally | None = None) -> list[str]:
    """A fault if labels cannot be read, do not lie over their image, or have a value that no class has."""
    strict = replace(labels, strict=True) if isinstance(labels, MaskFile) else labels
    try:
        label_map = strict.read()
    except SourceError as error:
        return [str(error)]
    if tally:
        tally.add(label_map)
    return []


def _check_classes(checked: Checked, tally: _Tally) -> tuple[str, ...]:
    """A fault if the split shows no class, or if a training split shows only one."""
    shown = [name for name, count in checked.pixels.items() if count]
    if not shown:
        return (f"no pixel of the split {checked.split} has a class, so there is nothing to learn or to score",)
    if len(shown) > 1 or not checked.unseen or not tally.ignored:
        return ()
    fault = f"every pixel of {checked.split} that counts is {shown[0]}, so there is nothing to tell apart"
    return (fault + tally.describe_ignored(),)


def _notes(checked: Checked, published: int | None, tally: _Tally) -> tuple[str, ...]:
    notes = [f"{number:,} {what}" for what, number in sorted(tally.remarks.items()) if number]
    if published and checked.images != published:
        notes.append(f"images of {checked.split}: {checked.images:,} here, {published:,} published")
    if checked.read < checked.images:
        notes.append(f"{checked.read:,} of {checked.images:,} images were read, because so many have faults")
    elif checked.absent:
        notes.append(f"no pixel of {checked.split} is {' or '.join(checked.absent)}{tally.describe_ignored()}")
    return tuple(notes)


@dataclass(frozen=True)
class Whole:
    """A split without faults."""

    notes: tuple[str, ...]
    digests: Mapping[str, str]


def check_once(
    dataset: DataSet, data: Path, split: str, stamp: Path, progress: Progress | None = None, *, begun: bool = False
) -> Whole:
    """`check_set` with the first fault as a SourceError; skipped while no file of the split has changed.

    `stamp` is a JSON file that keeps the results by split. If the run that reads the split has `begun`, a note says
    that its images or labels are no longer those that it began with.
    """
    try:
        results = parse_json(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # missing or damaged: everything is read again
        results = {}
    results = results if isinstance(results, dict) else {}
    state, last = _fingerprint(require_masks(dataset), data, split), results.get(split)
    if isinstance(last, dict) and last.get("state") == state:
        notes, digests = last.get("notes"), last.get("digests")
        if isinstance(notes, list) and isinstance(digests, dict):
            return Whole(tuple(map(str, notes)), digests)
    checked = check_set(dataset, data, split, progress)
    if faults := checked.faults:
        more = f"; geoglot datasets check {dataset.name} --data {data} lists all faults" if len(faults) > 1 else ""
        raise SourceError(f"{faults[0]}{more}")
    now = {"digests": dict(checked.digests), "labels": checked.labels}
    notes = (*checked.notes, *(_changes(split, last, now) if begun and isinstance(last, dict) else ()))
    write_json(stamp, results | {split: {"state": state, "notes": notes, **now}})
    return Whole(notes, checked.digests)


def _changes(split: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence if the contents of a split are others than before, or if they were others before already."""
    note = (
        f"images or labels of {split} changed after the run began, so its weights and figures come from both states; "
        "give another output to train on what is there now alone"
    )
    notes = before.get("notes")
    known = isinstance(notes, list) and note in notes
    is_other = any(before.get(name, value) != value for name, value in now.items())  # earlier versions kept no labels
    return (note,) if known or is_other else ()


def _fingerprint(dataset: MaskedImages, data: Path, split: str) -> str:
    """Changes with the size or modification time of a file, and with the rules that the files are checked against."""
    samples = dataset.read(data, split)
    masks = (mask for mask in samples.masks if isinstance(mask, Labels))
    files = {path for labels in masks for path in (labels.image, labels.path) if path}
    stats = [(str(path), file_state(path)) for path in sorted(files)]
    rules = [__version__, repr(dataset.classes_of(data)), dataset.ignored, samples.notes]
    return hashlib.sha256(json.dumps([rules, stats]).encode()).hexdigest()


def _check_archives(dataset: MaskedImages, data: Path) -> list[str]:
    """A fault for each archive that differs from the published one."""
    faults = []
    for path in (folder / name for name in dataset.archives for folder in (data, data.parent)):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            md5 = hashlib.file_digest(file, "md5").hexdigest()
        if md5 != dataset.archives[path.name]:
            faults.append(f"{path} is not the published archive; get it again from {dataset.page}")
    return faults
