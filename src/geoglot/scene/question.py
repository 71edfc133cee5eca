"""Questions about a scene: how likely each patch shows a name rather than something else."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from geoglot.errors import ClassesError, InputError
from geoglot.figures import format_some
from geoglot.models.taught import plain
from geoglot.scene.class_words import ClassWords
from geoglot.scene.name_presence import Levels

#: General words for what lies anywhere. An object is where its own words fit better than these.
BACKGROUND: tuple[str, ...] = (
    "grass", "trees", "bare soil", "sand", "water", "road", "pavement", "rock", "crops", "shadow", "snow", "building",
)  # fmt: skip
_SAME_MEANING = 0.5  # cosine of two words after the mean of the general words is subtracted
_BENEFIT, _SURE = 5.0, 0.5  # log-odds: how much more a cover counts where it fits best, and up to where


@runtime_checkable
class Question(Protocol):
    """Names to look for in an encoded scene."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user on how the model reads the words."""
        ...

    @property
    def knows_absence(self) -> bool:
        """Whether 0.5 divides what is there from what is not, so that a scene needs no threshold of its own."""
        ...

    def scores(self, seen: Float[np.ndarray, "channel rows cols"], index: int) -> Float[np.ndarray, "rows cols"]:
        """Probability that name `index` is there: 0.5 is undecided, NaN is unknown."""
        ...


@runtime_checkable
class Contest(Question, Protocol):
    """A question whose names compete with rivals that are words, so that bands may judge these as well."""

    @property
    def rivals(self) -> tuple[tuple[str, ...], ...]:
        """What each name competes with."""
        ...

    def split(
        self, seen: Float[np.ndarray, "channel rows cols"], index: int, allies: Bool[np.ndarray, " rival"]
    ) -> Float[np.ndarray, "3 rows cols"]:
        """The probabilities of a name, of some of its rivals, and of the others."""
        ...


@dataclass(frozen=True)
class TextQuestion:
    """Whether a name is there, and fits better than the background, over embeddings.

    It fits by logit_scale * (cosine - cosine), of the best word of the name and the best background word, and it is
    there by slope * (cosine - level), if the model has learned levels. The lower of both counts, less the doubts about
    words that are absurd; a sigmoid makes it a probability, which does not depend on the other names.

    Every place has some cover. So a name of one, such as a house, gets the benefit of the doubt of being there where
    the general word that fits best means the same: on ground unlike that of its training a model believes in nothing.
    """

    names: tuple[str, ...]
    own: tuple[Float[np.ndarray, "_word dim"], ...]
    against: tuple[Float[np.ndarray, "_word dim"], ...]
    logit_scale: float
    notes: tuple[str, ...] = ()
    levels: Levels | None = None
    doubts: tuple[float, ...] = ()
    """Log-odds, at most 0, of each name; empty if nothing is known of them."""
    rivals: tuple[tuple[str, ...], ...] = ()
    """The words of `against`."""
    kin: tuple[Float[np.ndarray, "_word dim"], ...] = ()
    """General words that mean the same as each name, none for a name whose level was shown by examples; empty with a
    background of the user's."""

    @property
    def knows_absence(self) -> bool:
        return self.levels is not None

    def facts(self) -> dict[str, Any]:
        """What decides beside the names: a word such as roof@roofs may be taught anew."""
        told = self.own if self.levels is None else (*self.own, *self.levels.of)
        return {"doubts": self.doubts, "texts": hashlib.sha256(b"".join(each.tobytes() for each in told)).hexdigest()}

    def scores(self, seen: Float[np.ndarray, "channel rows cols"], index: int) -> Float[np.ndarray, "rows cols"]:
        embeddings = seen.reshape(len(seen), -1)
        cosines, rival = self.own[index] @ embeddings, (self.against[index] @ embeddings).max(0)
        logits = self.logit_scale * (cosines.max(0) - rival)
        if self.levels:
            there = self.levels.slope * (cosines - self.levels.of[index][:, None]).max(0)
            if self.kin and len(kin := self.kin[index]):
                lifted = np.maximum(there, np.minimum(there + _BENEFIT, _SURE))
                there = np.where((kin @ embeddings).max(0) > rival, lifted, there)
            logits = np.minimum(logits, there)
        return _sigmoid(logits + (self.doubts[index] if self.doubts else 0)).reshape(seen.shape[1:])

    def split(
        self, seen: Float[np.ndarray, "channel rows cols"], index: int, allies: Bool[np.ndarray, " rival"]
    ) -> Float[np.ndarray, "3 rows cols"]:
        cosines = self.against[index] @ seen.reshape(len(seen), -1)
        return _split(self.scores(seen, index), self.logit_scale * cosines, allies)


