"""Taught models: the encoders of another model, and classes of a user's own as a linear head over its patches."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import InputError, ModelError
from geoglot.figures import format_some
from geoglot.models.base import VisionLanguageModel
from geoglot.models.card import Card
from geoglot.models.model_files import read_weights, require_fit
from geoglot.models.sizes import read_sizes, wrong_card
from geoglot.nouns import singular

FAMILY = "taught"
REST = "other"
"""The class of everything that is none of the classes; maps show it as what they leave out."""
_TENSORS = ("weight", "bias", "words", "levels")


@dataclass(frozen=True)
class Base:
    """The model whose patches a head reads."""

    place: str
    """Its name, or its folder."""
    sha256: str


@dataclass(frozen=True)
class TaughtSizes:
    """Config of a taught model."""

    classes: tuple[str, ...]
    """In the order of the head's rows; REST may be among them."""
    base: Base
    learned: dict[str, Any] = field(default_factory=dict)
    """What it was taught by, for people."""


class Taught(VisionLanguageModel):
    """Reads words as its base does, and has classes beside them: logits = weight . patch + bias.

    For whole images, and among words that it was not taught, a class is a vector that stands among those of texts.
    """

    weight: Tensor
    bias: Tensor
    words: Tensor
    """(class without REST, dim): unit vectors."""
    levels: Tensor
    """(class without REST): the cosine at which a patch is as likely to show the class as not."""

    def __init__(
        self,
        card: Card,
        base: VisionLanguageModel,
        head: Mapping[str, Tensor],
    ) -> None:
        super().__init__()
        self.card, self.base, self.presence, self.sense = card, base, base.presence, base.sense
        self._named = {plain(name): name for name in self.classes} | {name: name for name in self.classes}
        for name in _TENSORS:
            self.register_buffer(name, head[name])

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it was taught, without REST."""
        return named(self.card.classes)

    @property
    def space(self) -> Card:
        return self.base.space

    def class_of(self, word: str) -> str | None:
        """The class that a word names, also in another case or number; None if the base reads the word."""
        return self._named.get(word) or self._named.get(plain(word))

    @property
    def stride(self) -> int:
        return self.base.stride

    def use_bfloat16(self) -> None:
        self.base.use_bfloat16()

    def use_int8(self) -> None:
        self.base.use_int8()

    def tokens_read(self, texts: Sequence[str]) -> list[tuple[int, int]]:
        return self.base.tokens_read(texts)

    def encode_text(self, texts: list[str]) -> Float[Tensor, "text dim"]:
        return self.base.encode_text(texts)

    def encode_image(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile dim"]:
        return self.base.encode_image(pixels)

    def encode_patches(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        return self.base.encode_patches(pixels)


def plain(word: str) -> str:
    """A name as taught classes are compared by: in the singular, in small letters, without underscores.

    Letters with marks are one or two characters, by the system that wrote them.
    """
    return " ".join(map(singular, unicodedata.normalize("NFKC", word).casefold().replace("_", " ").split()))


def read_taught(card: Card, folder: Path, load: Callable[[str], VisionLanguageModel]) -> Taught:
    """Load a taught model; `load` loads its base. ModelError if that is another one than it was taught on."""
    sizes, head = read_head(card, folder)
    base = load(sizes.base.place)
    if base.card.sha256 != sizes.base.sha256:
        raise ModelError(
            f"{card.name} was taught on another {sizes.base.place} than the one that is here now; teach it again"
        )
    return Taught(card, base, head)


def read_head(card: Card, folder: Path) -> tuple[TaughtSizes, dict[str, Tensor]]:
    """The config of a taught model and its tensors, without its base; ModelError if they do not fit each other."""
    sizes = read_sizes(card, TaughtSizes)
    count, own = len(sizes.classes), len(named(sizes.classes))
    if count < 2 or len(set(sizes.classes)) < count:
        raise wrong_card(card, f"config.classes must be at least two names that differ, got {list(sizes.classes)}")
    head = read_weights(folder, card.sha256)
    shapes = ((count, card.dim), (count,), (own, card.dim), (own,))
    wanted = {name: torch.empty(shape) for name, shape in zip(_TENSORS, shapes, strict=True)}
    require_fit(wanted, head, f"the weights of {card.name} do not fit its card; teach it again")
    return sizes, head


def join_taught(models: Sequence[Taught]) -> Taught:
    """One model of the classes of several that were taught on the same base; InputError if two teach one class.

    What each of them calls REST keeps a row of its own: it is all that is not of its classes, so ground is REST only
    if every model says so.
    """
    first, names = models[0], [plain(name) for model in models for name in model.classes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{format_some(twice)} is taught by two models; leave one of them out")
    if any(model.base.card.sha256 != first.base.card.sha256 for model in models):
        raise InputError("models that are taken together must be taught on the same base; teach them again")
    head = {name: torch.cat([getattr(model, name) for model in models]) for name in _TENSORS}
    classes = tuple(name for model in models for name in model.card.classes)
    digest = hashlib.sha256(" ".join(model.card.sha256 for model in models).encode()).hexdigest()
    title = " + ".join(model.card.name for model in models)
    card = replace(first.card, name=title, config={**first.card.config, "classes": classes}, sha256=digest)
    return Taught(card, first.base, head)


def named(classes: Sequence[str]) -> tuple[str, ...]:
    """Classes without REST."""
    return tuple(name for name in classes if name != REST)
