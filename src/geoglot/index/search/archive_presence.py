"""Whether an archive shows a word at all, from the chips that fit it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float

from geoglot.models.base import VisionLanguageModel
from geoglot.models.calibration import embed_plainly
from geoglot.scene.class_words import ClassWords
from geoglot.scene.concepts import is_concept
from geoglot.scene.name_presence import doubts_of

#: Chips that count: the best alone, or the mean of all
CHIPS = 3
_ALONE, _TOGETHER = 3.2, 2.9  # heights at which it is undecided (docs/search.md)
_SLOPE = 6.0  # log-odds of one unit of height
_SAME = 0.9  # cosine from which two words mean the same

Rows = Float[np.ndarray, "_some dim"]


@dataclass(frozen=True, eq=False)
class WordJudge:
    """Tells how probable it is that chips show words, of which any may be meant.

    A chip's cosines to all words that the model was calibrated with have a mean and a standard deviation, which are
    different for every model and every chip. The height of the query is by how many of the latter it lies above the
    former. The log-odds grow with the height in the best chip, or the mean of the best three, whichever says more,
    less the doubt about the words themselves (`models/word_sense.py`).
    """

    text: Float[np.ndarray, " dim"]
    others: Rows
    """Words that the model was calibrated with, without those that mean the same."""
    doubt: float
    """Log-odds, at most 0."""

    @classmethod
    def of(cls, model: VisionLanguageModel, words: Sequence[str]) -> WordJudge | None:
        """None if the model is not calibrated, or if all words are concepts."""
        spoken = tuple(word for word in words if not is_concept(word))
        if model.sense is None or not spoken:
            return None
        text = F.normalize(embed_plainly(model, spoken).mean(0), dim=0).numpy()
        doubt = doubts_of(model, [ClassWords(", ".join(spoken), spoken)])[0]
        seen = model.sense.seen.float().numpy()
        return cls(text, seen[seen @ text < _SAME], doubt)

    def probability(self, best: Rows) -> float:
        """From the vectors of the chips that fit the words best, best first."""
        if not len(best):
            return 0.0
        found = heights(self.text, best[:CHIPS].astype(np.float32), self.others)
        odds = _SLOPE * max(float(found[0]) - _ALONE, float(found.mean()) - _TOGETHER) + self.doubt
        return float(1 / (1 + np.exp(-odds)))


def heights(text: Float[np.ndarray, " dim"], chips: Rows, others: Rows) -> Float[np.ndarray, " _some"]:
    """By how many standard deviations a text fits each chip better than other words."""
    cosines = chips @ others.T
    found: np.ndarray = (chips @ text - cosines.mean(1)) / np.maximum(cosines.std(1), 1e-6)
    return found
