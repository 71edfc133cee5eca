from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoglot.evaluation.classification import calibrate, decide, score_classes


def test_figures_by_hand() -> None:
    scores = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.6, 0.4, 0.0], [0.5, 0.5, 0.0]])
    found = score_classes(scores, np.array([0, 1, 1, 0]), ("a", "b", "c"))
    assert found["top1"].value == 0.5
    assert (found["accuracy/a"].value, found["accuracy/b"].value, found["accuracy/c"].value) == (0.5, 0.5, None)
    assert found["mean_class_accuracy"].value == 0.5
    low, high = found["mean_class_accuracy"].low, found["mean_class_accuracy"].high
    assert low is not None and high is not None and 0 <= low <= 0.5 <= high <= 1


def test_a_model_that_cannot_tell_is_never_right() -> None:
    assert score_classes(torch.zeros(6, 3), np.arange(6) % 3, ("a", "b", "c"))["top1"].value == 0


def test_calibration_removes_what_all_pictures_share() -> None:
    truth = torch.arange(40) % 4
    logits = 2.0 * F.one_hot(truth, 4)
    biased = logits + torch.tensor([5.0, 0.0, -3.0, 1.0])
    assert (biased.argmax(1) == 0).all()
    assert (calibrate(biased).argmax(1) == truth).all()
    assert calibrate(biased) == pytest.approx(calibrate(logits), abs=1e-5)


def test_decisions_are_cosines_unless_asked_otherwise() -> None:
    vectors = F.normalize(torch.randn(30, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    texts = F.normalize(torch.randn(3, 8, generator=torch.Generator().manual_seed(1)), dim=1)
    plain = decide(vectors, texts, 20.0)
    assert torch.allclose(plain, 20 * vectors @ texts.T)
    assert torch.allclose(decide(vectors, texts, 20.0, calibrated=True), calibrate(plain))
    shares = decide(vectors, texts, 20.0, calibrated=True, transductive=True)
    assert shares.sum(1) == pytest.approx(torch.ones(30), abs=1e-5)
