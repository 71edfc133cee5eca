"""Layouts that several data sets share: a folder per class, and a mask beside every image."""

from __future__ import annotations

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


@dataclass(frozen=True)
class FolderPerClass(DataSet):
    """One folder of images for each class; a split is a list of file names, or everything."""

    tasks = ("classification", "retrieval")

    roots: tuple[str, ...] = (".",)
    """Folders of the published archives that may hold the class folders; the first that does is taken."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Class words by folder."""
    lists: Mapping[str, str] = field(default_factory=dict)
    """File with the names of a split: a .txt with one per line, or a .csv with `filepath` and `label` (SkyScript's)."""
    lists_page: str = ""
    """Where to get the .txt lists, which are not with the images."""

    def read(self, data: Path, split: str) -> Scenes:
        """The images of a split, by class and name."""
        root = next((data / root for root in self.roots if (data / root / next(iter(self.words))).is_dir()), None)
        if root is None:
            first = ", ".join(list(self.words)[:2])
            raise self.missing(f"the class folders {first} ... in {' or '.join(self.roots)}", data)
        gone = [folder for folder in self.words if not (root / folder).is_dir()]
        if gone:
            raise self.missing(f"the class folders {', '.join(gone[:3])}{' ...' if gone[3:] else ''}", root)
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
        order = {folder: index for index, folder in enumerate(self.words)}
        shows = np.eye(len(order), dtype=bool)[[order[folder] for folder, _ in paths]]
        labels = tuple(Label(folder, words[folder]) for folder in self.words)
        return Scenes(labels, [partial(read_picture, path) for _, path in paths], shows)

    def _read_list(self, data: Path, split: str) -> Mapping[str, str] | None:
        """Stems of a split's files with the list's word for their class ("" if it has none); None for all files."""
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
    """SkyScript's lists: a label is a word, or an index into the classnames.txt beside the list."""
    labels = {Path(row["filepath"]).stem: row["label"] for row in read_table(path, ("filepath", "label")).rows}
    if not all(label.isdigit() for label in labels.values()):
        return labels
    names = path.with_name("classnames.txt")
    if not names.is_file():  # with other names the figures would be those of another protocol
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
    """Pixels with a value of no class do not count."""
    ignored: tuple[int | Colour, ...] = ()
    """Published values of masks that mean no class."""
    images: str = ""
    """Glob of the images below the data set's folder; {split} is the split's folder."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """The folder of each split, if it is not the split's name."""
    unlabelled: tuple[str, ...] = ()
    """Splits whose masks are not public."""
    archives: Mapping[str, str] = field(default_factory=dict)
    """MD5 of the published archives, by file name."""
    to_mask: tuple[tuple[str, str], ...] = ()
    """Replacements that turn an image's path into its mask's."""
    stems: tuple[str, ...] = ()
    """The images of the split, if it is a part of the files."""
    list_file: str = ""
    """Text file with the split's image names, if there is one."""

    def read(self, data: Path, split: str) -> Mapped:
        """The images of the split, by path, each with its mask."""
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
        """The images of a split, by path; SourceError if there are none."""
        pattern = self.images.replace("{split}", self.folders.get(split, split))
        stems = self.stems
        if self.list_file:
            stems = tuple(read_stems(self.require(data, self.list_file, f"the list of its split {split!r}")))
        images = [path for path in sorted(data.glob(pattern)) if not stems or path.stem in stems]
        if not images:
            raise self.missing(f"images {pattern}", data)
        return images

    def classes_of(self, data: Path) -> tuple[MapClass, ...]:
        """The classes: `classes`, unless the folder itself names them."""
        return self.classes

    def mask_of(self, data: Path, image: Path) -> Path:
        """The path of an image's mask, which may not exist."""
        path = image.relative_to(data).as_posix()
        for old, new in self.to_mask:
            path = path.replace(old, new)
        return data / path


def require_masks(found: DataSet) -> MaskedImages:
    """The data set, if its labels are masks of image files; InputError if not."""
    if not isinstance(found, MaskedImages):
        raise InputError(f"{found.name} has no masks of image files; it is for {' and '.join(found.tasks)}")
    return found
