"""Losses against a teacher's probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from geoglot.errors import InputError
from geoglot.training.soft_losses import SoftLoss, lovasz_softmax, soft_cross_entropy, soft_dice, soft_losses


def one_hot(labels: torch.Tensor, classes: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(labels, classes).float()


def test_what_does_not_count_changes_nothing() -> None:
    logits, shares = torch.randn(1, 3, 4, 4), torch.rand(1, 3, 4, 4).softmax(1)
    counts = torch.rand(1, 4, 4) > 0.5
    before = soft_losses(logits, shares, counts, SoftLoss())
    changed = torch.where(counts[:, None], logits, torch.randn(1, 3, 4, 4))
    after = soft_losses(changed, shares, counts, SoftLoss())
    assert before.keys() == {"cross_entropy", "lovasz", "dice"}
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_nothing_that_counts_is_a_loss_of_zero_with_a_gradient() -> None:
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    losses = soft_losses(logits, torch.ones(1, 3, 4, 4) / 3, torch.zeros(1, 4, 4, dtype=torch.bool), SoftLoss())
    torch.stack(list(losses.values())).sum().backward()
    assert logits.grad is not None and not logits.grad.any()


def test_the_lovasz_loss_of_hard_answers_is_one_minus_their_iou() -> None:
    """Berman et al. 2018: at the corners of the cube, the extension is the set function itself."""
    rng = np.random.default_rng(0)
    labels, answers = (torch.from_numpy(rng.integers(0, 3, 200)) for _ in range(2))
    loss = lovasz_softmax(one_hot(answers, 3), labels)
    ious = [((labels == k) & (answers == k)).sum() / ((labels == k) | (answers == k)).sum() for k in range(3)]
    assert float(loss) == pytest.approx(float(1 - torch.stack(ious).mean()), abs=1e-6)


def test_dice_and_cross_entropy_by_their_formulas() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    shares = one_hot(labels, 3)
    assert float(soft_dice(shares, shares)) == pytest.approx(0)
    assert float(soft_dice(shares[[0, 0, 0, 2]], shares)) == pytest.approx(1 - (4 / 5 + 2 / 3) / 2)
    logits = torch.randn(4, 3)
    assert float(soft_cross_entropy(logits, shares)) == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits, labels))
    )


def test_a_loss_of_weight_zero_is_left_out_but_not_all() -> None:
    settings = SoftLoss(lovasz=0.0, dice=2.0)
    losses = soft_losses(torch.randn(1, 2, 2, 2), torch.full((1, 2, 2, 2), 0.5), torch.ones(1, 2, 2) > 0, settings)
    assert losses.keys() == {"cross_entropy", "dice"}
    with pytest.raises(InputError, match="above 0"):
        SoftLoss(0.0, 0.0, 0.0)
