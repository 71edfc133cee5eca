"""Find the splits of a folder of images and labels, in the usual layouts.

SPLIT/images, SPLIT/masks       geoglot; also labels or polygons in place of masks (roboflow: labels)
images/SPLIT, labels/SPLIT      ultralytics; also img_dir and ann_dir (MMSegmentation), masks, annotations
images, masks                   no splits: everything is the split `all`; so are images and masks in one folder
SPLIT, annotations/..SPLIT..json, SPLIT/_annotations.coco.json, SPLIT.json      COCO
"""

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
_IMAGES = ("images", "image", "imgs", "img", "img_dir", "jpegimages", "images_png", "tiles", "rgb", "sat", "photos")
_LABELS = (
    "masks", "mask", "polygons", "labels", "label", "annotations", "ann_dir", "gt", "segmentationclass", "masks_png",
    "ground_truth", "groundtruth", "annotation", "gts", "target", "targets",
)  # fmt: skip
_LISTS = "ImageSets/Segmentation"
_SPELLINGS = {"val": "val", "valid": "val", "validation": "val", "train": "train", "training": "train"}
_SPELLINGS |= {"test": "test", "testing": "test"}
_ORDER = {"val": 0, "train": 1, "test": 2}


@dataclass(frozen=True)
class Split:
    """The folders and files of a split."""

    name: str
    images: Path
    labels: tuple[Path, ...] = ()
    """Folders of labels."""
    coco: Path | None = None
    """A COCO file instead of label folders."""
    listed: Path | None = None
    """A text that names the images, if several splits share a folder."""

    @property
    def is_labelled(self) -> bool:
        return bool(self.labels or self.coco)


def find_splits(data: Path, written: Mapping[str, str]) -> dict[str, Split]:
    """The splits by name, val and train first; `written` are the splits that data.yaml names."""
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
    """train, val or test for other spellings of these names; any other name unchanged."""
    return _SPELLINGS.get(name.lower(), name)


def find_split(splits: Mapping[str, Split], name: str) -> Split | None:
    """A split by name, or by another spelling of it."""
    spelled = (split for split in splits.values() if standard_name(split.name) == standard_name(name))
    return splits.get(name) or next(spelled, None)


def find_unused_folders(data: Path, splits: Mapping[str, Split]) -> list[Path]:
    """Folders directly in `data` that hold images and belong to no split."""
    used = [path for split in splits.values() for path in (split.images, *split.labels)]
    others = [folder for folder in folders_in(data) if not any(path.is_relative_to(folder) for path in used)]
    return [folder for folder in others if find_files(folder, SUFFIXES).files]


def _by_folders(data: Path) -> Iterator[Split]:
    has_splits = False
    for folder in folders_in(data):
        if own := _find_folders(folder, _IMAGES):
            has_splits = True
            yield Split(folder.name, own[0], tuple(_find_folders(folder, _LABELS)) or _labels_among(own[0]))
        elif folder.name.lower() in _SPELLINGS and (labels := _labels_among(folder)):
            has_splits = True
            yield Split(folder.name, folder, labels)
    for images in _find_folders(data, _IMAGES)[:1]:
        beside = _find_folders(data, _LABELS)
        for folder in folders_in(images):
            labels = tuple(path / folder.name for path in beside if (path / folder.name).is_dir())
            if folder.name.lower() in _SPELLINGS:
                has_splits = True
                yield Split(folder.name, folder, labels or _labels_among(folder))
        lists = sorted((data / _LISTS).glob("*.txt"))
        for path in lists:
            yield Split(path.stem, images, tuple(beside), listed=path)
        if not has_splits and not lists:
            yield Split(ALL, images, tuple(beside) or _labels_among(images))
            has_splits = True
    if not has_splits and (labels := _labels_among(data)):
        yield Split(ALL, data, labels)


def _by_yaml(data: Path, name: str, text: str, splits: Mapping[str, Split]) -> Split | None:
    """A split of data.yaml: a folder of images, or a text that lists them; None if the layout already shows it.

    Paths may be of another machine or relative to a folder above; paths outside `data` are passed over.
    """
    place, known = _below(data, text), find_split(splits, name)
    if not place.exists() or not place.resolve().is_relative_to(data.resolve()):
        return None
    if place.suffix == ".txt" and place.is_file():
        base = known or splits.get(ALL)
        if base is None:
            lines = [line.strip() for line in read_text(place).body.splitlines() if line.strip()]
            base = _by_image_folder(data, name, _below(data, lines[0]).parent if lines else data)
        return replace(base, name=known.name if known else name, listed=place) if base else None
    if known or not place.is_dir():
        return None
    same = next((split for split in splits.values() if split.images == place), None)
    return replace(same, name=name) if same else _by_image_folder(data, name, place)


def _below(data: Path, text: str) -> Path:
    return data / re.sub(r"^(\.{1,2}/)+", "", text)


def _by_image_folder(data: Path, name: str, folder: Path) -> Split | None:
    """A split whose labels lie among its images, or in `labels` where its images lie in `images`."""
    if not folder.is_dir() or not folder.is_relative_to(data):
        return None
    beside = data / Path(*("labels" if part.lower() in _IMAGES else part for part in folder.relative_to(data).parts))
    return Split(name, folder, (beside,) if beside != folder and beside.is_dir() else _labels_among(folder))


def _labels_among(folder: Path) -> tuple[Path, ...]:
    return (folder,) if has_labels_beside(folder) else ()


def _has_other_labels(split: Split) -> bool:
    files = [path for folder in split.labels for path in find_labels(folder, split.images).files]
    return any(path.suffix.lower() != ".json" or not looks_like_coco(path) for path in files)


def _find_folders(folder: Path, names: Sequence[str]) -> list[Path]:
    """The folders with one of these names, in any case, in the order of the names."""
    paths = [path for path in folders_in(folder) if path.name.lower() in names]
    return sorted(paths, key=lambda path: names.index(path.name.lower()))


def _find_coco(data: Path) -> dict[str, Path]:
    """The COCO file of each split, preferably one called `instances...`; SourceError if a split has two."""
    files: dict[str, Path] = {}
    for path in sorted([*data.glob("*.json"), *data.glob("*/*.json")]):
        if path.name.startswith(".") or not looks_like_coco(path):
            continue
        name = _split_of(path, data)
        other = files.setdefault(name, path)
        if other != path and path.stem.startswith("instances") != other.stem.startswith("instances"):
            files[name] = path if path.stem.startswith("instances") else other
        elif other != path:
            raise SourceError(f"{other} and {path} are both annotations of the split {name}; remove one of them")
    return files


def _split_of(path: Path, data: Path) -> str:
    """The split of a COCO file, by a word in its name or by its folder."""
    words = [word for word in re.split(r"[^a-z]+", path.stem.lower()) if word in _SPELLINGS]
    if words:
        return _SPELLINGS[words[0]]
    return ALL if path.parent == data or path.parent.name.lower() in _LABELS else path.parent.name


def _images_beside(data: Path, name: str, coco: Path) -> Path:
    """The image folder of a COCO file's split: named after the split, else `images`, else the folder of the file."""
    folders = folders_in(data) + [folder for images in _find_folders(data, _IMAGES) for folder in folders_in(images)]
    own = [folder for folder in folders if standard_name(re.sub(r"\d+$", "", folder.name)) == standard_name(name)]
    return next(iter((*own, *_find_folders(data, _IMAGES))), coco.parent)
