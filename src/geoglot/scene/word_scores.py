"""Class logits of words, for maps."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from geoglot.models.base import VisionLanguageModel
from geoglot.options import TEMPLATES
from geoglot.scene.class_words import ClassWords
from geoglot.scene.covers import allies_of
from geoglot.scene.dense import OfEmbeddings, WordDense
from geoglot.scene.name_presence import ClassEvidence, doubts_of
from geoglot.scene.question import TextQuestion
from geoglot.scene.text_vectors import MANY, text_vectors

_LEAST = 1e-6  # probability that a logit is made of


class WordScores(OfEmbeddings):
    """Logits of classes by their words: a channel a class, then one for the background words."""

    def __init__(
        self,
        model: VisionLanguageModel,
        classes: tuple[ClassWords, ...],
        background: tuple[str, ...] = (),
        templates: tuple[str, ...] = TEMPLATES,
    ) -> None:
        groups = [entry.words for entry in classes] + ([background] if background else [])
        self.card, self.model, self.stride = model.card, model, model.stride
        self.labels = (*(entry.name for entry in classes), *([""] if background else []))
        edges = [0, *accumulate(len(group) for group in groups)]
        self._words = [slice(first, end) for first, end in pairwise(edges)]
        self.texts = text_vectors(model, [word for group in groups for word in group], templates)
        few = len(self.texts) <= MANY and len(self.labels) > 1
        self.doubts = doubts_of(model, classes) if few else ()
        self.evidence = ClassEvidence.of(model, classes, self.texts, self.doubts) if few else None
        self.read, alone = classes, len(classes) == 1 and background
        self._alone = WordDense(model).ask_texts(classes, background, templates) if alone else None
        self._allies: Bool[np.ndarray, " rival"] | None = None
        if self._alone and self.evidence:  # its scores count the doubts already
            self.evidence = replace(self.evidence, doubts=np.zeros(1, np.float32))

    @property
    def is_alone(self) -> bool:
        """Whether one class competes with a background only."""
        return self._alone is not None

    def score(self, embeddings: Float[Tensor, "tile dim rows cols"]) -> Float[Tensor, "tile channel rows cols"]:
        """Scaled cosine of each patch with the nearest word of each class.

        One class alone has the score that a search for it has: that of the background follows from it.
        """
        cosines = torch.einsum("tdrc,wd->twrc", embeddings, self.texts)
        best = [cosines[:, words].amax(1) for words in self._words]
        logits = (self.card.logit_scale * torch.stack(best, dim=1)).float().cpu()
        if question := self._alone:
            tiles = embeddings.float().cpu().numpy()
            against = torch.stack([torch.from_numpy(self._against(question, tile)) for tile in tiles])
            logits = torch.cat([logits[:, :1], logits[:, :1] + against], dim=1)
        return logits

    def _against(
        self, question: TextQuestion, seen: Float[np.ndarray, "dim rows cols"]
    ) -> Float[np.ndarray, "part rows cols"]:
        """The log-odds of the background, or of its two parts, against one class alone."""
        if self._allies is None:
            own = question.scores(seen, 0).clip(_LEAST, 1 - _LEAST)
            return np.asarray(np.log((1 - own) / own)[None])
        parts = np.maximum(question.split(seen, 0, self._allies), _LEAST)
        return np.asarray(np.log(parts[1:] / parts[0]))

    def beside_bands(self) -> WordScores:
        """The same beside other bands: one class alone has its background in the two parts that these tell apart."""
        if self._alone is None:
            return self
        split = copy(self)
        split.labels = (*self.labels, "")
        split._allies = allies_of(self.read[0], self._alone.rivals[0])
        return split
