"""Dense models give values for every patch of a window. Everything that differs between kinds of models is here."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import compress
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from typing_extensions import TypeIs

from geoglot.aliases import PathLike
from geoglot.errors import InputError
from geoglot.models.base import VisionLanguageModel
from geoglot.models.card import Card
from geoglot.models.segmenter import Segmenter
from geoglot.models.taught import Taught
from geoglot.models.zoo import Model, load_model
from geoglot.scene.class_words import ClassWords
from geoglot.scene.concept_names import is_concept
from geoglot.scene.name_presence import doubts_of, levels_of, shown_level
from geoglot.scene.question import (
    BACKGROUND,
    ChannelQuestion,
    Question,
    TextQuestion,
    ask_channels,
    check_background,
    other_meanings,
)
from geoglot.scene.segmenter_words import with_words
from geoglot.scene.taught_question import TaughtQuestion, ask_taught
from geoglot.scene.text_vectors import text_vectors
from geoglot.scene.windows import WindowPlan, plan_windows
from geoglot.scene.wording import patch_notes, word_notes


@runtime_checkable
class Dense(Protocol):
    """A model that runs over the windows of a raster of any size."""

    card: Card
    labels: tuple[str, ...]
    """Class of each channel of logits, "" for background words. Empty if the channels are embeddings."""

    @property
    def channels(self) -> int: ...

    def windows(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        """The windows of a scene of `shape` pixels, as `plan_windows` reads the user's `tile` and `overlap`."""
        ...

    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile channel patch_rows patch_cols"]:
        """Logits, or unit vectors, of pixels of brightness 0..1."""
        ...

    def question(
        self, names: tuple[ClassWords, ...], background: tuple[str, ...] | None, templates: tuple[str, ...]
    ) -> Question:
        """A question to a scene that this model encoded; None takes the model's own background."""
        ...


ModelLike = Model | Dense | PathLike


def reads_words(model: Model) -> TypeIs[VisionLanguageModel]:
    """True for a model that encodes words, False for one that has classes of its own."""
    return isinstance(model, VisionLanguageModel)


def dense_of(model: ModelLike) -> Dense:
    """The dense model that encodes a scene for any question; names and folders are loaded."""
    if isinstance(model, PathLike):
        model = load_model(model)
    if isinstance(model, VisionLanguageModel):
        return WordDense(model)
    return ClassDense(model) if isinstance(model, Segmenter) else model


def model_of(dense: Dense) -> Model:
    """The model behind a dense one; InputError if there is none."""
    if isinstance(dense, WordDense | ClassDense):
        return dense.model
    raise InputError(f"{dense.card.name} must be a model that geoglot loads, to read classes or words")


def model_facts(dense: Dense) -> dict[str, Any]:
    """What of a model decides a result: its weights, and the precision if geoglot knows it."""
    precision = dense.model.precision if isinstance(dense, WordDense | ClassDense) else []
    return {"name": dense.card.name, "sha256": dense.card.sha256, "precision": precision}


