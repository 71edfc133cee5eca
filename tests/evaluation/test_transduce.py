from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from geoglot.evaluation.transduce import _variance, neighbours, transduce

DIM = 512  # as real vectors have: likelihoods of few dimensions weigh nothing beside the words


def clusters(count: int, spread: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors around three directions, and which."""
    rng = torch.Generator().manual_seed(seed)
    centres = F.normalize(torch.randn(3, DIM, generator=rng), dim=1)
    truth = torch.arange(count) % 3
    return F.normalize(centres[truth] + spread * torch.randn(count, DIM, generator=rng), dim=1), truth


def test_neighbours_are_the_nearest_others() -> None:
    vectors, _ = clusters(40, 0.03)
    near, alike = neighbours(vectors)
    cosines = vectors @ vectors.T
    cosines.fill_diagonal_(-2)
    wanted = cosines.topk(3)
    assert (near == wanted.indices).all()
    assert torch.allclose(alike, wanted.values)


def test_weak_words_are_mended_by_pictures_that_look_alike() -> None:
    vectors, truth = clusters(300, 0.03)
    rng = torch.Generator().manual_seed(1)
    logits = F.one_hot(truth, 3) * 1.0 + torch.randn(300, 3, generator=rng)
    alone = (logits.argmax(1) == truth).float().mean()
    together = (transduce(vectors, logits).argmax(1) == truth).float().mean()
    assert alone < 0.8 and together > 0.98


def test_answers_are_probabilities_and_follow_the_pictures_order() -> None:
    vectors, truth = clusters(60, 0.03)
    logits = 5 * F.one_hot(truth, 3).float()
    shares = transduce(vectors, logits)
    assert shares.sum(1) == pytest.approx(torch.ones(60), abs=1e-5)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(transduce(vectors[order], logits[order]), shares[order], atol=1e-4)


def test_a_variance_is_that_of_the_definition() -> None:
    vectors, _ = clusters(50, 0.03)
    shares = torch.rand(50, 3, generator=torch.Generator().manual_seed(3)).softmax(1)
    means = F.normalize(shares.T @ vectors, dim=1)
    wanted = torch.einsum("sc,scd->d", shares, (vectors[:, None] - means).square()) / 50
    assert torch.allclose(_variance(vectors, means, shares), wanted, atol=1e-6)
