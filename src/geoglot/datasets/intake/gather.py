"""Find the images of a folder with their labels, of whatever kind, and the classes that the labels show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from geoglot.aliases import Progress
from geoglot.datasets import polygons
from geoglot.datasets.classes import BACKGROUND, IGNORED, TABLE, MapClass, add_background, find_background
from geoglot.datasets.intake.class_tables import read_list, read_names
from geoglot.datasets.intake.values import NUMBERED, RenumberedMask, survey
from geoglot.datasets.labels import Labels
from geoglot.datasets.masks import MaskFile
from geoglot.datasets.pairing import YOLO, find_files, find_labels, pair
from geoglot.datasets.polygons import Coverage, Polygons, read_polygons
from geoglot.datasets.sets.folder import FOLDER, open_contents
from geoglot.datasets.splits import ALL, Split, standard_name
from geoglot.datasets.yolo import YoloFile
from geoglot.errors import InputError, SourceError
from geoglot.sources.listing import SUFFIXES
from geoglot.tables import read_text

Kind = Literal["masks", "YOLO", "COCO", "polygons"]
_HEAD = 2**16  # bytes in which GeoJSON says what it is


@dataclass(frozen=True)
class Gathered:
    """What a folder holds."""

    kind: Kind
    splits: Mapping[str, Sequence[Labels]]
    """The labels of the images by split: train, val and test where the folder has them, else all."""
    classes: tuple[MapClass, ...]
    is_direct: bool
    """Whether the reader of data sets takes the label files as they are."""
    notes: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    """The folder's own spelling of each split."""


