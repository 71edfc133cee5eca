"""What a data set is, and the values that it gives: scenes with classes, with captions, with masks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Int32

from geoglot.datasets.image_files import Picture
from geoglot.errors import InputError, SourceError
from geoglot.scene.class_words import ClassWords

Task = Literal["classification", "retrieval", "segmentation", "vqa"]
#: Reads one mask: the class of each pixel, -1 where it does not count
Mask = Callable[[], Int32[np.ndarray, "rows cols"]]


@dataclass(frozen=True)
class Label:
    """A class of scenes."""

    key: str
    """As the data set spells it."""
    word: str
    """As a person says it."""


@dataclass(frozen=True)
class Scenes:
    """Pictures, and which classes each shows."""

    classes: tuple[Label, ...]
    pictures: Sequence[Picture]
    shows: Bool[np.ndarray, "sample class"]

    def __len__(self) -> int:
        return len(self.pictures)

    def take(self, which: Sequence[int]) -> Scenes:
        """Some of them."""
        return Scenes(self.classes, [self.pictures[index] for index in which], self.shows[list(which)])


@dataclass(frozen=True)
class Captioned:
    """Pictures, and the sentences that people wrote for each."""

    pictures: Sequence[Picture]
    captions: Sequence[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.pictures)

    def take(self, which: Sequence[int]) -> Captioned:
        """Some of them."""
        return Captioned([self.pictures[index] for index in which], [self.captions[index] for index in which])


@dataclass(frozen=True)
class Mapped:
    """Image files with the class of every pixel."""

    classes: tuple[ClassWords, ...]
    images: Sequence[Path]
    masks: Sequence[Mask]
    notes: tuple[str, ...] = ()
    """What of the folder is left out, or was guessed, a sentence each."""

    def __len__(self) -> int:
        return len(self.images)

    def take(self, which: Sequence[int]) -> Mapped:
        """Some of them."""
        images, masks = [self.images[index] for index in which], [self.masks[index] for index in which]
        return replace(self, images=images, masks=masks)


@dataclass(frozen=True)
class Question:
    """A question about an image, as a data set asks it, and its answer."""

    image: int
    """Which of the images."""
    text: str
    answer: str
    kind: str
    """As the data set calls it: presence, count, comp, area, rural_urban, theme, ..."""


@dataclass(frozen=True)
class Asked:
    """Image files with questions about them."""

    images: Sequence[Path]
    questions: Sequence[Question]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, which: Sequence[int]) -> Asked:
        """Some of the images, with all of their questions."""
        place = {image: index for index, image in enumerate(which)}
        kept = [replace(one, image=place[one.image]) for one in self.questions if one.image in place]
        return Asked([self.images[index] for index in which], kept)


Samples = Scenes | Captioned | Mapped | Asked


@dataclass(frozen=True)
class DataSet(ABC):
    """A published data set: what it is called, where it is had, and how its files lie."""

    tasks: ClassVar[tuple[Task, ...]]

    name: str
    title: str
    page: str
    """Where a person gets it."""
    resolution: tuple[float, float] | None
    """Metres a pixel, (finest, coarsest); None where it is not known."""
    splits: Mapping[str, int | None]
    """How many images each split has as published, the default first; None where that is not known."""

    @abstractmethod
    def read(self, data: Path, split: str) -> Samples:
        """The images of a split; SourceError where something is missing."""

    def resolution_of(self, data: Path) -> tuple[float, float] | None:
        """Metres a pixel of what lies in a folder; sets of one's own keep it there."""
        return self.resolution

    def check(self, task: Task, split: str) -> None:
        """Refuse a task or a split that it does not have."""
        if task not in self.tasks:
            raise InputError(f"{self.name} is for {' and '.join(self.tasks)}, not for {task}")
        if split not in self.splits:
            raise InputError(f"{self.name} has no split {split!r}; it has {', '.join(self.splits)}")

    def missing(self, what: str, data: Path) -> SourceError:
        """The one sentence for files that are not there."""
        return SourceError(f"{self.title}: {what} not found in {data}; get the data set from {self.page}")
