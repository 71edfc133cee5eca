"""Which splits a folder has, in the layouts that people have.

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
from geoglot.datasets.listed_files import find_files, folders_in
from geoglot.datasets.pairing import has_labels_beside, labels_in
from geoglot.errors import SourceError
from geoglot.sources.listing import SUFFIXES
from geoglot.tables import read_text

ALL = "all"
_IMAGES = ("images", "image", "imgs", "img", "img_dir", "jpegimages")
_LABELS = ("masks", "mask", "polygons", "labels", "label", "annotations", "ann_dir", "gt", "segmentationclass")
_LISTS = "ImageSets/Segmentation"
_SAME = {"val": "val", "valid": "val", "validation": "val", "train": "train", "training": "train"}
_SAME |= {"test": "test", "testing": "test"}
_ORDER = ("val", "train", "test")


@dataclass(frozen=True)
class Split:
    """Where a split lies."""

    name: str
    images: Path
    labels: tuple[Path, ...] = ()
    """Folders of labels."""
    coco: Path | None = None
    """A file of annotations in their place."""
    listed: Path | None = None
    """A text that names the images, where those of several splits lie in one folder."""

    @property
    def is_labelled(self) -> bool:
        """Whether it has labels at all."""
        return bool(self.labels or self.coco)


def find_splits(data: Path, written: Mapping[str, str]) -> dict[str, Split]:
    """The splits by name, val and train first; `written`: folders of images that data.yaml names."""
    found = {split.name: split for split in _by_folders(data)}
    for name, text in written.items():
        if split := _written(data, name, text, found):
            found[split.name] = split
    stated = {one.images for name, one in found.items() if _is_stated(name, written)}
    found = {name: one for name, one in found.items() if one.images not in stated or _is_stated(name, written)}
    for name, path in _coco_files(data).items():
        if name not in found or not _has_others(found[name]):
            images = found[name].images if name in found else _images_beside(data, name, path)
            found[name] = Split(name, images, coco=path)
    ranks = {name: rank for rank, name in enumerate(_ORDER)}
    return {name: found[name] for name in sorted(found, key=lambda one: (ranks.get(common(one), len(ranks)), one))}


def common(name: str) -> str:
    """A split's name in one spelling: valid and validation are val."""
    return _SAME.get(name.lower(), name)


def split_named(splits: Mapping[str, Split], name: str) -> Split | None:
    """By name, or by another spelling of it."""
    return splits.get(name) or next((one for one in splits.values() if common(one.name) == common(name)), None)


def _is_stated(name: str, written: Mapping[str, str]) -> bool:
    return common(name) in map(common, written)


def _written(data: Path, name: str, text: str, found: Mapping[str, Split]) -> Split | None:
    """What data.yaml says of a split: a folder of images, or a text that lists them; None where folders say the same.

    Its paths may be of another machine, or from a folder above: those that are not in the set are passed over.
    """
    place = data / re.sub(r"^(\.{1,2}/)+", "", text)
    known = split_named(found, name)
    if place.suffix == ".txt" and place.is_file() and place.resolve().is_relative_to(data.resolve()):
        base = known or found.get(ALL) or _folder_of_images(data, name, _first_image(data, place))
        return replace(base, name=known.name if known else name, listed=place) if base else None
    if known or not place.is_dir() or not place.resolve().is_relative_to(data.resolve()):
        return None
    same = next((one for one in found.values() if one.images == place), None)
    return replace(same, name=name) if same else _folder_of_images(data, name, place)


def _first_image(data: Path, listed: Path) -> Path:
    lines = [line.strip() for line in read_text(listed).body.splitlines() if line.strip()]
    return (data / re.sub(r"^(\.{1,2}/)+", "", lines[0])).parent if lines else data


def _folder_of_images(data: Path, name: str, folder: Path) -> Split | None:
    """With the labels in a folder that is called labels where that of the images is called images, or among them."""
    if not folder.is_dir() or not folder.is_relative_to(data):
        return None
    beside = data / Path(*("labels" if part.lower() in _IMAGES else part for part in folder.relative_to(data).parts))
    return Split(name, folder, (beside,) if beside != folder and beside.is_dir() else _beside(folder))


def _has_others(split: Split) -> bool:
    """Whether a split has files of labels that are no annotations of COCO."""
    files = [path for folder in split.labels for path in labels_in(folder, split.images).used]
    return any(path.suffix.lower() != ".json" or not looks_like_coco(path) for path in files)


def _by_folders(data: Path) -> Iterator[Split]:
    inside = False
    for folder in folders_in(data):
        if own := _named(folder, _IMAGES):
            inside = True
            yield Split(folder.name, own[0], tuple(_named(folder, _LABELS)) or _beside(own[0]))
        elif folder.name.lower() in _SAME and (labels := _beside(folder)):
            inside = True
            yield Split(folder.name, folder, labels)
    for images in _named(data, _IMAGES)[:1]:
        beside = _named(data, _LABELS)
        for folder in folders_in(images):
            labels = tuple(one / folder.name for one in beside if (one / folder.name).is_dir())
            if folder.name.lower() in _SAME:
                inside = True
                yield Split(folder.name, folder, labels or _beside(folder))
        lists = sorted((data / _LISTS).glob("*.txt"))
        for path in lists:
            yield Split(path.stem, images, tuple(beside), listed=path)
        if not inside and not lists:
            yield Split(ALL, images, tuple(beside) or _beside(images))


def _beside(folder: Path) -> tuple[Path, ...]:
    """The folder of images itself, where their labels lie among them."""
    return (folder,) if has_labels_beside(folder) else ()


def unused_folders(data: Path, splits: Mapping[str, Split]) -> list[Path]:
    """Folders right in a set's that hold pictures and are of no split."""
    used = [path for split in splits.values() for path in (split.images, *split.labels)]
    others = [one for one in folders_in(data) if not any(path.is_relative_to(one) for path in used)]
    return [one for one in others if find_files(one, SUFFIXES).used]


def _named(folder: Path, names: Sequence[str]) -> list[Path]:
    """Folders that are called so, in any case, in the order of the names."""
    there = [one for one in folders_in(folder) if one.name.lower() in names]
    return sorted(there, key=lambda one: names.index(one.name.lower()))


def _coco_files(data: Path) -> dict[str, Path]:
    """The annotations of each split; SourceError where a split has two files."""
    found: dict[str, Path] = {}
    for path in sorted([*data.glob("*.json"), *data.glob("*/*.json")]):
        if path.name.startswith(".") or not looks_like_coco(path):
            continue
        name = _split_of(path, data)
        other = found.setdefault(name, path)
        if other != path and path.stem.startswith("instances") != other.stem.startswith("instances"):
            found[name] = path if path.stem.startswith("instances") else other
        elif other != path:
            raise SourceError(f"{other} and {path} are both annotations of the split {name}; leave one of them there")
    return found


def _split_of(path: Path, data: Path) -> str:
    """By the folder, or by a word in the file's name."""
    words = [word for word in re.split(r"[^a-z]+", path.stem.lower()) if word in _SAME]
    if words:
        return _SAME[words[0]]
    return ALL if path.parent == data or path.parent.name.lower() in _LABELS else path.parent.name


def _images_beside(data: Path, name: str, coco: Path) -> Path:
    """The folder of a split's images: called as the split is, or images, or where the file is."""
    called = folders_in(data) + [folder for images in _named(data, _IMAGES) for folder in folders_in(images)]
    own = [folder for folder in called if common(re.sub(r"\d+$", "", folder.name)) == common(name)]
    return next(iter((*own, *_named(data, _IMAGES))), coco.parent)
