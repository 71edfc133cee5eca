"""A linear head from a few examples, in closed form: what a word means is moved as little as the examples ask for.

The head is the w that minimises

    sum over examples of (w . (x - m) - y)^2  +  n * (w - w0)' C (w - w0)

x are unit vectors of images, m and C the mean and covariance of the archive, and y is 3 for what it is and 0 for what
it is not: three standard deviations above an average image of the archive, or not above it. w0 is the text's vector,
scaled so that its scores over the archive have a standard deviation of PRIOR. The second term is the mean square by
which the scores of all images of the archive change, so examples that look like most of the archive change it little.
With C the unit matrix this is ridge regression; with C the archive's it is, without a text, the exemplar LDA of
Hariharan, Malik and Ramanan (ECCV 2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from geoglot.errors import InputError
from geoglot.index.concepts.background import Background, Vector, Vectors

YES = 3.0
"""Target of an example, in standard deviations of a score over the archive."""
PRIOR = 0.3
"""Standard deviation of the text's own scores in the same unit: a smaller number makes the text count less."""
STIFFNESS = 3.0
"""n: what the archive's images weigh against one example."""


@dataclass(frozen=True, eq=False)
class Head:
    """Images x have scores w . (x - m): 0 is an average image of the archive, and one unit a standard deviation."""

    weights: Vector
    """w"""
    border: float
    """The score between examples and counterexamples, each scored by the head without it."""


def fit_head(text: Vector | None, yes: Vectors, no: Vectors, background: Background) -> Head:
    """The head of examples (at least one) and counterexamples; `text` is the unit vector of its words, if it has any.

    Takes O(dim^2) a call beside O(examples^2): the archive is read once, for the background.
    """
    if not len(yes):
        raise InputError("a concept needs at least one example of what it is")
    examples = np.concatenate([yes, no]).astype(np.float64) - background.mean
    wanted = np.repeat([YES, 0.0], [len(yes), len(no)])
    first = np.zeros(len(background.mean)) if text is None else PRIOR * text / background.spread(text)
    import scipy.linalg

    carried = scipy.linalg.cho_solve(background.factor, examples.T)  # (dim, example)
    kernel = examples @ carried / background.freedom
    inverse = np.linalg.inv(kernel + STIFFNESS * np.eye(len(wanted)))
    pull = inverse @ (wanted - examples @ first)
    without = wanted - pull / np.diag(inverse)  # the score of each example by the others (Rasmussen and Williams, 5.12)
    weights = first + carried @ pull / background.freedom
    return Head(weights, _border(without[: len(yes)], without[len(yes) :]))


def _border(yes: Float[np.ndarray, " _yes"], no: Float[np.ndarray, " _no"]) -> float:
    """Midway between what is and what is not; an average image is not."""
    return float((yes.mean() + (no.mean() if len(no) else 0.0)) / 2)


def as_word(head: Head, text: Vector | None, background: Background) -> tuple[Vector, float]:
    """The unit vector that stands for a head among texts, and the cosine of its border.

    Its cosines over the archive have the mean and the standard deviation of the text's, so that it competes with other
    words as its text does. What is missing to unit length lies in the direction in which the archive's images differ
    least, so it adds nothing.
    """
    level, spread = (0.0, 1.0) if text is None else (float(text @ background.mean), background.spread(text))
    own = spread / background.spread(head.weights) * head.weights
    centre = background.mean
    import scipy.linalg

    even = scipy.linalg.cho_solve(background.factor, centre)  # the direction along which images are most alike
    own = own + (level - own @ centre) / (even @ centre) * even
    if (length := float(np.linalg.norm(own))) < 1:
        idle = background.idle - background.idle @ own / (own @ own) * own
        own = own + np.sqrt(1 - length**2) * idle / np.linalg.norm(idle)
    unit = own / np.linalg.norm(own)
    border = centre @ unit + head.border * background.spread(unit) / background.spread(head.weights)
    return unit, float(border)
