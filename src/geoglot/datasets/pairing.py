"""Which labels belong to which image of a folder: by the same name, or but for a word such as _mask."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from geoglot.datasets import polygons
from geoglot.datasets.listed_files import Found, find_files, key_of
from geoglot.errors import SourceError
from geoglot.sources.listing import SUFFIXES
from geoglot.tables import read_text

YOLO = ".txt"
_LABELS = "masks?|msk|labels?|lbl|gt|ground_?truth|truth|seg|segmentation|annotations?|labelids|labeltrainids|target"
_IMAGES = "images?|img|sat|rgb|leftimg8bit"
_NAMES_OF_CLASSES = ("classes", "labels", "obj", "predefined_classes")  # labelImg's list beside its labels


@dataclass(frozen=True)
class Paired:
    """Images, and the file of the labels of each."""

    images: tuple[Path, ...]
    labels: tuple[Path | None, ...]
    """None where a set of YOLO's labels has none, which means that nothing is there."""
    notes: tuple[str, ...]
    """A sentence for what is left out."""


def pair(folder: Path, label_folders: Sequence[Path], listed: Path | None = None) -> Paired:
    """The images of a split with their labels; SourceError where it is not clear which belong together.

    Both may lie in one folder: what is called a mask, or is no picture, is then a label. `listed` is a text with the
    names of the images that are of the split, one a line.
    """
    images = _images_in(folder, listed, is_mixed=folder in label_folders)
    if not images.used:
        why = "; ".join(images.notes) or f"what is read is {', '.join(sorted(SUFFIXES))}"
        raise SourceError(f"the folder {folder} is there, but no images are in it; {why}")
    keys = [key_of(path, folder) for path in images.used]
    if double := next((key for key, count in Counter(keys).items() if count > 1), None):
        raise SourceError(f"two images in {folder} are called {double}, but a mask belongs to one image")
    found = [labels_in(one, folder) for one in label_folders]
    labels = _match(images, keys, found)
    used = set(labels)
    alone = [path for one in found for path in one.used if path not in used and not listed]
    notes = list(dict.fromkeys(note for one in (images, *found) for note in one.notes))
    if alone:
        are = "1 file of labels is" if len(alone) == 1 else f"{len(alone)} files of labels are"
        notes.append(f"{are} of no image and left out, the first {alone[0]}")
    return Paired(images.used, tuple(labels), tuple(notes))


def has_labels_beside(folder: Path) -> bool:
    """Whether a folder of images holds their labels too: pictures that are called masks, or texts of YOLO."""
    pictures = find_files(folder, SUFFIXES).used
    keys = {key_of(path, folder) for path in pictures}
    texts = {key_of(path, folder) for path in find_files(folder, {YOLO}).used}
    return bool(texts & keys) or any(
        _bare(key, _LABELS) != key and _bare(key, _LABELS) in _images_of(keys) for key in keys
    )


def _images_of(keys: Set[str]) -> set[str]:
    return {bare for key in keys for bare in (key, _bare(key, _IMAGES))}


def _images_in(folder: Path, listed: Path | None, is_mixed: bool) -> Found:
    images = find_files(folder, SUFFIXES)
    if is_mixed:
        keys = {path: key_of(path, folder) for path in images.used}
        images = replace(images, used=tuple(path for path, key in keys.items() if _bare(key, _LABELS) == key))
    if listed is None:
        return images
    names = {Path(line.strip()).stem for line in read_text(listed).body.splitlines() if line.strip()}
    chosen = tuple(path for path in images.used if path.stem in names)
    if gone := sorted(names - {path.stem for path in chosen}):
        raise SourceError(f"{listed} names {len(gone)} images that are not in {folder}, the first {gone[0]}")
    return replace(images, used=chosen)


def labels_in(folder: Path, images: Path) -> Found:
    """Files of labels: masks and polygons, or texts of YOLO where there are none of these. `images`: their folder."""
    found, texts = find_files(folder, SUFFIXES | polygons.SUFFIXES), find_files(folder, {YOLO})
    if folder == images:
        pictures = set(_images_in(folder, None, is_mixed=True).used)
        found = replace(found, used=tuple(path for path in found.used if path not in pictures))
    if found.used:
        return found
    named = tuple(path for path in texts.used if path.stem.lower() not in _NAMES_OF_CLASSES)
    return Found(folder, named, () if folder == images else texts.notes) if named else found


def _match(images: Found, keys: Sequence[str], found: Sequence[Found]) -> list[Path | None]:
    exact, bare = defaultdict[str, list[Path]](list), defaultdict[str, list[Path]](list)
    for one in found:
        for path in one.used:
            key = key_of(path, one.folder)
            exact[key].append(path)
            bare[_bare(key, _LABELS)].append(path)
    choices = [exact.get(key) or bare.get(key) or bare.get(_bare(key, _IMAGES)) or [] for key in keys]
    for image, choice in zip(images.used, choices, strict=True):
        if len(choice) > 1:
            raise SourceError(f"{image} has two files of labels, {choice[0]} and {choice[1]}; leave one of them there")
    labels = [choice[0] if choice else None for choice in choices]
    taken = dict[Path, Path]()
    for image, label in zip(images.used, labels, strict=True):
        if label and (other := taken.setdefault(label, image)) != image:
            raise SourceError(f"{label} may be of {other} or of {image}; give labels the names of their images")
    if not any(path.suffix.lower() == YOLO for one in found for path in one.used):
        _check_all(images, keys, labels, found)
    return labels


def _check_all(images: Found, keys: Sequence[str], labels: Sequence[Path | None], found: Sequence[Found]) -> None:
    """SourceError where an image has no labels, which says what is wanted and what is there."""
    lacking = [index for index, label in enumerate(labels) if label is None]
    if not lacking:
        return
    more = f" and {len(lacking) - 1} more images have" if len(lacking) > 1 else " has"
    matched = set(labels)
    there = next((path for one in found for path in one.used if path not in matched), None)
    left = "".join(f"{note}; " for one in found for note in one.notes)
    raise SourceError(
        f"{images.used[lacking[0]]}{more} no mask: wanted is {found[0].folder / keys[lacking[0]]}.png (or .tif); "
        + (f"what is there is {there}; " if there else left)
        + "images without labels do not belong in a labelled split: geoglot segment maps them"
    )


def _bare(key: str, words: str) -> str:
    """A name without such a word at either end, or without the suffix of an image."""
    folder, _, name = key.rpartition("/")
    name = Path(name).stem if Path(name).suffix.lower() in SUFFIXES else name
    name = re.sub(rf"[_\-. ](?:{words})$|^(?:{words})[_\-. ]", "", name, count=1, flags=re.IGNORECASE)
    return f"{folder}/{name}" if folder else name
