"""Losses: captions against images, names against images, and phrases as the sentence encoder relates them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def mix_targets(own: Tensor, others: Tensor, weight: float) -> Tensor:
    """Targets (row, column) with sum 1 per row: `weight` for the own columns, the rest as `others`."""
    return weight * own / own.sum(1, keepdim=True) + (1 - weight) * others


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy with soft targets, the mean over rows."""
    return -(target * logits.log_softmax(1)).sum(1).mean()


def caption_loss(logits: Tensor, own: Tensor, similarity: Tensor, softness: float, weight: float) -> Tensor:
    """Images against captions in both directions.

    `own` (image, caption) is 1 for an image's captions, `similarity` is the sentence encoder's between the image's
    captions and this one. Own captions get `weight` of a target; the rest is the softmax of similarity / softness.
    """
    there = cross_entropy(logits, mix_targets(own, (similarity / softness).softmax(1), weight))
    back = cross_entropy(logits.T, mix_targets(own.T, (similarity.T / softness).softmax(1), weight))
    return (there + back) / 2


def best_loss(logits: Tensor, own: Tensor) -> Tensor:
    """Images against any of their own captions, since retrieval counts the best (Miech et al. 2020)."""
    return -(logits.log_softmax(1).masked_fill(own == 0, -1e4)).logsumexp(1).mean()


def name_loss(logits: Tensor, classes: Tensor, smoothing: float) -> Tensor:
    """Images against names of every class, logits (image, round, class); images of a class share its names."""
    rounds, count = logits.shape[1:]
    there = F.cross_entropy(logits.flatten(0, 1), classes.repeat_interleave(rounds), label_smoothing=smoothing)
    members = F.one_hot(classes, count).T.float().repeat(rounds, 1)
    some = members.any(1)
    back = cross_entropy(logits.flatten(1).T[some], members[some] / members[some].sum(1, keepdim=True))
    return (there + back) / 2


def sense_loss(vectors: Tensor, teacher: Tensor, scale: float) -> Tensor:
    """Each phrase's similarities to the others must be those of the sentence encoder."""
    apart = torch.eye(len(vectors), dtype=torch.bool)
    wanted = (scale * teacher @ teacher.T).masked_fill(apart, -1e4).softmax(1)
    return cross_entropy((scale * vectors @ vectors.T).masked_fill(apart, -1e4), wanted)