@dataclass(frozen=True)
class ChannelQuestion:
    """The best channel of a name against the best of the other channels, over class logits."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    """What the channels are."""
    own: tuple[tuple[int, ...], ...]
    """The channels of each name."""
    notes: tuple[str, ...] = ()
    knows_absence: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether its names are all that the model knows."""
        return not self.unasked

    @property
    def unasked(self) -> tuple[ClassWords, ...]:
        """The channels that no name asks for."""
        asked = {channel for own in self.own for channel in own}
        return tuple(ClassWords(label, (label,)) for at, label in enumerate(self.labels) if at not in asked)

    @property
    def rivals(self) -> tuple[tuple[str, ...], ...]:
        return tuple(
            tuple(label for channel, label in enumerate(self.labels) if channel not in own) for own in self.own
        )

    def scores(self, seen: Float[np.ndarray, "channel rows cols"], index: int) -> Float[np.ndarray, "rows cols"]:
        own = list(self.own[index])
        return _sigmoid(seen[own].max(0) - np.delete(seen, own, axis=0).max(0))

    def split(
        self, seen: Float[np.ndarray, "channel rows cols"], index: int, allies: Bool[np.ndarray, " rival"]
    ) -> Float[np.ndarray, "3 rows cols"]:
        others = np.delete(seen, list(self.own[index]), axis=0)
        return _split(self.scores(seen, index), others.reshape(len(others), -1), allies)


def ask_channels(model: str, labels: tuple[str, ...], names: tuple[ClassWords, ...]) -> ChannelQuestion:
    """Put names to a model with classes of its own. A name with several words means any of these classes.

    A word may have another case or number than the class: questions ask for a tree where the class is trees.
    """
    channels = {plain(label): channel for channel, label in enumerate(labels)}
    channels |= {label: channel for channel, label in enumerate(labels)}
    keys = {word: word if word in channels else plain(word) for entry in names for word in entry.words}
    if unknown := [word for word, key in keys.items() if key not in channels]:
        raise InputError(f"{model} finds {format_some(labels)} and knows no {unknown[0]!r}")
    if len(labels) < 2:
        raise InputError(f"{model} has one class only, so it has nothing to compete with")
    own = tuple(tuple(channels[keys[word]] for word in entry.words) for entry in names)
    return ChannelQuestion(tuple(entry.name for entry in names), labels, own)


def other_meanings(general: Float[Tensor, "word dim"], texts: Float[Tensor, "own dim"]) -> Bool[Tensor, " word"]:
    """Which general words differ in meaning from every text of a name.

    Texts in one template lie near each other, so they are compared after their mean is subtracted.
    """
    mean = general.mean(0)
    cosines = F.normalize(general - mean, dim=1) @ F.normalize(texts - mean, dim=1).T
    differs = cosines.amax(1) < _SAME_MEANING
    if not differs.any():
        raise ClassesError("all general words mean what was asked for; give others: --background")
    return differs


def check_background(names: Sequence[ClassWords], background: Sequence[str]) -> None:
    """ClassesError for an empty background, and for a word that is asked for as well."""
    if not background:
        raise ClassesError('words need a background to compete with: give one as --background "grass, road, water"')
    if both := sorted({word for entry in names for word in entry.words} & set(background)):
        raise ClassesError(f"{format_some(both)} cannot be found and be the background; take it out of one of them")


def _split(
    own: Float[np.ndarray, "rows cols"], rivals: Float[np.ndarray, "rival patch"], allies: Bool[np.ndarray, " rival"]
) -> Float[np.ndarray, "3 rows cols"]:
    """The probability of a name, and the rest in two parts: the best ally against the best other of its rivals."""
    if allies.all() or not allies.any():
        allied = np.full(own.shape, allies.all(), np.float32)
    else:
        allied = _sigmoid(rivals[allies].max(0) - rivals[~allies].max(0)).reshape(own.shape)
    return np.stack([own, (1 - own) * allied, (1 - own) * (1 - allied)])


def _sigmoid(margin: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x) without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * margin)), np.float32)
