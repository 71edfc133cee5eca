"""Whether a word is there at all: what a model knows of it before it looks, and what a scene says of it as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.models.base import VisionLanguageModel
from geoglot.models.calibration import embed_plainly
from geoglot.scene.class_words import ClassWords
from geoglot.scene.concepts import concept_of


@dataclass(frozen=True)
class Levels:
    """The cosine at which a patch is as likely to show a word as not, by name and word; log-odds grow by `slope`."""

    of: tuple[Float[np.ndarray, " _word"], ...]
    slope: float


def levels_of(
    model: VisionLanguageModel, names: Sequence[ClassWords], own: Sequence[Float[Tensor, "_word dim"]]
) -> Levels | None:
    """The levels of the words of each name, from their vectors; None if the model has learned none.

    A concept brings the level that its examples show.
    """
    if model.presence is None:
        return None
    levels = model.presence.asked_levels(torch.cat([*own]).to(model.device)).cpu().clone()
    for index, word in enumerate(word for entry in names for word in entry.words):
        if (level := shown_level(model, word)) is not None:
            levels[index] = level
    parts = torch.split(levels, [len(texts) for texts in own])
    return Levels(tuple(part.numpy() for part in parts), float(model.presence.slope))


def shown_level(model: VisionLanguageModel, word: str) -> float | None:
    """The level that the examples of a concept show; None for other words."""
    return None if (concept := concept_of(model, word)) is None else concept.level


def doubts_of(model: VisionLanguageModel, names: Sequence[ClassWords]) -> tuple[float, ...]:
    """For each name the log-odds, at most 0, against the least doubtful of its words; empty without calibration.

    A concept is not doubted, since its examples were seen.
    """
    if model.sense is None:
        return ()
    words = [word for entry in names for word in entry.words]
    doubts = model.sense.doubts(words, embed_plainly(model, words))
    doubts = doubts.masked_fill(torch.tensor([bool(concept_of(model, word)) for word in words]), 0.0)
    return tuple(float(part.max()) for part in torch.split(doubts, [len(entry.words) for entry in names]))


@dataclass(frozen=True)
class ClassEvidence:
    """What tells whether each class of a map is anywhere, from the scaled cosines that the map is made of."""

    logit_scale: float
    levels: Float[np.ndarray, " class"] | None
    """The lowest level of the words of each class."""
    slope: float
    doubts: Float[np.ndarray, " class"]
    is_parted: bool = True
    """Whether all other channels are parts of one background, and no rivals by themselves."""

    @classmethod
    def of(
        cls,
        model: VisionLanguageModel,
        classes: Sequence[ClassWords],
        texts: Float[Tensor, "word dim"],
        doubts: tuple[float, ...],
    ) -> ClassEvidence | None:
        """The evidence of a model for classes whose words have the vectors `texts`; None if the model has none."""
        own = torch.split(texts[: sum(len(entry.words) for entry in classes)], [len(entry.words) for entry in classes])
        levels = levels_of(model, classes, own)
        if levels is None and not doubts:
            return None
        lowest = None if levels is None else np.array([each.min() for each in levels.of], np.float32)
        slope = levels.slope if levels else 0.0
        return cls(model.card.logit_scale, lowest, slope, np.array(doubts or [0.0] * len(classes), np.float32))

    def peaks(self, logits: Float[np.ndarray, "channel rows cols"]) -> Float[np.ndarray, " class"]:
        """For each class the highest log-odds of a patch: it fits better than the other channels, and is there."""
        own = logits.reshape(len(logits), -1)
        own = own[:, ~np.isnan(own[0])]
        if self.is_parted and len(own) > len(self.doubts):
            own = np.concatenate([own[: len(self.doubts)], np.logaddexp.reduce(own[len(self.doubts) :])[None]])
        second, best = np.partition(own, -2, axis=0)[-2:]
        first = own[: len(self.doubts)]
        odds = first - np.where(first == best, second, best)
        if self.levels is not None:
            odds = np.minimum(odds, self.slope * (first / self.logit_scale - self.levels[:, None]))
        peaks: np.ndarray = odds.max(1, initial=-np.inf) + self.doubts
        return peaks
