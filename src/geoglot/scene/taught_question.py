"""A question to a taught model: its own classes by its head, and every other word as its base reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from geoglot.errors import ClassesError
from geoglot.models.taught import REST, Taught
from geoglot.scene.class_words import ClassWords
from geoglot.scene.question import ChannelQuestion, Question, TextQuestion, ask_channels


@dataclass(frozen=True)
class TaughtQuestion:
    """Names of which some are taught classes: each of these competes with all others, over embeddings."""

    names: tuple[str, ...]
    weight: Float[np.ndarray, "class dim"]
    bias: Float[np.ndarray, " class"]
    own: ChannelQuestion
    """The taught names, as channels of the head."""
    others: TextQuestion | None
    """The other names, as the base reads them."""

    @property
    def notes(self) -> tuple[str, ...]:
        return self.others.notes if self.others else ()

    @property
    def knows_absence(self) -> bool:
        return self.others is None or self.others.knows_absence

    @property
    def is_whole(self) -> bool:
        """Whether its names are all that the head knows."""
        return self.others is None and self.own.is_whole

    @property
    def unasked(self) -> tuple[ClassWords, ...]:
        """The taught classes that no name asks for."""
        return tuple(entry for entry in self.own.unasked if entry.name != REST)

    @property
    def rivals(self) -> tuple[tuple[str, ...], ...]:
        return tuple(question.rivals[at] for question, at in map(self._asked, self.names))

    def scores(self, seen: Float[np.ndarray, "dim rows cols"], index: int) -> Float[np.ndarray, "rows cols"]:
        question, at = self._asked(self.names[index])
        return question.scores(self._seen_by(question, seen), at)

    def split(
        self, seen: Float[np.ndarray, "dim rows cols"], index: int, allies: Bool[np.ndarray, " rival"]
    ) -> Float[np.ndarray, "3 rows cols"]:
        question, at = self._asked(self.names[index])
        return question.split(self._seen_by(question, seen), at, allies)

    def _asked(self, name: str) -> tuple[ChannelQuestion | TextQuestion, int]:
        """Which of the two questions has a name, and its place there."""
        question = self.others if self.others and name in self.others.names else self.own
        return question, question.names.index(name)

    def _seen_by(self, question: ChannelQuestion | TextQuestion, seen: np.ndarray) -> np.ndarray:
        """Logits of the head for taught names, and embeddings for the others."""
        return np.tensordot(self.weight, seen, 1) + self.bias[:, None, None] if question is self.own else seen


def question_facts(question: Question | None) -> dict[str, Any]:
    """What decides the answers of a question, beside its names and the model."""
    words = question.others if isinstance(question, TaughtQuestion) else question
    return words.facts() if isinstance(words, TextQuestion) else {}


def as_taught(model: object, names: Sequence[ClassWords]) -> tuple[ClassWords, ...]:
    """A class whose own name the model was taught is what it was taught; its words stand for it where it was not.

    ClassesError for a taught class that two names mean, since the second would never be chosen.
    """
    if not isinstance(model, Taught):
        return tuple(names)
    read = tuple(ClassWords(each.name, (each.name,)) if model.class_of(each.name) else each for each in names)
    owners = dict[str, str]()
    for name, own in ((each.name, own) for each in read for own in filter(None, map(model.class_of, each.words))):
        if (first := owners.setdefault(own, name)) != name:
            raise ClassesError(f"{first!r} and {name!r} are both the class {own!r} of {model.card.name}; leave one out")
    return read


def ask_taught(
    model: Taught, names: tuple[ClassWords, ...], ask: Callable[[tuple[ClassWords, ...]], TextQuestion]
) -> TaughtQuestion | TextQuestion:
    """Put names to a model; `ask` puts those to its base that are not all taught classes."""
    read = as_taught(model, names)
    known = [(entry, tuple(filter(None, map(model.class_of, entry.words)))) for entry in read]
    own = tuple(ClassWords(entry.name, found) for entry, found in known if len(found) == len(entry.words))
    if not own:
        return ask(names)
    taught = {entry.name for entry in own}
    others = tuple(entry for entry in names if entry.name not in taught)
    head = model.weight.float().cpu().numpy(), model.bias.float().cpu().numpy()
    channels = ask_channels(model.card.name, model.card.classes, own)
    return TaughtQuestion(tuple(entry.name for entry in names), *head, channels, ask(others) if others else None)
