"""Layouts that several data sets share: a folder per class, and a mask beside every image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from geoglot.datasets.dataset import DataSet, Label, Mapped, Scenes
from geoglot.datasets.image_files import picture
from geoglot.datasets.labels import Colour, MapClass
from geoglot.datasets.masks import MaskFile
from geoglot.errors import InputError, SourceError
from geoglot.scene.class_words import ClassWords
from geoglot.sources.listing import SUFFIXES
from geoglot.tables import read_table, read_text

_SKYSCRIPT = "the benchmark archives of https://github.com/wangzhecheng/SkyScript"


@dataclass(frozen=True)
class FolderPerClass(DataSet):
    """One folder of images for each class; a split is a list of file names, or everything."""

    tasks = ("classification", "retrieval")

    roots: tuple[str, ...] = (".",)
    """Where the class folders lie in the archives that are published; the first that is there."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Folder to what a person says."""
    lists: Mapping[str, str] = field(default_factory=dict)
    """File of a split's names, a .txt with one a line or a .csv with `filepath` and `label` (SkyScript's)."""
    lists_page: str = ""
    """Where the .txt lists are had: not with the images."""

    def read(self, data: Path, split: str) -> Scenes:
        """The images of a split, by class and name."""
        root = next((data / root for root in self.roots if (data / root / next(iter(self.words))).is_dir()), None)
        if root is None:
            first = ", ".join(list(self.words)[:2])
            raise self.missing(f"the class folders {first} ... in {' or '.join(self.roots)}", data)
        gone = [folder for folder in self.words if not (root / folder).is_dir()]
        if gone:
            raise self.missing(f"the class folders {', '.join(gone[:3])}{' ...' if gone[3:] else ''}", root)
        paths = [(folder, path) for folder in self.words for path in _images(root / folder)]
        listed = self._listed(data, split)
        if listed is not None:
            paths = [(folder, path) for folder, path in paths if path.stem in listed]
        if not paths:
            raise self.missing(f"images of the split {split!r}", root)
        order = {folder: index for index, folder in enumerate(self.words)}
        shows = np.eye(len(order), dtype=bool)[[order[folder] for folder, _ in paths]]
        called = {**self.words} | {folder: word for folder, path in paths if listed and (word := listed[path.stem])}
        labels = tuple(Label(folder, called[folder]) for folder in self.words)
        return Scenes(labels, [picture(path) for _, path in paths], shows)

    def _listed(self, data: Path, split: str) -> Mapping[str, str] | None:
        """Stems of a split's files with what the list calls their class ("" where it does not); None for all."""
        if split not in self.lists:
            return None
        path = data / self.lists[split]
        if not path.is_file():
            page = _SKYSCRIPT if path.suffix == ".csv" else self.lists_page
            raise SourceError(
                f"{self.title}: the list {path.name} of its split {split!r} not found in {data}; it is in {page}"
            )
        if path.suffix == ".csv":
            return _read_csv(path)
        return dict.fromkeys(_stems(path), "")


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _stems(path: Path) -> list[str]:
    """Of the files that a list names, one a line."""
    return [Path(line.strip()).stem for line in read_text(path).body.splitlines() if line.strip()]


def _read_csv(path: Path) -> dict[str, str]:
    """SkyScript's lists: labels are words, or places in the classnames.txt beside."""
    labels = {Path(row["filepath"]).stem: row["label"] for row in read_table(path, ("filepath", "label")).rows}
    if not all(label.isdigit() for label in labels.values()):
        return labels
    names = path.with_name("classnames.txt")
    if not names.is_file():  # with other names the figures would be another protocol's
        raise SourceError(f"{names} is missing: the labels of {path.name} are places in it; it is in {_SKYSCRIPT}")
    words = read_text(names).body.splitlines()
    if beyond := [label for label in labels.values() if int(label) >= len(words)]:
        raise SourceError(f"{path} has the label {beyond[0]}, and {names.name} names {len(words)} classes from 0")
    return {stem: words[int(label)].strip() for stem, label in labels.items()}


@dataclass(frozen=True)
class MaskedImages(DataSet):
    """Image files, and for each a mask whose path follows from the image's."""

    tasks = ("segmentation",)

    classes: tuple[MapClass, ...] = ()
    """Pixels of a mask that show none of these values do not count."""
    ignored: tuple[int | Colour, ...] = ()
    """Values of masks that mean no class, as published."""
    images: str = ""
    """Glob of the images in the data set's folder; {split} is the split's folder."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """The folder of each split, where it is not the split's name."""
    unlabelled: tuple[str, ...] = ()
    """Splits whose masks are not public."""
    archives: Mapping[str, str] = field(default_factory=dict)
    """MD5 of the archives that are published, by file name."""
    to_mask: tuple[tuple[str, str], ...] = ()
    """What to replace in an image's path to have its mask's."""
    stems: tuple[str, ...] = ()
    """The images of the split, where that is a part; else all."""
    list_file: str = ""
    """Text file of the split's image names, where there is one."""

    def read(self, data: Path, split: str) -> Mapped:
        """The images of the split, by path, each with what reads its mask."""
        if split in self.unlabelled:
            raise InputError(f"the masks of {self.title}'s {split} images are not public; map them with --submit")
        images = self.images_of(data, split)
        masks = [self.mask_of(data, path) for path in images]
        gone = [path for path in masks if not path.is_file()]
        if gone:
            raise self.missing(f"{len(gone)} masks, the first {gone[0].relative_to(data)},", data)
        labels = [
            MaskFile(image, path, self.classes, self.ignored, self.title, strict=False)
            for image, path in zip(images, masks, strict=True)
        ]
        return Mapped(words_of(self.classes), images, labels)

    def splits_of(self, data: Path) -> tuple[str, ...]:
        """Splits that have masks; sets of one's own keep them in the folder."""
        return tuple(name for name in self.splits if name not in self.unlabelled)

    def images_of(self, data: Path, split: str) -> list[Path]:
        """The images of a split, by path; SourceError where there is none."""
        pattern = self.images.replace("{split}", self.folders.get(split, split))
        stems = self._listed(data, split) if self.list_file else self.stems
        images = [path for path in sorted(data.glob(pattern)) if not stems or path.stem in stems]
        if not images:
            raise self.missing(f"images {pattern}", data)
        return images

    def classes_of(self, data: Path) -> tuple[MapClass, ...]:
        """The classes; sets of one's own keep them in the folder."""
        return self.classes

    def mask_of(self, data: Path, image: Path) -> Path:
        """The file of an image's mask, whether it is there or not."""
        path = image.relative_to(data).as_posix()
        for old, new in self.to_mask:
            path = path.replace(old, new)
        return data / path

    def _listed(self, data: Path, split: str) -> tuple[str, ...]:
        path = data / self.list_file
        if not path.is_file():
            raise self.missing(f"the list {self.list_file} of its split {split!r}", data)
        return tuple(_stems(path))


def words_of(classes: Sequence[MapClass]) -> tuple[ClassWords, ...]:
    """What a person says for each class."""
    return tuple(ClassWords(one.name, one.words or (one.name,)) for one in classes)
