from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from geoglot.datasets.catalogue import DATASETS
from geoglot.errors import InputError
from geoglot.evaluation.probe import Images, every_second, few_shot, fit_linear, knn, probe
from geoglot.options import ProbeOptions
from published import folders
from stubs import PooledColours


def clusters(each: int, spread: float, seed: int = 0) -> Images:
    """Three classes around directions at right angles."""
    torch.manual_seed(seed)
    labels = torch.arange(3).repeat_interleave(each)
    return Images(F.normalize(torch.eye(8)[labels] + spread * torch.randn(3 * each, 8), dim=1), labels)


def test_probes_find_classes_that_are_there_and_none_that_are_not() -> None:
    seen, asked = clusters(30, 0.2), clusters(20, 0.2, seed=1)
    head = fit_linear(seen, 3, None, 0)
    guess = (F.pad(asked.vectors, (0, 1), value=1.0) @ head.T).argmax(1)
    assert (guess == asked.labels).float().mean() > 0.95
    assert (knn(seen, asked.vectors, 5) == asked.labels).float().mean() > 0.95
    blind = Images(seen.vectors, seen.labels[torch.randperm(90)])
    assert (knn(blind, asked.vectors, 20) == asked.labels).float().mean() < 0.7


def test_more_shots_are_better_and_the_range_holds_the_mean() -> None:
    seen, asked = clusters(40, 0.45), clusters(100, 0.45, seed=1)
    options = ProbeOptions(draws=8)
    one, many = (few_shot(seen, asked, shots, 3, options) for shots in (1, 30))
    assert one.value < many.value
    assert one.low <= one.value <= one.high and one.high - one.low > many.high - many.low
    assert few_shot(seen, asked, 1, 3, options) == one


class Hues(PooledColours):
    """Mean colours, for pictures of any class."""

    def encode_image(self, pixels: Tensor) -> Tensor:
        return F.normalize(pixels.mean((2, 3)) + 1e-3, dim=1)


def test_a_set_without_training_images_is_halved_class_by_class(tmp_path: Path) -> None:
    dataset = DATASETS["aid"]
    folders(tmp_path / "AID", list(dataset.words), each=4)  # type: ignore[attr-defined]
    options = ProbeOptions(shots=(1,), draws=2, neighbours=1, split="all")
    card = probe("aid", tmp_path, model=Hues(), options=options)
    assert card.samples == 60 and card.protocol["train_images"] == 60
    assert card.protocol["train"] == card.protocol["split"] == "half of all"
    assert set(card.metrics) == {"linear", "knn_1", "1_shot"}
    assert card.metrics["knn_1"].value > 0.9  # each class is a colour of its own
    assert not any("to learn from" in note for note in card.notes)


def test_figures_of_more_images_than_there_are_say_so(tmp_path: Path) -> None:
    folders(tmp_path / "AID", list(DATASETS["aid"].words), each=4)  # type: ignore[attr-defined]
    options = ProbeOptions(shots=(2, 3), draws=2, neighbours=61, split="all")
    notes = probe("aid", tmp_path, model=Hues(), options=options).notes
    assert len(notes) == 2
    assert "has 2 images to learn from" in notes[0] and "60 images to learn from, and all of them vote" in notes[1]


def test_every_second_image_of_each_class_is_taken() -> None:
    assert every_second(np.array([2, 0, 2, 0, 1, 2, 0])).tolist() == [True, True, False, False, True, True, True]
    labels = np.random.default_rng(0).integers(0, 5, 100)
    taken, left = (np.bincount(labels[part], minlength=5) for part in (every_second(labels), ~every_second(labels)))
    assert (taken - left >= 0).all() and (taken - left <= 1).all()


def test_sets_without_single_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not for classification"):
        probe("loveda", tmp_path, model=Hues())
