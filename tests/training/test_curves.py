"""The picture of a run's curves, and the word on a figure that is no better than chance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoglot.training.chance import CHANCE, chance_miou, describe_useless, is_useful
from geoglot.training.curves import CURVES, draw_curves
from geoglot.training.metrics_log import METRICS
from geoglot.training.train_segment import train_segment
from tinyrecipe import recipe


@pytest.mark.parametrize("steps", [1, 3, 500])
def test_curves_have_a_plot_for_each_metric_that_is_there(tmp_path: Path, steps: int) -> None:
    heights = []
    for with_scores in (False, True):
        rows = [{"step": step, "loss": 1 / step, "rate": 1e-3} for step in range(1, steps + 1)]
        if with_scores:
            rows[-1] |= {"miou": 0.4, CHANCE: 0.2}
        (tmp_path / METRICS).write_text("".join(json.dumps(row) + "\n" for row in rows))
        draw_curves(tmp_path)
        with Image.open(tmp_path / CURVES) as picture:
            heights.append(picture.height)
            red = (np.asarray(picture) == (0xC0, 0x39, 0x2B)).all(2)
        assert red.any() == with_scores
    assert heights[1] * 2 == heights[0] * 3


def test_a_falling_loss_falls_in_the_picture(tmp_path: Path) -> None:
    rows = [{"step": step, "loss": 10.0 - step} for step in range(1, 10)]
    (tmp_path / METRICS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    draw_curves(tmp_path)
    ink = (np.asarray(Image.open(tmp_path / CURVES)) == (0x1F, 0x4E, 0x79)).all(2)
    columns = np.flatnonzero(ink.any(0))
    assert ink[:, columns[0]].argmax() < ink[:, columns[-1]].argmax()


def test_chance_is_the_better_of_the_largest_class_and_of_a_draw() -> None:
    one_is_most = np.array([[0, 0, 0], [0, 10, 90]])  # of two classes only one is there
    assert chance_miou(one_is_most) == 1
    even = np.array([[50, 0, 0], [0, 50, 0]])
    assert chance_miou(even) == pytest.approx(1 / 3)  # a draw; the largest alone has 0.25
    assert np.isnan(chance_miou(np.zeros((2, 3), np.int64)))


@pytest.mark.parametrize(
    ("miou", "chance", "useful"), [(0.34, 1 / 3, False), (0.2, 1 / 3, False), (0.5, 1 / 3, True), (1.0, 1.0, False)]
)
def test_a_figure_near_chance_is_useless(miou: float, chance: float, useful: bool) -> None:
    figures = {"miou": miou, CHANCE: chance}
    assert is_useful(figures) == useful
    assert bool(describe_useless(figures)) != useful
    assert is_useful({"loss": 1.0}) is None and not describe_useless({"loss": 1.0})


def test_a_run_that_learned_nothing_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = train_segment(recipe(tmp_path), "cpu")
    document = made.to_json()
    assert document["useful"] is False and Path(document["curves"]).is_file()
    assert any("is useless" in note and "largest class" in note for note in document["notes"])
    assert any(message.startswith("after 2 of 4 steps the mIoU of") for message in caplog.messages)
