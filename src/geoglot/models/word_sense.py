"""Whether a word names what is seen from above at all: does it lie nearer to words that do, or to words that do not?

A model has a vector for every word, and gives cosines to words that mean nothing in it. So the words of
`words/seen.txt` and `words/absurd.txt` are embedded once by each model, and a word that is asked is compared with both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_NEAREST = 3  # words that a word is compared with, on each side
_SURE = 2.5  # standard deviations above the absurd words: from here on a word is not doubted
_STEEP = 3.0  # log-odds for each standard deviation below


@cache
def list_words(kind: str) -> tuple[str, ...]:
    """The words of `words/seen.txt` or `words/absurd.txt`."""
    text = (resources.files("geoglot") / "models" / "words" / f"{kind}.txt").read_text(encoding="utf-8")
    lines = " ".join(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(word.strip() for word in lines.split(","))


def is_listed(word: str) -> bool:
    """Whether a word, or a phrase by its last words, is in the list of seen words: "flooded field" is a field."""
    parts, listed = word.lower().split(), _listed()
    ends = [" ".join(parts[start:]) for start in range(len(parts))]
    return not listed.isdisjoint([*ends, *(end.removesuffix("s") for end in ends), *(f"{end}s" for end in ends)])


@cache
def _listed() -> frozenset[str]:
    return frozenset(list_words("seen"))


@dataclass(frozen=True)
class WordSense:
    """The words that a model was calibrated with, as unit vectors."""

    seen: Float[Tensor, "seen dim"]
    absurd: Float[Tensor, "absurd dim"]

    def doubts(self, words: Sequence[str], texts: Float[Tensor, "word dim"]) -> Float[Tensor, " word"]:
        """Log-odds, at most 0, against words that lie among absurd ones; `texts` are their vectors in no template.

        A word has a sense: its mean cosine to the three nearest seen words, less that to the three nearest absurd ones,
        after the mean of both lists is subtracted, as a text's vector is mostly what all texts share. The absurd words
        themselves, each without itself, say what is usual for an absurd word. No listed word is doubted, nor is any
        word by a model that does not tell the two lists apart.
        """
        centre = (self.seen.mean(0) + self.absurd.mean(0)) / 2
        seen, absurd = (F.normalize(vectors - centre, dim=1) for vectors in (self.seen, self.absurd))
        usual = _nearest(absurd, seen) - _nearest(absurd, absurd, itself=True)
        known = _nearest(seen, seen, itself=True) - _nearest(seen, absurd)
        mean, spread = usual.mean(), usual.std().clamp_min(1e-6)
        if (known.median() - mean) / spread < _SURE:
            return torch.zeros(len(words))
        own = F.normalize(texts - centre, dim=1)
        height = (_nearest(own, seen) - _nearest(own, absurd) - mean) / spread
        listed = torch.tensor([is_listed(word) for word in words])
        return torch.where(listed, 0.0, _STEEP * (height - _SURE).clamp_max(0))


def _nearest(
    own: Float[Tensor, "own dim"], others: Float[Tensor, "other dim"], *, itself: bool = False
) -> Float[Tensor, " own"]:
    """Mean cosine to the nearest of the others, of which each is one itself or not."""
    cosines = own @ others.T
    if itself:
        cosines.fill_diagonal_(-1)
    return cosines.topk(_NEAREST, dim=1).values.mean(1)
