"""Find the splits of a folder of images and labels, in the layouts that are in use.

SPLIT/images, SPLIT/masks       geoglot's own; labels or polygons in place of masks (roboflow: labels)
images/SPLIT, labels/SPLIT      ultralytics; img_dir and ann_dir (MMSegmentation), masks, annotations
images, masks                   without splits: all of it is the split `all`
SPLIT, annotations/..SPLIT..json, SPLIT/_annotations.coco.json, SPLIT.json      COCO's
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from geoglot.datasets.coco import looks_like_coco
from geoglot.datasets.pairing import find_files, find_labels, folders_in, has_labels_beside
from geoglot.errors import SourceError
from geoglot.sources.listing import SUFFIXES
from geoglot.tables import read_text

ALL = "all"
_IMAGES = ("images", "image", "imgs", "img", "img_dir", "jpegimages")
_LABELS = ("masks", "mask", "polygons", "labels", "label", "annotations", "ann_dir", "gt", "segmentationclass")
_LISTS = "ImageSets/Segmentation"
_SPELLINGS = {"val": "val", "valid": "val", "validation": "val", "train": "train", "training": "train"}
_SPELLINGS |= {"test": "test", "testing": "test"}
_ORDER = {"val": 0, "train": 1, "test": 2}


@dataclass(frozen=True)
class Split:
    """The places of a split."""

    name: str
    images: Path
    labels: tuple[Path, ...] = ()
    """Folders of labels."""
    coco: Path | None = None
    """A file of annotations instead of folders."""
    listed: Path | None = None
    """A text that names the images, if several splits share a folder."""

    @property
    def is_labelled(self) -> bool:
        """Whether the split has labels."""
        return bool(self.labels or self.coco)


def find_splits(data: Path, written: Mapping[str, str]) -> dict[str, Split]:
    """The splits by name, val and train first; `written` are the folders of images in data.yaml."""
    splits = {split.name: split for split in _by_folders(data)}
    for name, text in written.items():
        if split := _by_yaml(data, name, text, splits):
            splits[split.name] = split
    stated = set(map(standard_name, written))
    taken = {split.images for name, split in splits.items() if standard_name(name) in stated}
    splits = {
        name: split for name, split in splits.items() if split.images not in taken or standard_name(name) in stated
    }
    for name, path in _find_coco(data).items():
        if name not in splits or not _has_other_labels(splits[name]):
            images = splits[name].images if name in splits else _images_beside(data, name, path)
            splits[name] = Split(name, images, coco=path)
    order = sorted(splits, key=lambda name: (_ORDER.get(standard_name(name), len(_ORDER)), name))
    return {name: splits[name] for name in order}


def standard_name(name: str) -> str:
    """train, val or test for every spelling of a split's name; other names as they are."""
    return _SPELLINGS.get(name.lower(), name)


def find_split(splits: Mapping[str, Split], name: str) -> Split | None:
    """A split by name, or by another spelling of it."""
    same = (split for split in splits.values() if standard_name(split.name) == standard_name(name))
    return splits.get(name) or next(same, None)


def find_unused_folders(data: Path, splits: Mapping[str, Split]) -> list[Path]:
    """Folders directly in a set's folder that hold pictures and belong to no split."""
    used = [path for split in splits.values() for path in (split.images, *split.labels)]
    others = [folder for folder in folders_in(data) if not any(path.is_relative_to(folder) for path in used)]
    return [folder for folder in others if find_files(folder, SUFFIXES).files]


def _by_folders(data: Path) -> Iterator[Split]:
    has_splits = False
    for folder in folders_in(data):
        if own := _named(folder, _IMAGES):
            has_splits = True
            yield Split(folder.name, own[0], tuple(_named(folder, _LABELS)) or _labels_among(own[0]))
        elif folder.name.lower() in _SPELLINGS and (labels := _labels_among(folder)):
            has_splits = True
            yield Split(folder.name, folder, labels)
    for images in _named(data, _IMAGES)[:1]:
        beside = _named(data, _LABELS)
        for folder in folders_in(images):
            labels = tuple(one / folder.name for one in beside if (one / folder.name).is_dir())
            if folder.name.lower() in _SPELLINGS:
                has_splits = True
                yield Split(folder.name, folder, labels or _labels_among(folder))
        lists = sorted((data / _LISTS).glob("*.txt"))
        for path in lists:
            yield Split(path.stem, images, tuple(beside), listed=path)
        if not has_splits and not lists:
            yield Split(ALL, images, tuple(beside) or _labels_among(images))


