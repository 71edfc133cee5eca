"""The labels of one image: what stands for each class, and what every kind of labels gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from geoglot.datasets.registration import fitted

Colour = tuple[int, int, int]
Ids = Int32[np.ndarray, "rows cols"]
NONE = -1
"""The class of a pixel that does not count."""


@dataclass(frozen=True)
class MapClass:
    """A class of pixels."""

    name: str
    values: tuple[int | Colour, ...]
    """What stands for it in the labels: ids, or colours."""
    words: tuple[str, ...] = ()
    """What a person says; its name if there are none."""
    colour: Colour | None = None
    """How masks show it, where that is known: those with a palette, or of colours in place of ids."""


@dataclass(frozen=True)
class Read:
    """What was read for one image."""

    ids: Ids
    """The class of each pixel, its place among the classes; NONE where it does not count."""
    told: Counter[str] = field(default_factory=Counter)
    """What may surprise, and how often: "lines and points passed over" is 3 in a file with three of them."""


@dataclass(frozen=True)
class Labels(ABC):
    """What reads the labels of one image. Calling it gives the class of each pixel."""

    image: Path
    path: Path | None
    """The file of the labels; None where its absence means that nothing is there."""

    def __call__(self) -> Ids:
        """The class of each pixel; SourceError where they cannot be read."""
        return self.read().ids

    def read(self) -> Read:
        """The same with what is to be told. SourceError where labels do not lie over their image."""
        found = self.stored()
        return Read(fitted(found.ids, self.image), found.told)

    @abstractmethod
    def stored(self) -> Read:
        """As the file has them."""
