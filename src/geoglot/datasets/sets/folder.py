"""A set of one's own: images with masks, with polygons, or with the boxes and outlines of YOLO or COCO.

    F/classes.csv                   id,name[,colour]        colour as #rrggbb: of masks in colours or with a palette
    F/train/images/a.tif            any size, any format that GDAL reads; folders below are read too
    F/train/masks/a.png             one band of ids, or the table's colours; 255 and no data do not count
    F/train/polygons/a.geojson      or .gpkg, .shp ..., in place of a mask: polygons with an attribute `class`
    F/val/...
    F/set.toml                      resolution = [0.3, 0.3], metres a pixel of the finest and the coarsest; may lack

Other layouts that are read: splits.py; YOLO: yolo.py; COCO: coco.py. Without a table the classes are those that the
labels name: the values of `class`, the names of data.yaml, the categories. Ground outside of all polygons is the class
background, or does not count where there is none; outside of YOLO's and COCO's things it is always background.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from geoglot.datasets import polygons
from geoglot.datasets.class_table import BACKGROUND, MOST, TABLE, numbered, read_classes, with_background
from geoglot.datasets.coco import CocoLabels, find_image, read_coco
from geoglot.datasets.dataset import Mapped, Task
from geoglot.datasets.labels import NONE, Labels, MapClass
from geoglot.datasets.layout import MaskedImages, words_of
from geoglot.datasets.listed_files import find_files
from geoglot.datasets.masks import MaskFile
from geoglot.datasets.pairing import YOLO, labels_in, pair
from geoglot.datasets.polygons import Polygons, read_polygons
from geoglot.datasets.splits import Split, find_splits, split_named, unused_folders
from geoglot.datasets.yolo import YoloFile, find_facts, read_facts
from geoglot.errors import InputError, SourceError
from geoglot.sources.listing import SUFFIXES
from geoglot.tables import read_text

FACTS = "set.toml"
IGNORED = MOST


@dataclass(frozen=True)
class FolderSet(MaskedImages):
    """Whatever lies in a folder in one of these layouts; any split that is there."""

    def check(self, task: Task, split: str) -> None:
        """Only the task: which splits there are is seen in the folder."""
        if task not in self.tasks:
            raise InputError(f"a folder of images and masks is for segmentation, not for {task}")

    def splits_of(self, data: Path) -> tuple[str, ...]:
        """Those with labels; val and train where there is none."""
        return tuple(split.name for split in _splits(data).values() if split.is_labelled) or tuple(self.splits)

    def read(self, data: Path, split: str) -> Mapped:
        """The images of a split, by name, each with what reads its labels."""
        splits = _splits(data)
        found = self._named(splits, data, split)
        paired = None if found.coco else pair(found.images, found.labels, found.listed)
        classes, notes = _classes(data, splits)
        if paired:
            both = zip(paired.images, paired.labels, strict=True)
            labels, more = [_labels(image, path, classes) for image, path in both], paired.notes
        else:
            labels, more = _of_coco(found, data, classes)
        bare = [one.name for one in splits.values() if not one.is_labelled]
        if bare:
            more += (f"the split {' and '.join(bare)} has no labels and is left out; geoglot segment maps its images",)
        if unused := unused_folders(data, splits):
            more += (
                f"the folder {unused[0]} holds images but is not in a layout that geoglot reads, so it is left out",
            )
        return Mapped(words_of(classes), [one.image for one in labels], labels, (*notes, *more))

    def classes_of(self, data: Path) -> tuple[MapClass, ...]:
        """The table's classes by id, or those that the labels name."""
        return _classes(data, _splits(data))[0]

    def resolution_of(self, data: Path) -> tuple[float, float] | None:
        """What set.toml says, where there is one."""
        return read_resolution(data / FACTS) if (data / FACTS).is_file() else None

    def _named(self, splits: Mapping[str, Split], data: Path, name: str) -> Split:
        """The split that is asked for; SourceError in a sentence that says what is there."""
        found = split_named(splits, name)
        if found is None and not data.is_dir():
            raise SourceError(f"there is no folder {data}; give the folder that holds the splits")
        if found is None and not splits:
            raise SourceError(
                f"there is no folder {data / name / 'images'}; {self.page}, or cut a published set with geoglot "
                "datasets tile NAME"
            )
        if found is None:
            raise SourceError(
                f"there is no folder {data / name / 'images'}: the splits of {data} are {', '.join(splits)}; "
                "a published set is cut into a split by geoglot datasets tile NAME"
            )
        if not found.is_labelled and any(found.images.iterdir()):
            labelled = [one.name for one in splits.values() if one.is_labelled]
            raise SourceError(
                f"the split {found.name} of {data} has images but no masks or other labels, so nothing can be learned "
                f"from it or scored on it (labelled: {', '.join(labelled) or 'none'}); geoglot segment maps images "
                "without masks"
            )
        return found


