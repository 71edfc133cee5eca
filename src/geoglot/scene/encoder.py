"""What looks at a scene once, and what turns the words of a question into scores of what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import ClassesError, InputError
from geoglot.models.base import VisionLanguageModel
from geoglot.scene.class_words import ClassWords, text_vectors
from geoglot.scene.score import Scorer
from geoglot.scene.windows import WindowPlan, plan_windows
from geoglot.scene.wording import word_notes

#: General words for what is anywhere; a thing is found where its own words fit better than those that mean others.
BACKGROUND: tuple[str, ...] = (
    "grass", "trees", "bare soil", "sand", "water", "road", "pavement", "rock", "crops", "shadow", "snow", "building",
)  # fmt: skip
_SAME_MEANING = 0.5  # cosine, less what all general words share, from which on one is not held against a name


@runtime_checkable
class Question(Protocol):
    """Words, ready to be asked of what an encoder saw."""

    @property
    def names(self) -> tuple[str, ...]:
        """What is asked for."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of how the words are read."""
        ...

    def scores(self, seen: Float[np.ndarray, "channel rows cols"], index: int) -> Float[np.ndarray, "rows cols"]:
        """How surely a patch shows name `index` and not the background, 0..1; 0.5 is undecided, NaN not known."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """What a scene is streamed through once: some numbers a patch, whatever will be asked."""

    name: str
    sha256: str
    patch_size: int
    resolution: tuple[float, float]
    bands: int
    channels: int
    """Numbers a patch."""
    dtype: str
    """In which they are kept."""

    def plan(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        """The windows of a scene of `shape` pixels; `tile` and `overlap` are a user's, in pixels."""
        ...

    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile channel patch_rows patch_cols"]:
        """What is kept of pixels of brightness 0..1."""
        ...

    def question(
        self, names: tuple[ClassWords, ...], background: tuple[str, ...] | None, templates: tuple[str, ...]
    ) -> Question:
        """Words to a question; None: the encoder's own background. InputError for what cannot be asked of it."""
        ...


