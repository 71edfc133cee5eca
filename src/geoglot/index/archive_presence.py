"""Whether an archive shows a word at all, from the chips that fit it best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from geoglot.models.base import VisionLanguageModel
from geoglot.models.word_sense import list_words
from geoglot.scene.class_words import ClassWords, text_vectors
from geoglot.scene.concepts import is_concept
from geoglot.scene.name_presence import doubts_of

#: Chips whose mean counts
CHIPS = 3
_ALONE, _TOGETHER = 3.0, 2.75  # standard deviations above other words at which one chip, or three, are undecided
_SLOPE = 6.0  # log-odds for each standard deviation (docs/search.md)
_SAME = 0.95  # cosine from which two words mean the same

Rows = Float[np.ndarray, "_some dim"]


class ArchivePresence:
    """Compares how well chips fit a query with how well they fit all words that are seen from above.

    A chip's cosines to those words have a mean and a standard deviation, which are different for every model and for
    every chip. The query is as many of the latter above the former. Words that mean the same as the query do not count.
    The log-odds grow with the best chip, or the mean of the best three, whichever says more, less the doubt about the
    words themselves (`models/word_sense.py`).
    """

    def __init__(self, model: VisionLanguageModel) -> None:
        self._model = model
        self._seen: Rows | None = None

    def probability(self, words: Sequence[str], text: Float[np.ndarray, " dim"], best: Rows) -> float | None:
        """The probability that the archive shows the words, whose vector is `text`.

        `best` are the vectors of the chips that fit them best, best first. None if the model is not calibrated, or if
        all words are concepts, which have a border of their own.
        """
        spoken = tuple(word for word in words if not is_concept(word))
        if self._model.sense is None or not spoken:
            return None
        if not len(best):
            return 0.0
        height = heights(text, best[:CHIPS].astype(np.float32), self._seen_words())
        odds = _SLOPE * max(float(height[0]) - _ALONE, float(height.mean()) - _TOGETHER)
        odds += doubts_of(self._model, [ClassWords(", ".join(spoken), spoken)])[0]
        return float(1 / (1 + np.exp(-odds)))

    def _seen_words(self) -> Rows:
        if self._seen is None:
            with torch.inference_mode():
                self._seen = text_vectors(self._model, list_words("seen")).float().cpu().numpy()
        return self._seen


def heights(text: Float[np.ndarray, " dim"], chips: Rows, seen: Rows) -> Float[np.ndarray, " _some"]:
    """By how many standard deviations of its cosines to other words each chip fits the text better than their mean."""
    others = chips @ seen[seen @ text < _SAME].T
    found: np.ndarray = (chips @ text - others.mean(1)) / np.maximum(others.std(1), 1e-6)
    return found
