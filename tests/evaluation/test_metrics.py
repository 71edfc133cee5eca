from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from geoglot.evaluation.metrics import (
    Ranking,
    bootstrap,
    caption_ranks,
    class_accuracies,
    confusion,
    f1s,
    ious,
    mean_and_each,
    overall_accuracy,
    proportion,
    recall,
)

SCORES = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.floats(-1, 1, width=16)
)


def once(scores: np.ndarray) -> np.ndarray:
    return np.ones(len(scores), np.int64)


def test_wilson_by_hand() -> None:
    """8 of 10: (0.8 + 0.19207) / 1.38415 -+ 1.96 / 1.38415 * sqrt(0.016 + 0.0096) (Brown, Cai, DasGupta 2001)."""
    found = proportion(np.arange(10) < 8)
    assert (found.value, found.low, found.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)


def test_no_sample_has_no_figure() -> None:
    assert proportion(np.zeros(0, bool)).value is None


@given(st.integers(1, 200), st.data())
def test_wilson_holds_the_share_and_stays_in_range(count: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, count))
    found = proportion(np.arange(count) < right)
    assert found.low is not None and found.high is not None and found.value is not None
    assert 0 <= found.low <= found.value + 1e-12 and found.value <= found.high + 1e-12 <= 1 + 1e-9
    assert found.high - found.low > 0


def test_bootstrap_covers_the_truth_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(1), 0
    for seed in range(100):
        drawn = rng.normal(size=60)
        found = bootstrap(lambda c, d=drawn: np.array([c @ d / c.sum()]), 60, draws=200, seed=seed)[0]
        assert found.low is not None and found.high is not None
        held += found.low <= 0 <= found.high
    assert 86 <= held <= 100


def test_bootstrap_is_the_same_at_every_call_and_says_what_it_cannot() -> None:
    def statistic(counts: np.ndarray) -> np.ndarray:
        return np.array([counts[0] / counts.sum(), math.nan])

    first, second = bootstrap(statistic, 5), bootstrap(statistic, 5)
    assert first == second
    assert (first[1].value, first[1].low, first[1].high) == (None, None, None)
    alone = bootstrap(statistic, 1)[0]
    assert (alone.value, alone.low) == (1.0, None)


def test_mean_class_accuracy_weighs_classes_not_images() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1])
    right = np.array([True, True, True, False, False, True])
    each = class_accuracies(right, truth, 3, np.ones(6, np.int64))
    assert each[:2] == pytest.approx([0.75, 0.5]) and math.isnan(each[2])
    assert mean_and_each(each)[0] == pytest.approx(0.625)


def test_average_precision_by_hand() -> None:
    """Hits at ranks 1, 3 and 6 of four positives: k = 5 leaves (1/1 + 2/3) / min(4, 5)."""
    scores = np.array([[0.9], [0.8], [0.7], [0.6], [0.5], [0.4], [0.3]])
    shows = np.array([[True], [False], [True], [False], [False], [True], [True]])
    ranking = Ranking.of(scores, shows, 5)
    assert ranking.average_precisions(5, once(scores)) == pytest.approx([(1 + 2 / 3) / 4])
    assert ranking.average_precisions(2, once(scores)) == pytest.approx([1 / 2])
    assert ranking.average_precisions(7, once(scores)) == pytest.approx([(1 + 2 / 3 + 3 / 6 + 4 / 7) / 4])


def test_a_class_without_positives_has_no_precision() -> None:
    scores = np.array([[0.9, 0.1], [0.8, 0.2]])
    found = Ranking.of(scores, np.array([[True, False], [True, False]]), 5).average_precisions(5, once(scores))
    assert found[0] == 1 and math.isnan(found[1])


def test_counting_an_image_twice_is_having_it_twice() -> None:
    rng = np.random.default_rng(0)
    scores, shows = rng.normal(size=(9, 2)), rng.random((9, 2)) < 0.5
    counts = rng.integers(0, 3, 9)
    again = np.repeat(np.arange(9), counts)
    found = Ranking.of(scores, shows, 4).average_precisions(4, counts)
    wanted = Ranking.of(scores[again], shows[again], 4).average_precisions(4, once(again))
    # Copies of an image tie with themselves only: they have one label.
    assert found == pytest.approx(wanted, nan_ok=True)


