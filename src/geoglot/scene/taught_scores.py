"""Class logits of a taught model, for maps: its own classes by its head, every other word as its base reads it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.models.base import VisionLanguageModel
from geoglot.models.taught import REST, Taught
from geoglot.options import TEMPLATES
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import OfEmbeddings
from geoglot.scene.name_presence import ClassEvidence, doubts_of
from geoglot.scene.taught_question import as_taught
from geoglot.scene.text_vectors import MANY, text_vectors
from geoglot.scene.word_scores import WordScores


class TaughtScores(OfEmbeddings):
    """Logits of classes that a model was taught, and of words that it was not: these compete by their scaled cosines.

    Classes that are not asked for compete too, and are "other" in the map.
    """

    evidence: ClassEvidence | None
    """What tells whether each class is anywhere; None if the base tells nothing of the words."""

    compete: tuple[str, ...]
    """As `labels`, with the names of classes that are not asked for: bands judge these, too."""

    def __init__(
        self,
        model: Taught,
        classes: tuple[ClassWords, ...] = (),
        background: tuple[str, ...] = (),
        templates: tuple[str, ...] = TEMPLATES,
    ) -> None:
        self.card, self.model, self.stride = model.card, model, model.stride
        classes = as_taught(model, classes)
        own = {name: row for row, name in enumerate(model.card.classes) if name != REST}
        rest = [row for row, name in enumerate(model.card.classes) if name == REST]
        rows = {entry.name: [own[name] for word in entry.words if (name := model.class_of(word))] for entry in classes}
        words = {entry.name: [word for word in entry.words if not model.class_of(word)] for entry in classes}
        self.read = tuple(ClassWords(name, tuple(unknown)) for name, unknown in words.items() if unknown)
        groups = [(name, rows[name], words[name]) for name in rows]
        asked = {row for each in rows.values() for row in each}
        groups += [(name, [row], []) for name, row in own.items() if row not in asked]
        groups += [("", [], list(background))] if background else []
        read = [word for *_, unknown in groups for word in unknown]
        self.texts = (text_vectors(model, read, templates) if read else model.weight[:0]).to(model.weight)
        self.weight = torch.cat([model.weight, model.card.logit_scale * self.texts])
        self.bias = torch.cat([model.bias, model.bias.new_zeros(len(read))])
        self.compete = tuple(name for name, *_ in groups) + ("",) * bool(rest)
        self.labels = tuple(name if name in rows or not classes else "" for name in self.compete)
        self.evidence = self._evidence([name for name in self.labels if name], {each for each in rows if rows[each]})
        self._groups, self._rest, first = list[list[int]](), rest, len(model.card.classes)
        for _, channels, unknown in groups:
            self._groups.append([*channels, *range(first, first + len(unknown))])
            first += len(unknown)

    def _evidence(self, names: Sequence[str], taught: Container[str]) -> ClassEvidence | None:
        """What tells whether each class is anywhere: a taught one where it fits best, words as in maps by words."""
        if not self.read:
            return ClassEvidence(self.card.logit_scale, None, 0.0, np.zeros(len(names), np.float32), is_parted=False)
        few = len(self.texts) <= MANY
        told = ClassEvidence.of(self.model, self.read, self.texts, doubts_of(self.model, self.read)) if few else None
        if told is None:
            return None
        at = {entry.name: index for index, entry in enumerate(self.read) if entry.name not in taught}
        known = [name in at for name in names]
        spoken = [at.get(name, 0) for name in names]
        levels = None if told.levels is None else np.where(known, told.levels[spoken], np.float32(-np.inf))
        return replace(told, levels=levels, doubts=np.where(known, told.doubts[spoken], 0), is_parted=False)

    def score(self, embeddings: Float[Tensor, "tile dim rows cols"]) -> Float[Tensor, "tile channel rows cols"]:
        """Logits of each class: the best of its words; of REST the least, as every head must say so."""
        logits = torch.einsum("tdrc,wd->twrc", embeddings.to(self.weight), self.weight) + self.bias[:, None, None]
        best = [logits[:, own].amax(1) for own in self._groups]
        if self._rest:
            best.append(logits[:, self._rest].amin(1))
        return torch.stack(best, dim=1).float().cpu()


def scores_of(
    model: VisionLanguageModel,
    classes: tuple[ClassWords, ...],
    background: tuple[str, ...] = (),
    templates: tuple[str, ...] = TEMPLATES,
) -> WordScores | TaughtScores:
    """Class logits of words: by the head of a taught model for what it was taught, else by the words."""
    kind = TaughtScores if isinstance(model, Taught) else WordScores
    return kind(model, classes, background, templates)  # type: ignore[arg-type]  # the model is of that kind
