from pathlib import Path

import numpy as np
import pytest
from measure_presence import ABSURD, Pair, auroc, calibration, draw
from PIL import Image

from geoglot.models.word_sense import list_words


def test_the_ranking_counts_equal_odds_half() -> None:
    assert auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert auroc(np.array([0.0]), np.array([0.0, 1.0])) == pytest.approx(0.25)


def test_present_pairs_count_half_however_few(tmp_path: Path) -> None:
    pairs = [Pair("a", kind, False, odds) for kind, odds in (("present", 20.0), ("absent", -20.0), ("absurd", -20.0))]
    error, rows = calibration([*pairs, *pairs[2:] * 50])
    assert error < 1e-3 and [round(weight, 3) for *_, weight in rows] == [0.5, 0.5]
    draw(rows, tmp_path / "diagram.png")
    with Image.open(tmp_path / "diagram.png") as image:
        assert image.size == (440, 440)
    assert calibration([Pair("a", kind, False, 20.0) for kind in ("present", "absent", "absurd")])[0] > 0.49


def test_no_absurd_word_of_the_test_is_known() -> None:
    assert len({*ABSURD}) == 50 and not {*ABSURD} & {*list_words("seen"), *list_words("absurd")}