@given(SCORES, st.data())
def test_average_precision_is_a_share_and_ties_never_help(scores: np.ndarray, data: st.DataObject) -> None:
    shows = data.draw(arrays.arrays(bool, scores.shape))
    found = Ranking.of(scores, shows, 5).average_precisions(5, once(scores))
    known = found[~np.isnan(found)]
    assert ((known >= 0) & (known <= 1)).all()
    flat = Ranking.of(np.zeros_like(scores), shows, 5).average_precisions(5, once(scores))
    perfect = Ranking.of(shows.astype(float), shows, 5).average_precisions(5, once(scores))
    assert (flat[~np.isnan(flat)] <= known + 1e-12).all()
    assert perfect[~np.isnan(perfect)] == pytest.approx(1)


def test_caption_ranks_by_hand() -> None:
    """Two images, three texts: the second text of image 0 scores below image 1."""
    scores = np.array([[0.9, 0.2, 0.1], [0.3, 0.4, 0.2]])
    owner = np.array([0, 0, 1])
    by_text, by_image = caption_ranks(scores, owner)
    assert by_text.tolist() == [0, 1, 0]
    assert by_image.tolist() == [0, 2]  # image 1 holds 0.2, after 0.4 and 0.3
    ones = np.ones(2, np.int64)
    assert recall(by_text, owner, 1, ones) == pytest.approx(2 / 3)
    assert recall(by_image, np.arange(2), 1, ones) == 0.5
    assert recall(by_text, owner, 1, np.array([0, 2])) == 1


@given(st.integers(2, 6))
def test_equal_scores_have_the_place_of_a_random_order(count: int) -> None:
    by_text, by_image = caption_ranks(np.zeros((count, count)), np.arange(count))
    assert (by_text == (count - 1) / 2).all() and (by_image == (count - 1) / 2).all()


def test_a_sentence_that_several_images_share() -> None:
    """Image 0 has it twice, image 1 once: in random order the first of the two copies comes 1/3 late on average."""
    scores = np.array([[0.5, 0.5, 0.5, 0.1], [0.2, 0.2, 0.2, 0.9]])
    by_text, by_image = caption_ranks(scores, np.array([0, 0, 1, 1]))
    assert by_text.tolist() == [0, 0, 1, 0]
    assert by_image == pytest.approx([1 / 3, 0])


def test_confusion_by_hand() -> None:
    truth = np.array([[0, 0, 1], [1, 2, -1]])
    guess = np.array([[0, 1, 1], [254, 0, 0]])
    matrix = confusion(truth, guess, 3)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0]]
    assert ious(matrix) == pytest.approx([1 / 3, 1 / 3, 0])
    assert f1s(matrix) == pytest.approx([1 / 2, 1 / 2, 0])
    assert overall_accuracy(matrix) == pytest.approx(2 / 5)


def test_a_class_that_is_nowhere_has_no_iou() -> None:
    matrix = confusion(np.array([0, 0]), np.array([0, 0]), 2)
    assert ious(matrix)[0] == 1 and math.isnan(ious(matrix)[1])


@given(st.data())
def test_the_set_is_one_picture(data: st.DataObject) -> None:
    """Confusions add up: two pictures are scored as one that holds both, which a mean over pictures is not."""
    ids = st.integers(-1, 2)
    pairs = [data.draw(arrays.arrays(np.int64, (2, 20), elements=ids)) for _ in range(2)]
    total = sum(confusion(*pair, 3) for pair in pairs)
    joined = confusion(*np.concatenate(pairs, axis=1), 3)
    assert (total == joined).all()
    truth = joined.sum()
    assert truth == sum((pair[0] >= 0).sum() for pair in pairs)
    found, harmonic = ious(joined), f1s(joined)
    assert found == pytest.approx(harmonic / (2 - harmonic), nan_ok=True)
