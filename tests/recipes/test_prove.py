from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prove import SMOKE, TOWERS, average_precision, mean_iou, prove, scene_accuracy
from world import CLASSES


def test_figures_by_hand() -> None:
    truth = np.array([[[0, 0], [1, 1]]])
    said = np.array([[[0, 1], [1, 1]]])
    assert mean_iou(said, truth) == pytest.approx((1 / 2 + 2 / 3) / len(CLASSES))
    assert average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True])) == pytest.approx((1 + 2 / 3) / 2)
    share = np.array([[0.9, 0.1], [0.85, 0.15], [0.2, 0.8], [0.5, 0.5]])
    assert scene_accuracy(np.array([0, 1, 1, 0]), share) == pytest.approx((1 / 2 + 1) / 2)


@pytest.mark.slow
def test_the_proof_runs(tmp_path: Path) -> None:
    rows = prove(0, SMOKE, tmp_path)
    assert set(rows) == {"chance", "ground CLIP, no training", *(title for title, *_ in TOWERS)}
