"""Metrics with 95 % intervals. Equal scores never help the model.

A metric is a function of how often each image counts. Its value counts each image once. Its interval comes from images
drawn with replacement (percentile bootstrap, Efron 1979), so captions and pixels of one image stay together. A plain
proportion of right answers has Wilson's interval (Wilson 1927) instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from geoglot.tasks.audit.estimate import Z

#: Computes metrics from how often each image counts; NaN if there is nothing to measure
Statistic = Callable[[Int[np.ndarray, " sample"]], Float[np.ndarray, " metric"]]

DRAWS = 1000
_LEVEL = 0.95
_DEEP = 10  # a ranking keeps 10 k images, so that k of them are almost certainly in every draw


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
    value, spread = float(right.mean()), Z**2 / count
    centre = (value + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(value * (1 - value) / count + spread / count / 4)
    return Estimate(value, max(0.0, centre - half), min(1.0, centre + half))


def bootstrap(statistic: Statistic, samples: int, draws: int = DRAWS, seed: int = 0) -> list[Estimate]:
    """Every metric of a statistic, with its interval if there are two images or more; deterministic."""
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
    """The mean over the classes that have a value, then the value of each class."""
    known = values[~np.isnan(values)]
    return np.concatenate([[known.mean() if len(known) else np.nan], values])


def class_accuracies(
    right: Bool[np.ndarray, " sample"],
    truth: Integer[np.ndarray, " sample"],
    classes: int,
    counts: Int[np.ndarray, " sample"],
) -> Float[np.ndarray, " class"]:
    """Recall of each class, whose mean is the mean per class (balanced) accuracy; NaN for a class without images."""
    total = np.bincount(truth, weights=counts, minlength=classes)
    hits = np.bincount(truth, weights=counts * right, minlength=classes)
    return divide(hits, total)


@dataclass(frozen=True)
class Ranking:
    """Images ranked by the scores of each class."""

    order: Integer[np.ndarray, "rank class"]
    """Indices of images, the best first; among equal scores, images without the class come first."""
    relevant: Bool[np.ndarray, "sample class"]

    @classmethod
    def of(
        cls, scores: Float[np.ndarray, "sample class"], relevant: Bool[np.ndarray, "sample class"], depth: int
    ) -> Ranking:
        """Rank the images for every class, as far as AP@`depth` needs."""
        orders = [np.lexsort((shows, -score)) for score, shows in zip(scores.T, relevant.T, strict=True)]
        return cls(np.stack(orders, axis=1)[: _DEEP * depth], relevant)

    def average_precisions(self, k: int, counts: Int[np.ndarray, " sample"]) -> Float[np.ndarray, " class"]:
        """AP@k of each class: the sum of the precision at each hit among the first k, / min(positives, k).

        NaN for a class without images. CrossSO scores GRAFT in this way (arXiv 2604.11415, metrics.py). A denominator
        of k would punish rare classes.
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
    """Ranks from 0: of each text's image among all images, and of each image's best text among those of others.

    `owner` is the image of each text. Equal scores count as in random order, on average, since a third of RSICD's
    sentences are copies.
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

    A query counts as often as its image.
    """
    weights = counts[image]
    return float((weights * (ranks < k)).sum() / max(1, weights.sum()))


def confusion(
    truth: Integer[np.ndarray, "*shape"], guess: Integer[np.ndarray, "*shape"], classes: int
) -> Int[np.ndarray, "class answer"]:
    """Confusion matrix: pixels by true class (rows) and answer (columns); the last column counts pixels without answer.

    Pixels whose truth is outside 0..classes-1 are ignored; a guess outside is no answer.
    """
    known = (truth >= 0) & (truth < classes)
    answer = np.where((guess >= 0) & (guess < classes), guess, classes)[known].astype(np.int64)
    flat = truth[known].astype(np.int64) * (classes + 1) + answer
    matrix: np.ndarray = np.bincount(flat, minlength=classes * (classes + 1)).reshape(classes, classes + 1)
    return matrix


def ious(matrix: Integer[np.ndarray, "class answer"]) -> Float[np.ndarray, " class"]:
    """IoU of each class; NaN for a class that neither occurs nor is answered.

    The matrix must be the sum over all images, since IoU is not averaged over images (Everingham et al. 2015, 4.2.2).
    """
    hits, truth, answered = _margins(matrix)
    return divide(hits, truth + answered - hits)


def f1s(matrix: Integer[np.ndarray, "class answer"]) -> Float[np.ndarray, " class"]:
    """F1 of each class, 2 hits / (truth + answered); NaN as in `ious`."""
    hits, truth, answered = _margins(matrix)
    return divide(2 * hits, truth + answered)


def overall_accuracy(matrix: Integer[np.ndarray, "class answer"]) -> float:
    """Proportion of the labelled pixels with the right class; NaN without any."""
    hits, truth, _ = _margins(matrix)
    return float(divide(hits.sum(keepdims=True), truth.sum(keepdims=True))[0])


def _margins(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels of each class: right answers, truth, all answers."""
    return matrix.diagonal(), matrix.sum(1), matrix[:, :-1].sum(0)


def divide(parts: np.ndarray, whole: np.ndarray) -> Float[np.ndarray, " class"]:
    """Parts of wholes; NaN where a whole is zero."""
    quotient: np.ndarray = np.divide(parts, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return quotient
