"""Names of concepts, and whose they are: `airstrip@mine` is the concept airstrip of the collection mine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geoglot.errors import ClassesError
from geoglot.settings import load_settings

if TYPE_CHECKING:
    from geoglot.models.base import VisionLanguageModel

_WORD = re.compile(r"([^@/\\\s.][^@/\\]{0,79})@(\w[\w-]{0,39})")
#: Of the file of a concept
SUFFIX = ".safetensors"


def is_concept(word: str) -> bool:
    """Whether a word names a concept and is not read as a text."""
    return _WORD.fullmatch(word) is not None


def drop_collection(word: str) -> str:
    """A word without its collection, for whoever reads words as English: airstrip@mine is an airstrip."""
    return match[1] if (match := _WORD.fullmatch(word)) else word


def concept_path(word: str) -> Path:
    """The file of a concept, which need not exist; ClassesError for a word that names none."""
    match = _WORD.fullmatch(word)
    if match is None:
        raise ClassesError(
            f"a word with @ must be a concept, written as airstrip@mine, or a class of a taught model in a folder of "
            f"letters, digits, _ and -, written as roof@roofs; got {word!r}"
        )
    return load_settings().concepts / match[2] / f"{match[1]}{SUFFIX}"


@dataclass(frozen=True)
class Owner:
    """The model in whose space a vector lies."""

    name: str
    sha256: str
    """Hash of its weights; empty for vectors that others made, which are told apart by the name."""

    @classmethod
    def of(cls, model: VisionLanguageModel) -> Owner:
        return cls(model.space.name, model.space.sha256)

    @property
    def identity(self) -> str:
        return self.sha256 or self.name