class OfCard:
    """A dense model whose windows follow from its card."""

    card: Card

    stride: int
    """Of the model."""

    def windows(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        card = self.card
        return plan_windows(shape, card.tile_size, card.patch_size, tile, overlap, self.stride)


class WordDense(OfCard):
    """Patch embeddings of a vision-language model. Cosines are linear, so blended embeddings give blended cosines."""

    labels: tuple[str, ...] = ()

    def __init__(self, model: VisionLanguageModel) -> None:
        self.card, self.channels, self.model, self.stride = model.card, model.card.dim, model, model.stride
        self._texts: dict[tuple[str, tuple[str, ...]], Tensor] = {}

    @torch.inference_mode()
    def __call__(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        return self.model.encode_patches(pixels.to(self.model.device)).float().cpu()

    def question(
        self, names: tuple[ClassWords, ...], background: tuple[str, ...] | None, templates: tuple[str, ...]
    ) -> TextQuestion | TaughtQuestion:
        """Without a background, each word competes with general words that mean something else."""
        if isinstance(self.model, Taught):
            return ask_taught(self.model, names, lambda others: self.ask_texts(others, background, templates))
        return self.ask_texts(names, background, templates)

    def ask_texts(
        self, names: tuple[ClassWords, ...], background: tuple[str, ...] | None, templates: tuple[str, ...]
    ) -> TextQuestion:
        """As `question`, for words that the model reads."""
        own = [self._embed(entry.words, templates) for entry in names]
        if background is not None:
            check_background(names, background)
        against = BACKGROUND if background is None else background
        general = self._embed(against, templates)
        if background is None:
            others, texts = [other_meanings(general, each) for each in own], torch.cat(own)
        else:
            others, texts = [torch.ones(len(against), dtype=torch.bool)] * len(own), torch.cat([*own, general])
        notes = word_notes(self.model, names, texts, background=background or (), templates=templates)
        return TextQuestion(
            tuple(entry.name for entry in names),
            tuple(texts.numpy() for texts in own),
            tuple(general[other].numpy() for other in others),
            self.card.logit_scale,
            (*patch_notes(self.model), *notes),
            levels_of(self.model, names, own),
            doubts_of(self.model, names),
            tuple(tuple(compress(against, other)) for other in others),
            self._kin(names, general, others) if background is None else (),
        )

    def _kin(
        self, names: Sequence[ClassWords], general: Float[Tensor, "word dim"], others: Sequence[Bool[Tensor, " word"]]
    ) -> tuple[Float[np.ndarray, "_kin dim"], ...]:
        """For each name the general words that mean the same; none if examples showed the level of one of its words."""
        shown = [any(shown_level(self.model, word) is not None for word in name.words) for name in names]
        none = general[:0]
        return tuple((none if own else general[~other]).numpy() for own, other in zip(shown, others, strict=True))

    @torch.inference_mode()
    def _embed(self, words: tuple[str, ...], templates: tuple[str, ...]) -> Float[Tensor, "word dim"]:
        """Embeddings of words. Each text is computed once, since a scene may be asked many times."""
        distinct = dict.fromkeys(words)
        missing = [word for word in distinct if is_concept(word) or (word, templates) not in self._texts]
        if missing:
            embeddings = F.normalize(text_vectors(self.model, missing, templates), dim=1).float().cpu()
            self._texts |= {(word, templates): vector for word, vector in zip(missing, embeddings, strict=True)}
        return torch.stack([self._texts[word, templates] for word in words])


class Labelled(OfCard):
    """A dense model whose channels are logits of classes."""

    labels: tuple[str, ...]

    @property
    def channels(self) -> int:
        return len(self.labels)

    def question(
        self, names: tuple[ClassWords, ...], background: tuple[str, ...] | None, templates: tuple[str, ...]
    ) -> ChannelQuestion:
        """Each class competes with all other classes; a background and templates mean nothing here."""
        return ask_channels(self.card.name, self.labels, names)


class OfEmbeddings(Labelled):
    """Logits of classes that are made of embeddings of patches, and so of those of an encoded scene, too."""

    model: VisionLanguageModel

    read: tuple[ClassWords, ...]
    """The classes with their words, without those that it was taught."""

    texts: Float[Tensor, "word dim"]
    """Unit vectors of these words, then of the background's."""

    @torch.inference_mode()
    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile channel patch_rows patch_cols"]:
        return self.score(self.model.encode_patches(pixels.to(self.texts.device)))

    @abstractmethod
    def score(self, embeddings: Float[Tensor, "tile dim rows cols"]) -> Float[Tensor, "tile channel rows cols"]:
        """Logits of each class."""


class ClassDense(Labelled):
    """Logits of a segmenter. `classes` may give its classes other words, or add some: see `with_texts`."""

    def __init__(self, segmenter: Segmenter, classes: tuple[ClassWords, ...] = ()) -> None:
        self.card = segmenter.card
        self.model = with_words(segmenter, classes)
        self.labels = self.model.classes

    def windows(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        """Windows as large as in training, since positions in a window are learned; they overlap by a quarter."""
        tile, patch = tile or self.card.tile_size, self.card.patch_size
        return WindowPlan(shape, tile, tile // 4 // patch * patch if overlap is None else overlap, patch)

    @torch.inference_mode()
    def __call__(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile class rows4 cols4"]:
        """Logits at every fourth pixel."""
        scores: Tensor = self.model(pixels.to(self.model.device)).float().cpu()
        return scores
