"""A question to a taught model: its own classes by its head, and every other word as its base reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from geoglot.models.taught import Taught
from geoglot.scene.class_words import ClassWords
from geoglot.scene.question import ChannelQuestion, TextQuestion, ask_channels


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

    def scores(self, seen: Float[np.ndarray, "dim rows cols"], index: int) -> Float[np.ndarray, "rows cols"]:
        name = self.names[index]
        if self.others and name in self.others.names:
            return self.others.scores(seen, self.others.names.index(name))
        logits = np.tensordot(self.weight, seen, 1) + self.bias[:, None, None]
        return self.own.scores(logits, self.own.names.index(name))


def as_taught(model: Taught, names: tuple[ClassWords, ...]) -> tuple[ClassWords, ...]:
    """A class whose own name was taught is what it was taught; its words stand for it where it was not."""
    return tuple(ClassWords(each.name, (each.name,)) if model.class_of(each.name) else each for each in names)


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
