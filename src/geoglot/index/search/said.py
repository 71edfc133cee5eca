"""What a model says of words before it looks at anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from geoglot.index.search.archive_presence import WordJudge
from geoglot.scene.class_words import ClassWords
from geoglot.scene.concept_names import Owner

if TYPE_CHECKING:
    from geoglot.models.base import VisionLanguageModel


@dataclass(frozen=True, eq=False)
class Said:
    """What a model says of words, any of which may be meant."""

    vector: Float[np.ndarray, " dim"]
    """Their unit vector."""
    judge: WordJudge | None = None
    """What tells whether they are there at all; None if the model is not calibrated, or all of them are concepts."""
    notes: tuple[str, ...] = ()
    """On how the model reads them."""

    @classmethod
    def of(cls, words: Sequence[str], owner: Owner, model: VisionLanguageModel | None) -> Said:
        """Ask the model; without one all words must be concepts. ClassesError for words that it cannot read."""
        from geoglot.index.concepts.words import embed_words  # imports torch

        vector = embed_words(words, owner, model)
        if model is None:
            return cls(vector)
        from geoglot.scene.wording import word_notes

        notes = word_notes(model, [ClassWords(", ".join(words), tuple(words))])
        return cls(vector, WordJudge.of(model, words), notes)