def _splits(data: Path) -> dict[str, Split]:
    if not data.is_dir():
        return {}
    facts = find_facts(data)
    return find_splits(data, read_facts(facts).splits if facts else {})


def _classes(data: Path, splits: Mapping[str, Split]) -> tuple[tuple[MapClass, ...], tuple[str, ...]]:
    """The classes, and notes of how they were read."""
    files = [
        path for split in splits.values() for folder in split.labels for path in labels_in(folder, split.images).used
    ]
    annotations = [split.coco for split in splits.values() if split.coco]
    has_things = bool(annotations) or any(path.suffix.lower() == YOLO for path in files)
    if (data / TABLE).is_file():
        classes, notes = read_classes(data / TABLE)
        return with_background(classes) if has_things else classes, notes
    if annotations:
        names = dict.fromkeys(name for path in annotations for name in read_coco(path).names.values())
        return numbered(enumerate(names)), ()
    facts = find_facts(data)
    if has_things and facts:
        said = read_facts(facts)
        return numbered(sorted(said.names.items())), said.notes
    vectors = [path for path in files if path.suffix.lower() in polygons.SUFFIXES]
    if not vectors:
        wanted = "data.yaml (names: ...) nor" if has_things else "polygons with an attribute class, nor"
        raise SourceError(f"{data} has neither {wanted} {TABLE} (id,name), which says what the ids in labels mean")
    found = sorted({name for path in vectors for name in read_polygons(path)[0]["class"]})
    return tuple(MapClass(name, (index,)) for index, name in enumerate(found)), ()


def _labels(image: Path, path: Path | None, classes: tuple[MapClass, ...]) -> Labels:
    """What reads the labels of an image."""
    places = {one.name: index for index, one in enumerate(classes)}
    if path is None or path.suffix.lower() == YOLO:
        index = {value: index for index, one in enumerate(classes) for value in one.values if isinstance(value, int)}
        return YoloFile(image, path, index, places.get(BACKGROUND, NONE))
    if path.suffix.lower() in polygons.SUFFIXES:
        return Polygons(image, path, places, places.get(BACKGROUND, NONE))
    return MaskFile(image, path, classes, (IGNORED,), TABLE)


def _of_coco(split: Split, data: Path, classes: tuple[MapClass, ...]) -> tuple[list[Labels], tuple[str, ...]]:
    """What reads the labels of the images that are there, by name, and a note of others."""
    assert split.coco is not None
    file, places = read_coco(split.coco), {one.name: index for index, one in enumerate(classes)}
    if strange := [name for name in file.names.values() if name not in places]:
        raise SourceError(f"{file.path} has the category {strange[0]!r}, which {TABLE} does not have")
    index = {number: places[name] for number, name in file.names.items()}
    labels, gone, taken = list[Labels](), list[str](), dict[Path, str]()
    for name, facts in sorted(file.images.items()):
        path = find_image(name, (split.images, file.path.parent, data), data)
        if path is None:
            gone.append(name)
            continue
        if taken.setdefault(path, name) != name:
            raise SourceError(
                f"{file.path} names {path} twice, once as {name}; name images as they lie in their folders"
            )
        shape, things = (int(facts["height"]), int(facts["width"])), file.things.get(facts["id"], ())
        labels.append(CocoLabels(path, file.path, shape, things, index, places[BACKGROUND]))
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
    if others := sorted(set(find_files(split.images, SUFFIXES).used) - {one.image for one in labels}):
        notes.append(f"{len(others)} images in {split.images} are left out, for {file.path} does not name them")
    return labels, tuple(notes)


def read_resolution(path: Path) -> tuple[float, float]:
    """Metres a pixel, finest and coarsest, of a set's facts."""
    try:
        finest, coarsest = (float(metres) for metres in tomllib.loads(read_text(path).body)["resolution"])
    except (SourceError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} must say resolution = [FINEST, COARSEST], metres a pixel") from error
    if not 0 < finest <= coarsest:
        raise SourceError(f"the resolution in {path} is the finest, then the coarsest, not {[finest, coarsest]}")
    return finest, coarsest


FOLDER = FolderSet(
    name="folder",
    title="a folder of images and masks",
    page=(
        "put images into SPLIT/images, masks of ids into SPLIT/masks, and classes.csv (id,name) beside the splits; "
        "polygons and labels of YOLO and COCO lie as docs/segclip.md says"
    ),
    resolution=None,
    splits={"val": None, "train": None},
    ignored=(IGNORED,),
)