def gather(folder: Path, progress: Progress | None = None) -> Gathered:
    """Look at a folder; SourceError in one sentence for one without images or labels, or with labels that are wrong."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the folder that holds your images and their labels")
    if not find_files(folder, SUFFIXES).files:
        notes = "; ".join(find_files(folder, SUFFIXES).notes) or "it holds no files"
        raise SourceError(f"{folder} has no images: {notes} (images are {', '.join(sorted(SUFFIXES))})")
    contents = open_contents(folder)
    labelled = {name: split for name, split in contents.splits.items() if split.is_labelled}
    shared = [] if labelled else _find_shared(folder, contents.splits)
    if not labelled and not shared:
        documents = find_files(folder, {".json"}).files
        other = f" ({documents[0]} is neither COCO's nor GeoJSON)" if documents else ""
        raise SourceError(
            f"{folder} has images but no labels{other}: put masks of the same names into a folder masks beside images, "
            "or polygons with an attribute class into a file beside them; geoglot segment maps images without labels"
        )
    files = [path for split in labelled.values() for path in _label_files(split)]
    if shared:
        found = _gather_shared(shared[0], contents.splits, folder)
    elif any(split.coco for split in labelled.values()):
        found = _gather_coco(folder, labelled)
    elif any(path.suffix.lower() == YOLO for path in files):
        found = _gather_yolo(folder, labelled, contents.yaml.names if contents.yaml else {})
    elif any(path.suffix.lower() in polygons.SUFFIXES for path in files):
        found = _gather_polygons(labelled, files, folder)
    else:
        found = _gather_masks(folder, labelled, progress)
    spelled = {standard_name(name): name for name in labelled}
    return replace(found, splits={standard_name(name): each for name, each in found.splits.items()}, names=spelled)


def rename(classes: tuple[MapClass, ...], names: Sequence[str]) -> tuple[MapClass, ...]:
    """Give the classes other names, in their order; a background that is first may be left out of the names."""
    if not names:
        return classes
    kept = [BACKGROUND] if len(names) == len(classes) - 1 and classes[0].name == BACKGROUND else []
    if len(kept) + len(names) != len(classes):
        raise InputError(
            f"--classes must name the {len(classes)} classes in their order "
            f"({', '.join(kind.name for kind in classes)}), got {len(names)}: {', '.join(names)}"
        )
    renamed = [*kept, *names]
    if not all(names) or len(set(renamed)) < len(renamed):
        raise InputError(f"--classes must give each class a name of its own, got {', '.join(map(repr, renamed))}")
    return tuple(replace(kind, name=name) for kind, name in zip(classes, renamed, strict=True))


def _pair(splits: Mapping[str, Split]) -> tuple[dict[str, list[tuple[Path, Path | None]]], list[str]]:
    """Images with their label files by split, and all notes."""
    paired = {name: pair(split.images, split.labels, split.listed) for name, split in splits.items()}
    pairs = {name: list(zip(each.images, each.labels, strict=True)) for name, each in paired.items()}
    return pairs, list(dict.fromkeys(note for each in paired.values() for note in each.notes))


def _gather_masks(folder: Path, splits: Mapping[str, Split], progress: Progress | None) -> Gathered:
    pairs, notes = _pair(splits)
    masks = [(image, path) for each in pairs.values() for image, path in each if path]
    values = survey(masks, read_names(folder), progress)
    labels: dict[str, list[Labels]] = {
        name: [
            MaskFile(image, path, values.classes, (IGNORED,), TABLE)
            if values.is_direct
            else RenumberedMask(image, path, values)
            for image, path in each
            if path
        ]
        for name, each in pairs.items()
    }
    return Gathered("masks", labels, values.classes, values.is_direct, (*values.notes, *notes))


def _gather_coco(folder: Path, splits: Mapping[str, Split]) -> Gathered:
    read = {name: FOLDER.read(folder, name) for name in splits}
    labels = {name: [each for each in one.masks if isinstance(each, Labels)] for name, one in read.items()}
    notes = dict.fromkeys(note for one in read.values() for note in one.notes)
    return Gathered("COCO", labels, FOLDER.classes_of(folder), False, tuple(notes))


def _gather_yolo(folder: Path, splits: Mapping[str, Split], named: Mapping[int, str]) -> Gathered:
    pairs, notes = _pair(splits)
    names = dict(named) or dict(enumerate(read_list(folder)))
    if not names:
        texts = [path for each in pairs.values() for _, path in each if path]
        names = {number: f"class {number}" for number in sorted({one for path in texts for one in _numbers(path)})}
        notes.append(NUMBERED)
    if not names:
        raise SourceError(f"the YOLO texts of {folder} hold no object, so there is nothing to learn")
    classes = add_background(tuple(MapClass(name, (number,)) for number, name in sorted(names.items())))
    index = {value: place for place, kind in enumerate(classes) for value in kind.values if isinstance(value, int)}
    rest = _rest(classes)
    labels = {name: [YoloFile(image, path, index, rest) for image, path in each] for name, each in pairs.items()}
    return Gathered("YOLO", labels, classes, False, tuple(notes))


def _numbers(path: Path) -> list[int]:
    """The numbers of the classes in a YOLO text; wrong lines are refused where the objects are painted."""
    first = [line.split()[0] for line in read_text(path).body.splitlines() if line.split()]
    return [int(text) for text in first if text.isdecimal() and len(text) < 6]


def _gather_polygons(splits: Mapping[str, Split], files: Sequence[Path], folder: Path) -> Gathered:
    names = sorted({str(name) for path in files for name in read_polygons(path)[0]["class"]})
    classes = _vector_classes(names, files[0])
    index = {kind.name: place for place, kind in enumerate(classes)}
    pairs, notes = _pair(splits)
    labels: dict[str, list[Labels]] = {
        name: [Polygons(image, path, index, _rest(classes)) for image, path in each if path]
        for name, each in pairs.items()
    }
    return Gathered("polygons", labels, classes, False, (*_say_rest(classes), *notes))


def _gather_shared(path: Path, splits: Mapping[str, Split], folder: Path) -> Gathered:
    """One file of polygons over all images."""
    shapes, remarks = read_polygons(path)
    classes = _vector_classes(sorted(set(map(str, shapes["class"]))), path)
    index = {kind.name: place for place, kind in enumerate(classes)}
    found = splits or {ALL: Split(ALL, folder)}
    labels: dict[str, list[Labels]] = {
        name: [
            Coverage(image, path, shapes, index, _rest(classes)) for image in find_files(split.images, SUFFIXES).files
        ]
        for name, split in found.items()
    }
    notes = [f"{count:,} {what}" for what, count in remarks.items() if count]
    return Gathered("polygons", labels, classes, False, (*_say_rest(classes), *notes))


def _vector_classes(names: Sequence[str], path: Path) -> tuple[MapClass, ...]:
    if not names:
        raise SourceError(f"{path} has no polygons, so there is nothing to learn")
    return add_background(tuple(MapClass(name, ()) for name in names))


def _rest(classes: tuple[MapClass, ...]) -> int:
    """The class of pixels outside all objects."""
    index = find_background(kind.name for kind in classes)
    assert index is not None
    return index


def _say_rest(classes: tuple[MapClass, ...]) -> tuple[str, ...]:
    rest = classes[_rest(classes)].name
    return (f"ground outside all polygons is the class {rest}: outline every object in the images, or crop them",)


def _label_files(split: Split) -> list[Path]:
    return [path for folder in split.labels for path in find_labels(folder, split.images).files]


def _looks_like_geojson(path: Path) -> bool:
    with path.open("rb") as file:
        return b"Feature" in file.read(_HEAD)


def _find_shared(folder: Path, splits: Mapping[str, Split]) -> list[Path]:
    """Files of polygons that belong to no image by name: directly in the folder, or in folders without images."""
    taken = {split.images for split in splits.values()}
    files = [path for path in find_files(folder, polygons.SUFFIXES).files if path.parent not in taken or not splits]
    files = [path for path in files if path.suffix.lower() != ".json" or _looks_like_geojson(path)]
    if len(files) > 1:
        raise SourceError(
            f"{folder} has several files of polygons, the first {files[0]} and {files[1]}; merge them into one with an "
            "attribute class, or give each image a file of its own name"
        )
    return files
