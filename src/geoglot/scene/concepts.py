"""Concepts: words that were taught by examples. `airstrip@mine` is the concept airstrip of the collection mine.

A concept is a vector in the space of one model, kept in a file of its own or with a taught model. It belongs to that
model: to another one, whose space is another, it means nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from geoglot.errors import ClassesError, ModelError
from geoglot.figures import format_some
from geoglot.models.base import VisionLanguageModel
from geoglot.models.card import CARD, Card, read_card
from geoglot.models.file_checks import PLAIN_TYPES, count_numbers
from geoglot.models.model_files import read_tensors, require_finite
from geoglot.models.stored import find_model
from geoglot.models.taught import FAMILY, Taught, named, plain, read_head
from geoglot.outputs.atomic import disk_errors, write_bytes
from geoglot.scene.concept_names import SUFFIX, Owner, concept_path, is_concept
from geoglot.settings import load_settings
from geoglot.tables import parse_json

_MOST_NUMBERS = 50_000_000  # of a file; a thousand examples of the largest models have a tenth


@dataclass(frozen=True, eq=False)
class Concept:
    """A word that was taught by examples."""

    word: str
    """As users write it: airstrip@mine."""
    model: Owner
    vector: Float[Tensor, " dim"]
    """Unit vector, to be compared with images as a text's vector is."""
    level: float | None
    """The cosine at which an image is as likely to show it as not; None if that was not learned."""
    text: str = ""
    """The words whose vector was the start; empty if the model reads none."""
    examples: dict[str, Float[np.ndarray, "_example dim"]] = field(default_factory=dict)
    """Unit vectors of what it is ("yes") and of what it is not ("no"); teaching again adds to them."""

    def save(self) -> Path:
        """Keep it among the user's concepts; one of the same name is replaced."""
        path = concept_path(self.word)
        tensors = {"vector": self.vector} | {
            kind: torch.from_numpy(np.ascontiguousarray(vectors)).half() for kind, vectors in self.examples.items()
        }
        facts = {"word": self.word, "model": vars(self.model), "level": self.level, "text": self.text}
        with disk_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, save(tensors, {"geoglot": json.dumps(facts)}))
        _read.cache_clear()
        return path


def concept_of(model: VisionLanguageModel, word: str) -> Concept | None:
    """What a word means that was taught by examples: a concept, or a class of a taught model; None for a text.

    ClassesError for a word with @ that is neither: no text has one.
    """
    if "@" in word:
        return load_concept(word, Owner.of(model))
    if isinstance(model, Taught) and (name := model.class_of(word)):
        row = model.classes.index(name)
        return Concept(word, Owner.of(model), model.words[row].cpu(), float(model.levels[row]), name)
    return None


def load_concept(word: str, model: Owner) -> Concept:
    """The concept that a word names; ClassesError if there is none, or if it is another model's."""
    if (concept := find_concept(word, model)) is None:
        names = sorted({*list_concepts(), *filter(is_concept, _taught_words(word.partition("@")[2]))})
        known = f"; known are {format_some(names)}" if names else ""
        raise ClassesError(f"there is no concept {word!r}{known}; teach it with: geoglot index teach ARCHIVE {word!r}")
    return concept


def find_concept(word: str, model: Owner) -> Concept | None:
    """The concept that a word names, if there is one; ClassesError if it is another model's.

    If no file holds it, roof@roofs is the class roof of the taught model roofs.
    """
    path = concept_path(word)
    concept = _read(path, path.stat().st_mtime_ns) if path.is_file() else _taught_class(word)
    if concept is None:
        return None
    if concept.model.identity != model.identity:
        other, own = concept.model.name, model.name
        other, own = (f"another {other}", f"this {own}") if other == own else (other, own)
        raise ClassesError(
            f"{word} was taught for {other}, whose vectors do not compare with those of {own}; teach it for this "
            "model, under another name if both are needed"
        )
    return concept


def list_concepts() -> list[str]:
    """The words of all concepts of the user."""
    folder = load_settings().concepts
    return sorted(f"{path.stem}@{path.parent.name}" for path in folder.glob(f"*/*{SUFFIX}"))


def concept_vectors(words: Sequence[str], model: Owner) -> Float[Tensor, "word dim"]:
    """The vectors of words that all name concepts, for archives whose model is not at hand or reads no words."""
    if plain := [word for word in words if not is_concept(word)]:
        raise ClassesError(
            f"{model.name} reads no words, so {plain[0]!r} must be a concept, such as {plain[0]!r}@mine; "
            "make one with: geoglot index teach, or geoglot index bridge"
        )
    return torch.stack([load_concept(word, model).vector for word in words])


def _taught_class(word: str) -> Concept | None:
    """The class of a taught model as a concept; None if there is no such model or class."""
    name, _, place = word.partition("@")
    if (card := _taught_card(place)) is None:
        return None
    sizes, head = read_head(card, find_model(place))
    row = next((row for row, own in enumerate(named(sizes.classes)) if plain(own) == plain(name)), None)
    if row is None:
        return None
    owner = Owner(Path(sizes.base.place).name, sizes.base.sha256)
    return Concept(word, owner, head["words"][row], float(head["levels"][row]), name)


def _taught_words(place: str) -> list[str]:
    """The classes of a taught model as words of other models; empty if there is no such model."""
    card = _taught_card(place)
    return [f"{name}@{place}" for name in named(card.classes)] if card else []


def _taught_card(place: str) -> Card | None:
    """The card of a taught model; None if there is no such model, ModelError if its card is damaged."""
    try:
        folder = find_model(place)
    except ModelError:
        return None
    card = read_card(folder) if (folder / CARD).is_file() else None
    return card if card and card.family == FAMILY else None


@lru_cache(maxsize=256)
def _read(path: Path, _state: int) -> Concept:
    """Read a file once for each state of it."""
    try:
        if count_numbers(path, PLAIN_TYPES) > _MOST_NUMBERS:
            raise ValueError(f"it has more than {_MOST_NUMBERS:,} numbers")
        tensors = read_tensors(path)
        require_finite(tensors, str(path))
        with safe_open(path, "pt") as opened:
            facts = parse_json((opened.metadata() or {})["geoglot"])
        vector, owner = tensors.pop("vector"), Owner(**facts["model"])
        if vector.ndim != 1 or any(each.shape[1:] != vector.shape for each in tensors.values()):
            raise ValueError("its vectors do not have one length")
        level = None if facts["level"] is None else float(facts["level"])
        examples = {kind: each.numpy() for kind, each in tensors.items()}
        return Concept(str(facts["word"]), owner, vector, level, str(facts["text"]), examples)
    except (ValueError, KeyError, TypeError, IndexError, SafetensorError, ModelError) as error:
        raise ModelError(f"{path} is not a concept ({error}); remove it, and teach it again") from error
