"""What pulls the towers together: captions and images, names and images, and the sense of language."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def shared(own: Tensor, alike: Tensor, share: float) -> Tensor:
    """Targets (row, column) that sum to one a row: `share` for what is own, the rest by likeness."""
    return share * own / own.sum(1, keepdim=True) + (1 - share) * alike


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over the rows of a soft target."""
    return -(target * logits.log_softmax(1)).sum(1).mean()


def caption_loss(logits: Tensor, own: Tensor, likeness: Tensor, softness: float, share: float) -> Tensor:
    """Both directions of images against captions.

    `own` (image, caption) says which captions are an image's, `likeness` how alike the sentence encoder finds its
    captions and this one; over `softness` they share what `share` leaves.
    """
    there = cross_entropy(logits, shared(own, (likeness / softness).softmax(1), share))
    back = cross_entropy(logits.T, shared(own.T, (likeness.T / softness).softmax(1), share))
    return (there + back) / 2


def best_loss(logits: Tensor, own: Tensor) -> Tensor:
    """Images against captions, any of an image's own: retrieval counts its best (Miech et al. 2020)."""
    return -(logits.log_softmax(1).masked_fill(own == 0, -1e4)).logsumexp(1).mean()


def name_loss(logits: Tensor, classes: Tensor, smoothing: float) -> Tensor:
    """Images against names of every class, logits (image, round, class); all images of a class share its names."""
    rounds, count = logits.shape[1:]
    there = F.cross_entropy(logits.flatten(0, 1), classes.repeat_interleave(rounds), label_smoothing=smoothing)
    members = F.one_hot(classes, count).T.float().repeat(rounds, 1)
    some = members.any(1)
    back = cross_entropy(logits.flatten(1).T[some], members[some] / members[some].sum(1, keepdim=True))
    return (there + back) / 2


def sense_loss(vectors: Tensor, teacher: Tensor, scale: float) -> Tensor:
    """Among many phrases, each one's neighbours are those that the sentence encoder gives it."""
    apart = torch.eye(len(vectors), dtype=torch.bool)
    wanted = (scale * teacher @ teacher.T).masked_fill(apart, -1e4).softmax(1)
    return cross_entropy((scale * vectors @ vectors.T).masked_fill(apart, -1e4), wanted)
