from __future__ import annotations

import numpy as np
import pytest

from geoglot.errors import InputError
from geoglot.index.concepts.background import Background
from geoglot.index.concepts.head import Head, as_word, fit_head

DIM, KINDS, EACH = 24, 12, 40


def unit(vectors: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scaled


@pytest.fixture
def images() -> tuple[np.ndarray, np.ndarray]:
    """Images of twelve kinds, each around a direction of its own, all with much in common."""
    random = np.random.default_rng(0)
    common, centres = random.normal(size=DIM), random.normal(size=(KINDS, DIM))
    kinds = np.repeat(np.arange(KINDS), EACH)
    return unit(common + centres[kinds] + 0.4 * random.normal(size=(len(kinds), DIM))), kinds


def scores_of(head: Head, background: Background, vectors: np.ndarray) -> np.ndarray:
    scores: np.ndarray = (vectors - background.mean) @ head.weights
    return scores


def average_precision(scores: np.ndarray, wanted: np.ndarray) -> float:
    hits = wanted[np.argsort(-scores)]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def test_examples_mend_a_text_that_means_little(images: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, kinds = images
    text = unit(vectors[kinds == 3].mean(0) + 1.2 * vectors[kinds == 5].mean(0))  # it means another kind more
    background = Background.of([vectors[:100], vectors[100:]])
    of_five, of_three = np.flatnonzero(kinds == 5), np.flatnonzero(kinds == 3)
    head = fit_head(text, vectors[of_three[:4]], vectors[of_five[:4]], background)
    assert average_precision(vectors @ text, kinds == 3) < 0.75
    assert average_precision(scores_of(head, background, vectors), kinds == 3) > 0.95


def test_what_is_asked_of_the_head_is_its_least_squares_optimum(images: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, kinds = images
    background = Background.of([vectors])
    yes, no = vectors[kinds == 1][:3], vectors[kinds == 2][:3]
    head = fit_head(vectors[0], yes, no, background)
    ridge = 3.0 * np.trace(background.covariance) / DIM * np.eye(DIM)
    metric = 3.0 * background.freedom * (background.covariance + ridge)
    first = 0.3 * vectors[0] / background.spread(vectors[0])

    def cost(weights: np.ndarray) -> float:
        misses = (np.concatenate([yes, no]) - background.mean) @ weights - np.repeat([3.0, 0.0], 3)
        return float(misses @ misses + (weights - first) @ metric @ (weights - first))

    random = np.random.default_rng(1)
    moved = [head.weights + 1e-3 * random.normal(size=DIM) for _ in range(50)]
    assert min(map(cost, moved)) > cost(head.weights)


def test_the_border_lies_between_examples_scored_without_themselves(images: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, kinds = images
    background = Background.of([vectors])
    yes, no = vectors[kinds == 1][:4], vectors[kinds == 2][:4]

    def without(group: np.ndarray, index: int, kind: str) -> float:
        others = np.delete(group, index, axis=0)
        parts = (others, no) if kind == "yes" else (yes, others)
        return float(scores_of(fit_head(None, *parts, background), background, group[index]))

    left_out = [np.mean([without(group, index, kind) for index in range(4)]) for group, kind in
                ((yes, "yes"), (no, "no"))]  # fmt: skip
    assert fit_head(None, yes, no, background).border == pytest.approx(np.mean(left_out))


@pytest.mark.parametrize("has_text", [True, False])
def test_a_word_ranks_as_its_head_and_competes_as_its_text(
    images: tuple[np.ndarray, np.ndarray], has_text: bool
) -> None:
    vectors, kinds = images
    background = Background.of([vectors])
    text = unit(vectors[kinds == 4].mean(0)) if has_text else None
    head = fit_head(text, vectors[kinds == 4][:5], vectors[kinds != 4][:5], background)
    word, border = as_word(head, text, background)
    cosines, scores = vectors @ word, scores_of(head, background, vectors)
    assert np.linalg.norm(word) == pytest.approx(1)
    assert np.corrcoef(cosines, scores)[0, 1] > 0.98
    assert np.mean((cosines > border) == (scores > head.border)) > 0.99
    if text is not None:
        assert cosines.std() / (vectors @ text).std() == pytest.approx(1, abs=0.35)


def test_a_head_without_counterexamples_is_measured_against_the_archive(images: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, kinds = images
    background = Background.of([vectors])
    head = fit_head(None, vectors[kinds == 7][:3], vectors[:0], background)
    above = scores_of(head, background, vectors) > head.border
    assert above[kinds == 7].mean() > 0.9 and above[kinds != 7].mean() < 0.05


def test_an_archive_smaller_than_its_dimensions_still_teaches() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(5, 64)))
    head = fit_head(None, vectors[:1], vectors[1:2], Background.of([vectors]))
    assert isinstance(head, Head) and np.isfinite(head.weights).all()


def test_nothing_is_taught_without_an_example(images: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, _ = images
    background = Background.of([vectors])
    with pytest.raises(InputError, match="at least one example"):
        fit_head(None, vectors[:0], vectors[:3], background)
    with pytest.raises(InputError, match="at least 2 chips"):
        Background.of([vectors[:1]])
