"""A folder of your own images with masks, polygons, or labels of YOLO or COCO.

    F/classes.csv                   id,name[,colour]; a colour (#rrggbb) if masks are coloured or have a palette
    F/train/images/a.tif            any size, any format that GDAL reads; folders below are read too
    F/train/masks/a.png             one band of ids, or the table's colours; 255 and no data do not count
    F/train/polygons/a.geojson      or .gpkg, .shp ..., in place of a mask: polygons with an attribute `class`
    F/val/...
    F/set.toml                      optional: resolution = [0.3, 0.3], metres per pixel of the finest, coarsest images

Other layouts: splits.py, and a table of images in listed.py; YOLO: yolo.py; COCO: coco.py. Without a table of classes
the labels name them: the values of `class`, the names in data.yaml, the categories. Ground outside all polygons is the
class background, or does not count if there is none; ground outside the objects of YOLO and COCO is always background.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from geoglot.datasets import polygons
from geoglot.datasets.classes import IGNORED, TABLE, MapClass, add_background, find_background, read_classes, words_of
from geoglot.datasets.coco import CocoFile, CocoLabels, find_image, read_coco
from geoglot.datasets.dataset import Mapped
from geoglot.datasets.labels import NONE, Labels
from geoglot.datasets.layout import MaskedImages
from geoglot.datasets.listed import IMAGES, is_listed, read_listed
from geoglot.datasets.masks import MaskFile
from geoglot.datasets.pairing import YOLO, find_files, find_labels, pair
from geoglot.datasets.polygons import Polygons, read_polygons
from geoglot.datasets.splits import Split, find_split, find_splits, find_unused_folders
from geoglot.datasets.yolo import DataYaml, YoloFile, find_yaml, read_yaml
from geoglot.errors import InputError, SourceError
from geoglot.options import Task
from geoglot.sources.listing import SUFFIXES
from geoglot.tables import read_toml

FACTS = "set.toml"


@dataclass(frozen=True)
class FolderSet(MaskedImages):
    """Images and labels in one of these layouts, with any splits."""

    def check(self, task: Task, split: str) -> None:  # splits are known only when the folder is read
        if task not in self.tasks:
            raise InputError(f"a folder of images and masks is for segmentation, not for {task}")

    def splits_of(self, data: Path) -> tuple[str, ...]:
        """Splits with labels; val and train if there are none."""
        if is_listed(data):
            return tuple(read_listed(data))
        labelled = tuple(name for name, split in open_contents(data).splits.items() if split.is_labelled)
        return labelled or tuple(self.splits)

    def read(self, data: Path, split: str) -> Mapped:
        if is_listed(data):
            return self._read_listed(data, split)
        contents = open_contents(data)
        chosen = self._choose(contents.splits, data, split)
        paired = None if chosen.coco else pair(chosen.images, chosen.labels, chosen.listed)
        classes, notes = contents.read_classes()
        if paired:
            both = zip(paired.images, paired.labels, strict=True)
            labels, more = [_labels(image, path, classes) for image, path in both], paired.notes
        else:
            labels, more = _coco_labels(chosen, contents, classes)
        if bare := " and ".join(other.name for other in contents.splits.values() if not other.is_labelled):
            more += (f"the split {bare} has no labels and is left out; geoglot segment maps its images",)
        if unused := find_unused_folders(data, contents.splits):
            more += (
                f"the folder {unused[0]} holds images but is not in a layout that geoglot reads, so it is left out",
            )
        return Mapped(words_of(classes), [each.image for each in labels], labels, (*notes, *more))

    def _read_listed(self, data: Path, split: str) -> Mapped:
        paired = (splits := read_listed(data)).get(split)
        if paired is None:
            raise SourceError(f"{data / IMAGES} has no images of the split {split}; it has {', '.join(splits)}")
        classes, notes = read_classes(data / TABLE)
        labels = [_labels(*both, classes) for both in zip(paired.images, paired.labels, strict=True)]
        return Mapped(words_of(classes), paired.images, labels, (*notes, *paired.notes))

    def classes_of(self, data: Path) -> tuple[MapClass, ...]:
        return open_contents(data).read_classes()[0]

    def resolution_of(self, data: Path) -> tuple[float, float] | None:
        path = data / FACTS
        if not path.is_file():
            return None
        try:
            finest, coarsest = (float(metres) for metres in read_toml(path)["resolution"])
        except (SourceError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise SourceError(f"{path} must say resolution = [FINEST, COARSEST], metres per pixel") from error
        if not 0 < finest <= coarsest < math.inf:
            raise SourceError(
                f"the resolution in {path} must be the finest, then the coarsest, got {finest}, {coarsest}"
            )
        return finest, coarsest

    def _choose(self, splits: Mapping[str, Split], data: Path, name: str) -> Split:
        """The split of this name; SourceError, with the splits that exist, if it has no images or labels."""
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
            labelled = [other.name for other in splits.values() if other.is_labelled]
            raise SourceError(
                f"the split {split.name} of {data} has images but no masks or other labels, so it can neither train "
                f"nor score (labelled: {', '.join(labelled) or 'none'}); geoglot segment maps images without masks"
            )
        return split


@dataclass(frozen=True)
class Contents:
    """The splits and classes of a folder; each COCO file is parsed once."""

    data: Path
    yaml: DataYaml | None
    splits: Mapping[str, Split]
    parsed: dict[Path, CocoFile] = field(default_factory=dict)

    def read_coco(self, path: Path) -> CocoFile:
        if path not in self.parsed:
            self.parsed[path] = read_coco(path)
        return self.parsed[path]

    def read_classes(self) -> tuple[tuple[MapClass, ...], tuple[str, ...]]:
        """The classes, and notes on how they were read."""
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
            numbered = sorted(self.yaml.names.items())
            return add_background(tuple(MapClass(name, (number,)) for number, name in numbered)), self.yaml.notes
        vectors = [path for path in files if path.suffix.lower() in polygons.SUFFIXES]
        if not vectors:
            needed = "data.yaml (names: ...) nor" if has_objects else "polygons with an attribute class, nor"
            raise SourceError(f"{self.data} has neither {needed} {TABLE} (id,name), which names the ids")
        values = sorted({name for path in vectors for name in read_polygons(path)[0]["class"]})
        return tuple(MapClass(name, (index,)) for index, name in enumerate(values)), ()


def open_contents(data: Path) -> Contents:
    """Look into a folder; empty if it is none."""
    if not data.is_dir():
        return Contents(data, None, {})
    path = find_yaml(data)
    yaml = read_yaml(path) if path else None
    return Contents(data, yaml, find_splits(data, yaml.splits if yaml else {}))


def _labels(image: Path, path: Path | None, classes: tuple[MapClass, ...]) -> Labels:
    """The labels of an image, by the kind of their file."""
    indices, rest = {kind.name: index for index, kind in enumerate(classes)}, _rest(classes)
    if path is None or path.suffix.lower() == YOLO:
        by_id = {value: index for index, kind in enumerate(classes) for value in kind.values if isinstance(value, int)}
        return YoloFile(image, path, by_id, rest)
    if path.suffix.lower() in polygons.SUFFIXES:
        return Polygons(image, path, indices, rest)
    return MaskFile(image, path, classes, (IGNORED,), TABLE)


def _rest(classes: tuple[MapClass, ...]) -> int:
    """The class of pixels outside all objects; NONE if they do not count."""
    index = find_background(kind.name for kind in classes)
    return NONE if index is None else index


def _coco_labels(
    split: Split, contents: Contents, classes: tuple[MapClass, ...]
) -> tuple[list[Labels], tuple[str, ...]]:
    """The labels of the images that exist, by name, and notes on what is left out."""
    assert split.coco is not None
    file, indices = contents.read_coco(split.coco), {kind.name: index for index, kind in enumerate(classes)}
    if unknown := [name for name in file.names.values() if name not in indices]:
        raise SourceError(f"{file.path} has the category {unknown[0]!r}, which {TABLE} does not have")
    by_id = {number: indices[name] for number, name in file.names.items()}
    labels, absent, names = list[Labels](), list[str](), dict[Path, str]()
    for name, facts in sorted(file.images.items()):
        path = find_image(name, (split.images, file.path.parent, contents.data), contents.data)
        if path is None:
            absent.append(name)
            continue
        if names.setdefault(path, name) != name:
            raise SourceError(
                f"{file.path} names {path} twice, once as {name}; name images as they lie in their folders"
            )
        size, own = (int(facts["height"]), int(facts["width"])), file.annotations.get(facts["id"], ())
        labels.append(CocoLabels(path, file.path, size, own, by_id, _rest(classes)))
    if not file.images:
        raise SourceError(f"{file.path} names no images; export it again, with images")
    if not labels:
        raise SourceError(
            f"none of the {len(absent)} images of {file.path} exists, the first {absent[0]} in {split.images}"
        )
    notes = [f"{len(absent)} images of {file.path} are missing and left out, the first {absent[0]}"] if absent else []
    if file.strays:
        notes.append(
            f"{file.strays} annotations of {file.path} belong to images that it does not name, and are left out"
        )
    if others := set(find_files(split.images, SUFFIXES).files) - {each.image for each in labels}:
        notes.append(f"{len(others)} images in {split.images} are left out, since {file.path} does not name them")
    return labels, tuple(notes)


FOLDER = FolderSet(
    name="folder",
    title="a folder of images and masks",
    page=(
        "put images into SPLIT/images, masks of ids into SPLIT/masks, and classes.csv (id,name) beside the splits; "
        "docs/segclip.md describes the layouts of polygons, YOLO and COCO"
    ),
    resolution=None,
    splits={"val": None, "train": None},
    ignored=(IGNORED,),
)