def _by_yaml(data: Path, name: str, text: str, splits: Mapping[str, Split]) -> Split | None:
    """A split of data.yaml: a folder of images, or a text that lists them; None if the folders say the same.

    Paths may be of another machine or relative to a folder above: paths outside of the set are passed over.
    """
    place, known = data / re.sub(r"^(\.{1,2}/)+", "", text), find_split(splits, name)
    if not place.exists() or not place.resolve().is_relative_to(data.resolve()):
        return None
    if place.suffix == ".txt" and place.is_file():
        base = known or splits.get(ALL) or _by_image_folder(data, name, _folder_of_first(data, place))
        return replace(base, name=known.name if known else name, listed=place) if base else None
    if known or not place.is_dir():
        return None
    same = next((split for split in splits.values() if split.images == place), None)
    return replace(same, name=name) if same else _by_image_folder(data, name, place)


def _folder_of_first(data: Path, listed: Path) -> Path:
    lines = [line.strip() for line in read_text(listed).body.splitlines() if line.strip()]
    return (data / re.sub(r"^(\.{1,2}/)+", "", lines[0])).parent if lines else data


def _by_image_folder(data: Path, name: str, folder: Path) -> Split | None:
    """A split whose labels lie in `labels` where its images lie in `images`, or among the images."""
    if not folder.is_dir() or not folder.is_relative_to(data):
        return None
    beside = data / Path(*("labels" if part.lower() in _IMAGES else part for part in folder.relative_to(data).parts))
    return Split(name, folder, (beside,) if beside != folder and beside.is_dir() else _labels_among(folder))


def _labels_among(folder: Path) -> tuple[Path, ...]:
    return (folder,) if has_labels_beside(folder) else ()


def _has_other_labels(split: Split) -> bool:
    """Whether a split has label files that are not COCO's."""
    files = [path for folder in split.labels for path in find_labels(folder, split.images).files]
    return any(path.suffix.lower() != ".json" or not looks_like_coco(path) for path in files)


def _named(folder: Path, names: Sequence[str]) -> list[Path]:
    """The folders with one of these names, in any case, in the order of the names."""
    there = [one for one in folders_in(folder) if one.name.lower() in names]
    return sorted(there, key=lambda one: names.index(one.name.lower()))


def _find_coco(data: Path) -> dict[str, Path]:
    """The file of annotations of each split, `instances...` before others; SourceError if a split has two."""
    files: dict[str, Path] = {}
    for path in sorted([*data.glob("*.json"), *data.glob("*/*.json")]):
        if path.name.startswith(".") or not looks_like_coco(path):
            continue
        name = _split_of(path, data)
        other = files.setdefault(name, path)
        if other != path and path.stem.startswith("instances") != other.stem.startswith("instances"):
            files[name] = path if path.stem.startswith("instances") else other
        elif other != path:
            raise SourceError(f"{other} and {path} are both annotations of the split {name}; leave one of them there")
    return files


def _split_of(path: Path, data: Path) -> str:
    """The split of a file of annotations, by a word in its name or by its folder."""
    words = [word for word in re.split(r"[^a-z]+", path.stem.lower()) if word in _SPELLINGS]
    if words:
        return _SPELLINGS[words[0]]
    return ALL if path.parent == data or path.parent.name.lower() in _LABELS else path.parent.name


def _images_beside(data: Path, name: str, coco: Path) -> Path:
    """The folder of a split's images: named after the split, else `images`, else the folder of the annotations."""
    folders = folders_in(data) + [folder for images in _named(data, _IMAGES) for folder in folders_in(images)]
    own = [folder for folder in folders if standard_name(re.sub(r"\d+$", "", folder.name)) == standard_name(name)]
    return next(iter((*own, *_named(data, _IMAGES))), coco.parent)
