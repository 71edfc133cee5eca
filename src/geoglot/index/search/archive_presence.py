"""Whether an archive shows a word at all, from the chip and the patch that fit it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from jaxtyping import Float

from geoglot.scene.class_words import ClassWords
from geoglot.scene.concept_names import is_concept

if TYPE_CHECKING:
    from geoglot.models.base import VisionLanguageModel

_FITTED = 1000  # chips up to which the levels were fitted: they grow no further
_LEAST = 1e-6

Number = TypeVar("Number", float, np.ndarray)
Vector = Float[np.ndarray, " dim"]
Rows = Float[np.ndarray, "some dim"]


@dataclass(frozen=True)
class Level:
    """The height above which a word is more likely there than not. The best of many chips is high by chance too."""

    slope: float
    """Log-odds of one unit of height."""
    alone: float
    """The height at which it is undecided, for a single chip."""
    growth: float
    """By how much it rises with the natural logarithm of the number of chips."""

    def odds(self, height: Number, chips: int | Float[np.ndarray, " _height"]) -> Number:
        """Log-odds of a height, or of several, each of which is the best of some chips."""
        size: Any = np.log(np.minimum(chips, _FITTED))
        odds: Number = self.slope * (height - self.alone - self.growth * size)
        return odds


#: As `recipes/search/fit_presence.py` prints them
WHOLE, PART = Level(7.158, 2.056, 0.116), Level(1.373, 1.801, 0.416)


@dataclass(frozen=True, eq=False)
class Heights:
    """By how many standard deviations a text fits an image or a patch better than other words do.

    The cosines of one vector to all words that the model was calibrated with have a mean and a standard deviation,
    which are different for every model and every vector. Both follow from the words' mean and covariance.
    """

    mean: Vector
    covariance: Float[np.ndarray, "dim dim"]

    @classmethod
    def of(cls, model: VisionLanguageModel) -> Heights | None:
        """None if the model is not calibrated."""
        if model.sense is None:
            return None
        words = model.sense.seen.float().numpy()
        return cls(words.mean(0), np.cov(words.T, bias=True).astype(np.float32))

    def of_texts(self, texts: Float[np.ndarray, "text dim"], vectors: Rows) -> Float[np.ndarray, "some text"]:
        """The heights of texts at vectors, all of unit length."""
        variance = ((vectors @ self.covariance) * vectors).sum(1, keepdims=True)
        found: np.ndarray = (vectors @ texts.T - (vectors @ self.mean)[:, None]) / np.sqrt(np.maximum(variance, _LEAST))
        return found


@dataclass(frozen=True, eq=False)
class WordJudge:
    """Tells how probable it is that an archive shows words, of which any may be meant.

    A scene such as an airport fills a chip, and a thing such as a car only a patch of it. So the better of two counts:
    how high the words stand in the chip that fits them best, and in the best patch of the chips that were looked into;
    less the doubt about the words themselves (`models/word_sense.py`).
    """

    text: Vector
    heights: Heights
    doubt: float
    """Log-odds, at most 0."""

    @classmethod
    def of(cls, model: VisionLanguageModel, words: Sequence[str]) -> WordJudge | None:
        """None if the model is not calibrated, or if all words are concepts."""
        import torch.nn.functional as F  # torch takes longer to import than a search whose words are kept

        from geoglot.models.calibration import embed_plainly
        from geoglot.scene.concepts import concept_of
        from geoglot.scene.name_presence import doubts_of

        spoken = tuple(word for word in words if not (is_concept(word) or concept_of(model, word)))
        heights = Heights.of(model)
        if heights is None or not spoken:
            return None
        text = F.normalize(embed_plainly(model, spoken).mean(0), dim=0).numpy()
        return cls(text, heights, doubts_of(model, [ClassWords(", ".join(spoken), spoken)])[0])

    def height(self, vectors: Rows) -> Float[np.ndarray, " some"]:
        """How high the words stand in images or patches."""
        found: np.ndarray = self.heights.of_texts(self.text[None], vectors.astype(np.float32))[:, 0]
        return found

    def probability(self, whole: float, part: float | None, chips: int) -> float:
        """From the heights of the best of `chips` chips and of the best patch; None if no chip was looked into."""
        odds = WHOLE.odds(whole, chips)
        if part is not None:
            odds = max(odds, PART.odds(part, chips))
        return float(1 / (1 + np.exp(-np.clip(odds + self.doubt, -30, 30))))
