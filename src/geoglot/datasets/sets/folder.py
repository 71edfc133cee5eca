"""A set of your own: images with masks, with polygons, or with the boxes and outlines of YOLO or COCO.

    F/classes.csv                   id,name[,colour]        colour as #rrggbb: of masks in colours or with a palette
    F/train/images/a.tif            any size, any format that GDAL reads; folders below are read too
    F/train/masks/a.png             one band of ids, or the table's colours; 255 and no data do not count
    F/train/polygons/a.geojson      or .gpkg, .shp ..., in place of a mask: polygons with an attribute `class`
    F/val/...
    F/set.toml                      optional: resolution = [0.3, 0.3], metres per pixel of the finest, coarsest images

Other layouts: splits.py; YOLO: yolo.py; COCO: coco.py. Without a table the classes are those that the labels name: the
values of `class`, the names of data.yaml, the categories. Ground outside of all polygons is the class background, or
does not count if there is none; ground outside of the objects of YOLO and COCO is always background.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from geoglot.datasets import polygons
from geoglot.datasets.classes import BACKGROUND, IGNORED, TABLE, MapClass, add_background, read_classes, words_of
from geoglot.datasets.coco import CocoFile, CocoLabels, find_image, read_coco
from geoglot.datasets.dataset import Mapped, Task
from geoglot.datasets.labels import NONE, Labels
from geoglot.datasets.layout import MaskedImages
from geoglot.datasets.masks import MaskFile
from geoglot.datasets.pairing import YOLO, find_files, find_labels, pair
from geoglot.datasets.polygons import Polygons, read_polygons
from geoglot.datasets.splits import Split, find_split, find_splits, find_unused_folders
from geoglot.datasets.yolo import DataYaml, YoloFile, find_yaml, read_yaml
from geoglot.errors import InputError, SourceError
from geoglot.sources.listing import SUFFIXES
from geoglot.tables import read_text

FACTS = "set.toml"


@dataclass(frozen=True)
class FolderSet(MaskedImages):
    """Images and labels in one of these layouts; any split that is there."""

    def check(self, task: Task, split: str) -> None:
        """InputError for a task; the splits are known only when the folder is read."""
        if task not in self.tasks:
            raise InputError(f"a folder of images and masks is for segmentation, not for {task}")

    def splits_of(self, data: Path) -> tuple[str, ...]:
        """Splits with labels; val and train if there are none."""
        return tuple(name for name, split in _open(data).splits.items() if split.is_labelled) or tuple(self.splits)

    def read(self, data: Path, split: str) -> Mapped:
        """The images of a split, by name, each with its labels."""
        contents = _open(data)
        chosen = self._choose(contents.splits, data, split)
        paired = None if chosen.coco else pair(chosen.images, chosen.labels, chosen.listed)
        classes, notes = contents.read_classes()
        if paired:
            both = zip(paired.images, paired.labels, strict=True)
            labels, more = [_labels(image, path, classes) for image, path in both], paired.notes
        else:
            labels, more = _coco_labels(chosen, contents, classes)
        bare = [one.name for one in contents.splits.values() if not one.is_labelled]
        if bare:
            more += (f"the split {' and '.join(bare)} has no labels and is left out; geoglot segment maps its images",)
        if unused := find_unused_folders(data, contents.splits):
            more += (
                f"the folder {unused[0]} holds images but is not in a layout that geoglot reads, so it is left out",
            )
        return Mapped(words_of(classes), [one.image for one in labels], labels, (*notes, *more))

    def classes_of(self, data: Path) -> tuple[MapClass, ...]:
        """The table's classes by id, or those that the labels name."""
        return _open(data).read_classes()[0]

    def resolution_of(self, data: Path) -> tuple[float, float] | None:
        """The resolution in set.toml, if there is one."""
        path = data / FACTS
        if not path.is_file():
            return None
        try:
            finest, coarsest = (float(metres) for metres in tomllib.loads(read_text(path).body)["resolution"])
        except (SourceError, ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{path} must say resolution = [FINEST, COARSEST], metres per pixel") from error
        if not 0 < finest <= coarsest:
            raise SourceError(
                f"the resolution in {path} must be the finest, then the coarsest, got {[finest, coarsest]}"
            )
        return finest, coarsest

    def _choose(self, splits: Mapping[str, Split], data: Path, name: str) -> Split:
        """The split of this name; SourceError that says what is there."""
        split = find_split(splits, name)
        if split is None and not data.is_dir():
            raise SourceError(f"there is no folder {data}; give the folder that holds the splits")
        if split is None and not splits:
            raise SourceError(
                f"there is no folder {data / name / 'images'}; {self.page}, or cut a published set with geoglot "
                "datasets tile NAME"
            )
        if split is None:
            raise SourceError(
                f"there is no folder {data / name / 'images'}: the splits of {data} are {', '.join(splits)}; "
                "geoglot datasets tile NAME cuts a published set into a split"
            )
        if not split.is_labelled and any(split.images.iterdir()):
            labelled = [one.name for one in splits.values() if one.is_labelled]
            raise SourceError(
                f"the split {split.name} of {data} has images but no masks or other labels, so it can neither train "
                f"nor score (labelled: {', '.join(labelled) or 'none'}); geoglot segment maps images without masks"
            )
        return split


@dataclass(frozen=True)
class _Contents:
    """A folder that was looked through; each file of annotations is parsed once."""

    data: Path
    yaml: DataYaml | None
    splits: Mapping[str, Split]
    parsed: dict[Path, CocoFile] = field(default_factory=dict)

    def read_coco(self, path: Path) -> CocoFile:
        if path not in self.parsed:
            self.parsed[path] = read_coco(path)
        return self.parsed[path]

    def read_classes(self) -> tuple[tuple[MapClass, ...], tuple[str, ...]]:
        """The classes, and notes about how they were read."""
        splits = self.splits.values()
        files = [
            path for split in splits for folder in split.labels for path in find_labels(folder, split.images).files
        ]
        annotations = [split.coco for split in splits if split.coco]
        has_objects = bool(annotations) or any(path.suffix.lower() == YOLO for path in files)
        if (self.data / TABLE).is_file():
            classes, notes = read_classes(self.data / TABLE)
            return add_background(classes) if has_objects else classes, notes
        if annotations:
            names = dict.fromkeys(name for path in annotations for name in self.read_coco(path).names.values())
            return add_background(tuple(MapClass(name, (number,)) for number, name in enumerate(names))), ()
        if has_objects and self.yaml:
            named = sorted(self.yaml.names.items())
            return add_background(tuple(MapClass(name, (number,)) for number, name in named)), self.yaml.notes
        vectors = [path for path in files if path.suffix.lower() in polygons.SUFFIXES]
        if not vectors:
            needed = "data.yaml (names: ...) nor" if has_objects else "polygons with an attribute class, nor"
            raise SourceError(f"{self.data} has neither {needed} {TABLE} (id,name), which says what the ids mean")
        values = sorted({name for path in vectors for name in read_polygons(path)[0]["class"]})
        return tuple(MapClass(name, (index,)) for index, name in enumerate(values)), ()


def _open(data: Path) -> _Contents:
    if not data.is_dir():
        return _Contents(data, None, {})
    path = find_yaml(data)
    yaml = read_yaml(path) if path else None
    return _Contents(data, yaml, find_splits(data, yaml.splits if yaml else {}))


def _labels(image: Path, path: Path | None, classes: tuple[MapClass, ...]) -> Labels:
    """The labels of an image, by the kind of their file."""
    places = {one.name: index for index, one in enumerate(classes)}
    if path is None or path.suffix.lower() == YOLO:
        index = {value: index for index, one in enumerate(classes) for value in one.values if isinstance(value, int)}
        return YoloFile(image, path, index, places.get(BACKGROUND, NONE))
    if path.suffix.lower() in polygons.SUFFIXES:
        return Polygons(image, path, places, places.get(BACKGROUND, NONE))
    return MaskFile(image, path, classes, (IGNORED,), TABLE)


def _coco_labels(
    split: Split, contents: _Contents, classes: tuple[MapClass, ...]
) -> tuple[list[Labels], tuple[str, ...]]:
    """The labels of the images that are there, by name, and notes about what is left out."""
    assert split.coco is not None
    file, places = contents.read_coco(split.coco), {one.name: index for index, one in enumerate(classes)}
    if strange := [name for name in file.names.values() if name not in places]:
        raise SourceError(f"{file.path} has the category {strange[0]!r}, which {TABLE} does not have")
    index = {number: places[name] for number, name in file.names.items()}
    labels, gone, taken = list[Labels](), list[str](), dict[Path, str]()
    for name, facts in sorted(file.images.items()):
        path = find_image(name, (split.images, file.path.parent, contents.data), contents.data)
        if path is None:
            gone.append(name)
            continue
        if taken.setdefault(path, name) != name:
            raise SourceError(
                f"{file.path} names {path} twice, once as {name}; name images as they lie in their folders"
            )
        size, own = (int(facts["height"]), int(facts["width"])), file.annotations.get(facts["id"], ())
        labels.append(CocoLabels(path, file.path, size, own, index, places[BACKGROUND]))
    if not file.images:
        raise SourceError(f"{file.path} names no images; export it anew, with images")
    if not labels:
        raise SourceError(
            f"none of the {len(gone)} images of {file.path} is there, the first {gone[0]} in {split.images}"
        )
    notes = [f"{len(gone)} images of {file.path} are missing and left out, the first {gone[0]}"] if gone else []
    if file.strays:
        notes.append(
            f"{file.strays} annotations of {file.path} belong to images that it does not name, and are left out"
        )
    if others := sorted(set(find_files(split.images, SUFFIXES).files) - {one.image for one in labels}):
        notes.append(f"{len(others)} images in {split.images} are left out, for {file.path} does not name them")
    return labels, tuple(notes)


FOLDER = FolderSet(
    name="folder",
    title="a folder of images and masks",
    page=(
        "put images into SPLIT/images, masks of ids into SPLIT/masks, and classes.csv (id,name) beside the splits; "
        "docs/segclip.md says where polygons and labels of YOLO and COCO lie"
    ),
    resolution=None,
    splits={"val": None, "train": None},
    ignored=(IGNORED,),
)
