"""Whether an archive shows a word: chips that fit it better than most other words do."""

import numpy as np
import pytest

from geoglot.index.search.archive_presence import WordJudge, heights
from stubs import COLOURS, CalibratedColours, PooledColours


def _chips(name: str, count: int) -> np.ndarray:
    vectors = np.array(COLOURS[name]) + np.random.default_rng(1).normal(0, 0.02, (count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_height_is_a_standard_score_among_other_words() -> None:
    chips = _chips("water", 4)
    text, seen = np.array([0.0, 0.0, 1.0]), np.random.default_rng(2).normal(size=(300, 3))
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    others = chips @ seen[seen @ text < 0.9].T
    np.testing.assert_allclose(
        heights(text, chips, seen[seen @ text < 0.9]), (chips @ text - others.mean(1)) / others.std(1)
    )


def test_words_of_the_same_meaning_are_no_others() -> None:
    judge = WordJudge.of(CalibratedColours(), ["water"])
    assert judge is not None and 100 < len(judge.others) < 40 * len(COLOURS)
    assert (judge.others @ judge.text).max() < 0.9


def test_chips_of_the_word_make_it_likelier_than_chips_of_another() -> None:
    model = CalibratedColours()
    judge = WordJudge.of(model, ["water"])
    assert judge is not None
    unlikely = judge.probability(_chips("roof", 5))
    assert unlikely < 0.5
    assert unlikely < judge.probability(_chips("water", 5))


def test_without_chips_nothing_is_there() -> None:
    judge = WordJudge.of(CalibratedColours(), ["water"])
    assert judge is not None and judge.probability(np.empty((0, 3))) == 0.0


@pytest.mark.parametrize("words", [["water"], ["airstrip@mine"]])
def test_what_cannot_be_told_is_unknown(words: list[str]) -> None:
    model = PooledColours() if words == ["water"] else CalibratedColours()
    assert WordJudge.of(model, words) is None