class WordEncoder:
    """Patch vectors of a vision-language model. Cosines are linear, so blending vectors is blending scores."""

    dtype = "float16"

    def __init__(self, model: VisionLanguageModel) -> None:
        card = model.card
        self.name, self.sha256, self.patch_size = card.name, card.sha256, card.patch_size
        self.resolution, self.bands, self.channels = card.resolution, model.bands, card.dim
        self._model = model
        self._texts: dict[tuple[str, tuple[str, ...]], Tensor] = {}

    def plan(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        """Twice the trained size and three patches of overlap, unless given."""
        return plan_windows(shape, self._model.card.tile_size, self.patch_size, tile, overlap)

    @torch.inference_mode()
    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile channel patch_rows patch_cols"]:
        """Unit vectors."""
        device = next(self._model.parameters(), torch.empty(0)).device
        return self._model.encode_patches(pixels.to(device)).float().cpu()

    def question(
        self, names: tuple[ClassWords, ...], background: tuple[str, ...] | None, templates: tuple[str, ...]
    ) -> TextQuestion:
        """Texts of each name, and of what it is held against: words given, or general ones of other meaning."""
        own = [self._vectors(entry.words, templates) for entry in names]
        if background is None:
            general = self._vectors(BACKGROUND, templates)
            against = [_of_other_meaning(general, texts) for texts in own]
        else:
            _check_background(names, background)
            against = [self._vectors(background, templates)] * len(own)
        told = torch.cat([*own, *([] if background is None else against[:1])])
        notes = word_notes(self._model, names, told, background=background or (), templates=templates)
        return TextQuestion(
            tuple(entry.name for entry in names),
            tuple(texts.numpy() for texts in own),
            tuple(texts.numpy() for texts in against),
            self._model.card.logit_scale,
            notes,
        )

    @torch.inference_mode()
    def _vectors(self, words: Sequence[str], templates: tuple[str, ...]) -> Float[Tensor, "word dim"]:
        """Text vectors, each word computed once: a scene may be asked many times."""
        missing = [word for word in dict.fromkeys(words) if (word, templates) not in self._texts]
        if missing:
            vectors = F.normalize(text_vectors(self._model, missing, templates), dim=1).float().cpu()
            self._texts |= {(word, templates): vector for word, vector in zip(missing, vectors, strict=True)}
        return torch.stack([self._texts[word, templates] for word in words])


def _of_other_meaning(
    general: Float[Tensor, "word dim"], texts: Float[Tensor, "own dim"]
) -> Float[Tensor, "other dim"]:
    """Those general words that no text of a name means. Texts of one template lie near each other: less their mean."""
    mean = general.mean(0)
    alike = F.normalize(general - mean, dim=1) @ F.normalize(texts - mean, dim=1).T
    differs = alike.amax(1) < _SAME_MEANING
    if not differs.any():
        raise ClassesError("all general words mean what was asked for; give others: --background")
    return general[differs]


def _check_background(names: tuple[ClassWords, ...], background: tuple[str, ...]) -> None:
    if not background:
        raise ClassesError('words need others to be held against: give some as --background "grass, road, water"')
    if both := sorted({word for entry in names for word in entry.words} & set(background)):
        raise ClassesError(f"{', '.join(both)} cannot be found and be the background; take it out of one of them")


@dataclass(frozen=True)
class TextQuestion:
    """The best word of a name against the best background word.

    sigmoid(scale x (cosine - cosine)), a softmax over these two: it does not depend on what else is asked.
    """

    names: tuple[str, ...]
    own: tuple[Float[np.ndarray, "_word dim"], ...]
    against: tuple[Float[np.ndarray, "_word dim"], ...]
    scale: float
    notes: tuple[str, ...] = ()

    def scores(self, seen: Float[np.ndarray, "channel rows cols"], index: int) -> Float[np.ndarray, "rows cols"]:
        """See `Question`."""
        vectors = seen.reshape(len(seen), -1)
        margin = (self.own[index] @ vectors).max(0) - (self.against[index] @ vectors).max(0)
        return _sigmoid(self.scale * margin).reshape(seen.shape[1:])


class ScorerEncoder:
    """A dense scorer, whose channels are all that it sees; each name is held against the other channels."""

    dtype = "float32"

    def __init__(self, scorer: Scorer, names: tuple[str, ...]) -> None:
        self.name, self.sha256, self.patch_size = scorer.name, scorer.sha256, scorer.patch_size
        self.resolution, self.bands, self.channels = scorer.resolution, scorer.bands, len(scorer.ids)
        self._scorer, self._names = scorer, names

    def plan(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        """The scorer's own."""
        return self._scorer.plan(shape, tile, overlap)

    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile channel patch_rows patch_cols"]:
        """The scorer's logits."""
        return self._scorer(pixels)

    def question(
        self, names: tuple[ClassWords, ...], background: tuple[str, ...] | None, templates: tuple[str, ...]
    ) -> ChannelQuestion:
        """Channels by name; a name of several words is any of these. Background words mean nothing here."""
        asked = [word for entry in names for word in entry.words]
        if unknown := [word for word in asked if word not in self._names]:
            raise InputError(f"{self.name} finds {', '.join(self._names)} and knows no {unknown[0]!r}")
        if self.channels < 2:
            raise InputError(f"{self.name} has one class only, which nothing can be held against")
        own = tuple(
            tuple(self._scorer.ids.index(self._names.index(word) + 1) for word in entry.words) for entry in names
        )
        return ChannelQuestion(tuple(entry.name for entry in names), own)


@dataclass(frozen=True)
class ChannelQuestion:
    """The best channel of a name against the best of the others."""

    names: tuple[str, ...]
    own: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...] = ()

    def scores(self, seen: Float[np.ndarray, "channel rows cols"], index: int) -> Float[np.ndarray, "rows cols"]:
        """See `Question`."""
        own = list(self.own[index])
        return _sigmoid(seen[own].max(0) - np.delete(seen, own, axis=0).max(0))


def _sigmoid(margin: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x) without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * margin)), np.float32)
