"""Layouts that several data sets share: a folder per class, and a mask beside every image."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from geoglot.datasets.classes import Colour, MapClass, words_of
from geoglot.datasets.dataset import DataSet, Label, Mapped, Scenes
from geoglot.datasets.image_files import read_picture
from geoglot.datasets.masks import MaskFile
from geoglot.datasets.pairing import read_stems
from geoglot.errors import InputError, SourceError
from geoglot.sources.listing import SUFFIXES
from geoglot.tables import read_table, read_text

_SKYSCRIPT = "the benchmark archives of https://github.com/wangzhecheng/SkyScript"
_INDEX = re.compile(r"\d{1,9}")


@dataclass(frozen=True)
class FolderPerClass(DataSet):
    """One folder of images for each class; a split is a list of file names, or everything."""

    tasks = ("classification", "retrieval")

    roots: tuple[str, ...] = (".",)
    """Folders that may hold the class folders, in order of preference."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Class words by folder."""
    lists: Mapping[str, str] = field(default_factory=dict)
    """By split, the list of its images: a .txt with a name per line, or SkyScript's .csv (`filepath`, `label`)."""
    lists_page: str = ""
    """Where to get the .txt lists, which do not come with the images."""

    def read(self, data: Path, split: str) -> Scenes:
        """The images of a split, by class and name."""
        root = next((data / root for root in self.roots if (data / root / next(iter(self.words))).is_dir()), None)
        if root is None:
            first = ", ".join(list(self.words)[:2])
            raise self.missing(f"the class folders {first} ... in {' or '.join(self.roots)}", data)
        if absent := [folder for folder in self.words if not (root / folder).is_dir()]:
            raise self.missing(f"the class folders {', '.join(absent[:3])}{' ...' if absent[3:] else ''}", root)
        paths = [
            (folder, path)
            for folder in self.words
            for path in sorted((root / folder).iterdir())
            if path.suffix.lower() in SUFFIXES
        ]
        words, listed = {**self.words}, self._read_list(data, split)
        if listed is not None:
            paths = [(folder, path) for folder, path in paths if path.stem in listed]
            words |= {folder: word for folder, path in paths if (word := listed[path.stem])}
        if not paths:
            raise self.missing(f"images of the split {split!r}", root)
        order = list(self.words)
        shows = np.eye(len(order), dtype=bool)[[order.index(folder) for folder, _ in paths]]
        labels = tuple(Label(folder, words[folder]) for folder in self.words)
        return Scenes(labels, [partial(read_picture, path) for _, path in paths], shows)

    def _read_list(self, data: Path, split: str) -> Mapping[str, str] | None:
        """Stems of the listed files, each with its class word in the list or ""; None if the split is all files."""
        if split not in self.lists:
            return None
        path = data / self.lists[split]
        if not path.is_file():
            page = _SKYSCRIPT if path.suffix == ".csv" else self.lists_page
            raise SourceError(
                f"{self.title}: the list {path.name} of its split {split!r} not found in {data}; it is in {page}"
            )
        return _read_skyscript(path) if path.suffix == ".csv" else dict.fromkeys(read_stems(path), "")


def _read_skyscript(path: Path) -> dict[str, str]:
    """Class words by stem. A label in the list is a word, or an index into the classnames.txt beside the list."""
    labels = {Path(row["filepath"]).stem: row["label"] for row in read_table(path, ("filepath", "label")).rows}
    if not all(_INDEX.fullmatch(label) for label in labels.values()):
        return labels
    names = path.with_name("classnames.txt")
    if not names.is_file():  # other names would make another protocol
        raise SourceError(
            f"{names} is missing, and the labels of {path.name} are indices into it; it is in {_SKYSCRIPT}"
        )
    words = read_text(names).body.splitlines()
    if beyond := [label for label in labels.values() if int(label) >= len(words)]:
        raise SourceError(f"{path} has the label {beyond[0]}, and {names.name} names {len(words)} classes from 0")
    return {stem: words[int(label)].strip() for stem, label in labels.items()}


@dataclass(frozen=True)
class MaskedImages(DataSet):
    """Image files, each with a mask whose path follows from the image's path."""

    tasks = ("segmentation",)

    classes: tuple[MapClass, ...] = ()
    ignored: tuple[int | Colour, ...] = ()
    """Mask values that mean no class."""
    images: str = ""
    """Glob of the images below the data set's folder; {split} is the split's folder."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """Folder by split, if it is not the split's name."""
    unlabelled: tuple[str, ...] = ()
    """Splits whose masks are not public."""
    archives: Mapping[str, str] = field(default_factory=dict)
    """MD5 of the published archives, by file name."""
    to_mask: tuple[tuple[str, str], ...] = ()
    """Replacements that turn the path of an image into that of its mask."""
    stems: tuple[str, ...] = ()
    """Stems of the split's images, if the split is not all files."""
    list_file: str = ""
    """A text file with the split's image names instead."""

    def read(self, data: Path, split: str) -> Mapped:
        if split in self.unlabelled:
            raise InputError(f"the masks of {self.title}'s {split} images are not public; map them with --submit")
        images = self.images_of(data, split)
        masks = [self.mask_of(data, path) for path in images]
        self.require_all(data, masks, "masks")
        labels = [
            MaskFile(image, path, self.classes, self.ignored, self.title, strict=False)
            for image, path in zip(images, masks, strict=True)
        ]
        return Mapped(words_of(self.classes), images, labels)

    def splits_of(self, data: Path) -> tuple[str, ...]:
        """Splits with masks."""
        return tuple(name for name in self.splits if name not in self.unlabelled)

    def images_of(self, data: Path, split: str) -> list[Path]:
        """The images of a split, sorted; SourceError if there are none."""
        pattern = self.images.replace("{split}", self.folders.get(split, split))
        stems = self.stems
        if self.list_file:
            stems = tuple(read_stems(self.require(data, self.list_file, f"the list of its split {split!r}")))
        images = [path for path in sorted(data.glob(pattern)) if not stems or path.stem in stems]
        if not images:
            raise self.missing(f"images {pattern}", data)
        return images

    def classes_of(self, data: Path) -> tuple[MapClass, ...]:
        """`classes`, unless the folder itself names the classes."""
        return self.classes

    def mask_of(self, data: Path, image: Path) -> Path:
        """The path of an image's mask, which may not exist."""
        path = image.relative_to(data).as_posix()
        for old, new in self.to_mask:
            path = path.replace(old, new)
        return data / path


def require_masks(dataset: DataSet) -> MaskedImages:
    """The data set; InputError if its images have no masks."""
    if not isinstance(dataset, MaskedImages):
        raise InputError(f"{dataset.name} has no masks of image files; it is for {' and '.join(dataset.tasks)}")
    return dataset
