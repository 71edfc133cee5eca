"""Whether an archive shows a word: chips or patches that fit it better than most other words do."""

import math
from dataclasses import replace

import numpy as np
import pytest

from geoglot.index.search.archive_presence import PART, WHOLE, Heights, WordJudge
from stubs import COLOURS, CalibratedColours, PooledColours


def _chips(name: str, count: int) -> np.ndarray:
    vectors = np.array(COLOURS[name]) + np.random.default_rng(1).normal(0, 0.02, (count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_height_is_a_standard_score_among_other_words() -> None:
    model, chips = CalibratedColours(), _chips("water", 4)
    heights = Heights.of(model)
    assert heights is not None and model.sense is not None
    others, texts = chips @ model.sense.seen.numpy().T, np.eye(3)
    expected = (chips @ texts.T - others.mean(1, keepdims=True)) / others.std(1, keepdims=True)
    np.testing.assert_allclose(heights.of_texts(texts, chips), expected, rtol=1e-4)


def test_chips_of_the_word_make_it_likelier_than_chips_of_another() -> None:
    judge = WordJudge.of(CalibratedColours(), ["water"])
    assert judge is not None
    roof, water = (float(judge.height(_chips(name, 5)).max()) for name in ("roof", "water"))
    assert judge.probability(roof, None, 1) < judge.probability(water, None, 1)


def test_the_better_of_the_whole_and_the_part_counts() -> None:
    judge = WordJudge.of(CalibratedColours(), ["water"])
    assert judge is not None and judge.doubt == 0
    undecided = WHOLE.alone + WHOLE.growth * math.log(50)
    assert judge.probability(undecided, None, 50) == pytest.approx(0.5)
    assert judge.probability(undecided, -9.0, 50) == pytest.approx(0.5)
    high = PART.alone + PART.growth * math.log(50) + 1
    assert judge.probability(-9.0, high, 50) == pytest.approx(1 / (1 + math.exp(-PART.slope)))


def test_the_best_of_many_chips_must_stand_higher_than_that_of_few() -> None:
    for level in (WHOLE, PART):
        odds = [level.odds(3.0, chips) for chips in (1, 10, 1000, 10**6)]
        assert odds[0] > odds[1] > odds[2] == odds[3]  # levels were fitted up to a thousand


def test_a_doubted_word_is_not_there() -> None:
    judge = WordJudge.of(CalibratedColours(), ["water"])
    assert judge is not None
    high = WHOLE.alone + 10 / WHOLE.slope
    assert judge.probability(high, None, 1) > 0.99 and replace(judge, doubt=-20.0).probability(high, None, 1) < 0.01


@pytest.mark.parametrize("words", [["water"], ["airstrip@mine"]])
def test_what_cannot_be_told_is_unknown(words: list[str]) -> None:
    model = PooledColours() if words == ["water"] else CalibratedColours()
    assert WordJudge.of(model, words) is None
