"""A data set, and its samples: images with classes, captions, masks or questions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
from jaxtyping import Bool, Int32

from geoglot.datasets.image_files import Picture
from geoglot.errors import InputError, SourceError
from geoglot.options import Task
from geoglot.scene.class_words import ClassWords

#: Reads one mask: the class of each pixel, -1 where it does not count
Mask = Callable[[], Int32[np.ndarray, "rows cols"]]


@dataclass(frozen=True)
class Label:
    """A class of pictures."""

    key: str
    """The data set's spelling."""
    word: str
    """The class word for a model."""


@dataclass(frozen=True)
class Scenes:
    """Pictures, and the classes that each shows."""

    classes: tuple[Label, ...]
    pictures: Sequence[Picture]
    shows: Bool[np.ndarray, "sample class"]

    def __len__(self) -> int:
        return len(self.pictures)

    def take(self, indices: Sequence[int]) -> Scenes:
        return Scenes(self.classes, [self.pictures[index] for index in indices], self.shows[list(indices)])


@dataclass(frozen=True)
class Captioned:
    """Pictures, and the sentences that people wrote about each."""

    pictures: Sequence[Picture]
    captions: Sequence[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.pictures)

    def take(self, indices: Sequence[int]) -> Captioned:
        return Captioned([self.pictures[index] for index in indices], [self.captions[index] for index in indices])


@dataclass(frozen=True)
class Mapped:
    """Image files with the class of every pixel."""

    classes: tuple[ClassWords, ...]
    images: Sequence[Path]
    masks: Sequence[Mask]
    notes: tuple[str, ...] = ()
    """Sentences about files that are left out, and about guesses."""

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Sequence[int]) -> Mapped:
        images, masks = [self.images[index] for index in indices], [self.masks[index] for index in indices]
        return replace(self, images=images, masks=masks)


@dataclass(frozen=True)
class Question:
    """A question about an image, and its answer."""

    image: int
    """Index of the image."""
    text: str
    answer: str
    kind: str
    """The data set's kind of question: presence, count, comp, area, rural_urban, theme, ..."""


@dataclass(frozen=True)
class Asked:
    """Image files with questions about them."""

    images: Sequence[Path]
    questions: Sequence[Question]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Sequence[int]) -> Asked:
        """The images with these indices, and all of their questions."""
        places = {image: place for place, image in enumerate(indices)}
        kept = [replace(asked, image=places[asked.image]) for asked in self.questions if asked.image in places]
        return Asked([self.images[index] for index in indices], kept)


Samples = Scenes | Captioned | Mapped | Asked
AnySamples = TypeVar("AnySamples", Scenes, Mapped, Samples)


def spread(samples: AnySamples, most: int | None) -> AnySamples:
    """Samples spread evenly over all, at most so many; all without a limit, or if there are no more."""
    if most is None or most >= len(samples):
        return samples
    return samples.take(np.linspace(0, len(samples) - 1, most).round().astype(int).tolist())


@dataclass(frozen=True)
class DataSet(ABC):
    """A published data set: its name, its page, and how its files are read."""

    tasks: ClassVar[tuple[Task, ...]]

    name: str
    title: str
    page: str
    """Where to download it."""
    resolution: tuple[float, float] | None
    """Metres per pixel, (finest, coarsest); None if unknown."""
    splits: Mapping[str, int | None]
    """Published number of images of each split, the default split first; None if unknown."""

    @abstractmethod
    def read(self, data: Path, split: str) -> Samples:
        """The samples of a split; SourceError if a file is missing."""

    def resolution_of(self, data: Path) -> tuple[float, float] | None:
        """Metres per pixel: `resolution`, unless the folder itself states it."""
        return self.resolution

    def check(self, task: Task, split: str) -> None:
        """InputError for a task or a split that the data set does not have."""
        if task not in self.tasks:
            raise InputError(f"{self.name} is for {' and '.join(self.tasks)}, not for {task}")
        if split not in self.splits:
            raise InputError(f"{self.name} has no split {split!r}; it has {', '.join(self.splits)}")

    def missing(self, what: str, data: Path) -> SourceError:
        """The error for missing files, with the page to get them from."""
        return SourceError(f"{self.title}: {what} not found in {data}; get the data set from {self.page}")

    def require(self, data: Path, name: str, what: str = "the file") -> Path:
        """The path of a file in the folder; SourceError if it is missing."""
        if not (data / name).is_file():
            raise self.missing(f"{what} {name}", data)
        return data / name

    def require_all(self, data: Path, paths: Sequence[Path], what: str) -> None:
        """SourceError if one of these files is missing."""
        if absent := [path for path in paths if not path.is_file()]:
            first = absent[0].relative_to(data) if absent[0].is_relative_to(data) else absent[0]
            raise self.missing(f"{len(absent)} {what}, the first {first},", data)


def read_one_class(dataset: DataSet, data: Path, split: str) -> Scenes:
    """The pictures of a split, with one class each; InputError if the images have several or none."""
    dataset.check("classification", split)
    samples = dataset.read(data, split)
    if not isinstance(samples, Scenes) or (samples.shows.sum(1) != 1).any():
        raise InputError(f"each image must have one class, and {dataset.name} has several or none; name another set")
    return samples
