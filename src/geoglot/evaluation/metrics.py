"""Metrics with their 95 % intervals: arrays in, numbers out. Equal scores never help the model.

A metric is a function of how often each image of the set counts. With each image once it gives the value; with images
drawn with replacement it gives the interval (percentile bootstrap, Efron 1979), so captions, pixels and classes of one
image stay together. A plain proportion of right answers has Wilson's interval (Wilson 1927) instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

#: From how often each image counts to the metrics; NaN if there is nothing to measure
Statistic = Callable[[Int[np.ndarray, " sample"]], Float[np.ndarray, " metric"]]

DRAWS = 1000
_LEVEL = 0.95
_Z = 1.959963984540054  # quantile of the normal distribution for 95 %
_DEEP = 10  # a ranking is kept down to this times k: a draw of so many images holds k with certainty


@dataclass(frozen=True)
class Estimate:
    """A metric and the ends of its 95 % interval; None if it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


def proportion(right: Bool[np.ndarray, " sample"]) -> Estimate:
    """The proportion of right answers, with Wilson's interval."""
    count = len(right)
    if not count:
        return Estimate(None)
    value, spread = float(right.mean()), _Z**2 / count
    centre = (value + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(value * (1 - value) / count + spread / count / 4)
    return Estimate(value, max(0.0, centre - half), min(1.0, centre + half))


def bootstrap(statistic: Statistic, samples: int, draws: int = DRAWS, seed: int = 0) -> list[Estimate]:
    """Each metric of a statistic over so many images, the same at every call; one image has no interval."""
    values = statistic(np.ones(samples, np.int64))
    if samples < 2:
        return [Estimate(_number(value)) for value in values]
    rng = np.random.default_rng(seed)
    picks = (rng.integers(samples, size=samples) for _ in range(draws))
    drawn = np.stack([statistic(np.bincount(pick, minlength=samples)) for pick in picks])
    estimates = []
    for value, column in zip(values, drawn.T, strict=True):
        known = column[~np.isnan(column)]
        if np.isnan(value) or not len(known):
            estimates.append(Estimate(_number(value)))
        else:
            low, high = np.quantile(known, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
            estimates.append(Estimate(float(value), float(low), float(high)))
    return estimates


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def mean_and_each(values: Float[np.ndarray, " class"]) -> Float[np.ndarray, " class_and_mean"]:
    """The mean over the classes with a value, then each class."""
    known = values[~np.isnan(values)]
    return np.concatenate([[known.mean() if len(known) else np.nan], values])


def class_accuracies(
    right: Bool[np.ndarray, " sample"],
    truth: Integer[np.ndarray, " sample"],
    classes: int,
    counts: Int[np.ndarray, " sample"],
) -> Float[np.ndarray, " class"]:
    """Recall of each class; NaN for a class without images.

    Their mean is the mean per class accuracy, or balanced accuracy.
    """
    total = np.bincount(truth, weights=counts, minlength=classes)
    hits = np.bincount(truth, weights=counts * right, minlength=classes)
    return _divide(hits, total)


@dataclass(frozen=True)
class Ranking:
    """Images in the order of each class's scores, down to the rank that AP@`depth` needs."""

    order: Integer[np.ndarray, "rank class"]
    """Indices of images, the best first; among equal scores, images without the class come first."""
    relevant: Bool[np.ndarray, "sample class"]

    @classmethod
    def of(
        cls, scores: Float[np.ndarray, "sample class"], relevant: Bool[np.ndarray, "sample class"], depth: int
    ) -> Ranking:
        """Rank the images for every class."""
        orders = [np.lexsort((shows, -score)) for score, shows in zip(scores.T, relevant.T, strict=True)]
        return cls(np.stack(orders, axis=1)[: _DEEP * depth], relevant)

    def average_precisions(self, k: int, counts: Int[np.ndarray, " sample"]) -> Float[np.ndarray, " class"]:
        """AP@k of each class: the precision at each hit, summed over the first k, / min(positives, k).

        NaN for a class without images. As CrossSO scores GRAFT (arXiv 2604.11415, its metrics.py). A denominator of k
        would punish rare classes.
        """
        positives = counts @ self.relevant
        pairs = zip(self.order.T, self.relevant.T, positives.tolist(), strict=True)
        return np.array([_average_precision(shows[order], counts[order], k, many) for order, shows, many in pairs])


def _average_precision(
    hits: Bool[np.ndarray, " rank"], counts: Int[np.ndarray, " rank"], k: int, positives: int
) -> float:
    if not positives:
        return math.nan
    first = np.repeat(hits, counts)[:k]
    precision = np.cumsum(first) / np.arange(1, len(first) + 1)
    return float(precision[first].sum() / min(positives, k))


def caption_ranks(
    scores: Float[np.ndarray, "image text"], owner: Integer[np.ndarray, " text"]
) -> tuple[Float[np.ndarray, " text"], Float[np.ndarray, " image"]]:
    """Rank of the right answer: of a text's own image, and of an image's best own text among the texts of others.

    The first rank is 0. A text has one image, `owner`; an image any number of texts. Among equal scores a right answer
    has its average rank in random order: a third of RSICD's sentences are copies.
    """
    texts = np.arange(len(owner))
    own = scores[owner, texts]
    by_text = (scores > own).sum(0) + ((scores == own).sum(0) - 1) / 2
    mine = owner == np.arange(len(scores))[:, None]
    best = np.where(mine, scores, -np.inf).max(1)
    level = scores == best[:, None]
    by_image = ((scores > best[:, None]) & ~mine).sum(1) + (level & ~mine).sum(1) / ((level & mine).sum(1) + 1)
    return by_text, by_image


def recall(
    ranks: Float[np.ndarray, " query"],
    image: Integer[np.ndarray, " query"],
    k: int,
    counts: Int[np.ndarray, " sample"],
) -> float:
    """R@k: proportion of queries whose right answer is among the first k (Karpathy and Fei-Fei 2015, section 4.1).

    A query counts as often as its image, `image`.
    """
    weights = counts[image]
    return float((weights * (ranks < k)).sum() / max(1, weights.sum()))


def confusion(
    truth: Integer[np.ndarray, "*shape"], guess: Integer[np.ndarray, "*shape"], classes: int
) -> Int[np.ndarray, "class answer"]:
    """Confusion matrix: pixels by true class (rows) and answer (columns), the last column for no answer.

    Pixels whose truth is outside 0..classes-1 are ignored; a guess outside is no answer.
    """
    known = (truth >= 0) & (truth < classes)
    answer = np.where((guess >= 0) & (guess < classes), guess, classes)[known].astype(np.int64)
    flat = truth[known].astype(np.int64) * (classes + 1) + answer
    matrix: np.ndarray = np.bincount(flat, minlength=classes * (classes + 1)).reshape(classes, classes + 1)
    return matrix


def ious(matrix: Integer[np.ndarray, "class answer"]) -> Float[np.ndarray, " class"]:
    """IoU of each class over a whole set; NaN for a class that neither occurs nor is answered.

    The matrix is the sum over all images; IoU is never a mean over images (Everingham et al. 2015, section 4.2.2).
    """
    hits, truth, answered = _margins(matrix)
    return _divide(hits, truth + answered - hits)


def f1s(matrix: Integer[np.ndarray, "class answer"]) -> Float[np.ndarray, " class"]:
    """F1 of each class, 2 hits / (truth + answered); NaN as in `ious`."""
    hits, truth, answered = _margins(matrix)
    return _divide(2 * hits, truth + answered)


def overall_accuracy(matrix: Integer[np.ndarray, "class answer"]) -> float:
    """Proportion of the labelled pixels with the right class; NaN without any."""
    hits, truth, _ = _margins(matrix)
    return float(_divide(hits.sum(keepdims=True), truth.sum(keepdims=True))[0])


def _margins(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels of each class: right answers, truth, answers."""
    return matrix.diagonal(), matrix.sum(1), matrix[:, :-1].sum(0)


def _divide(parts: np.ndarray, whole: np.ndarray) -> Float[np.ndarray, " class"]:
    quotient: np.ndarray = np.divide(parts, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return quotient
