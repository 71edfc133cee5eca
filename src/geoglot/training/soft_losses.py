"""Losses against the probabilities of a teacher: cross-entropy, Lovász and Dice, over the pixels that count.

Their sum with equal weights is that of Zero-OVCD (Peng et al. 2026), which learns from such labels as well.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from geoglot.aliases import Weight
from geoglot.errors import InputError


@dataclass(frozen=True)
class SoftLoss:
    """Weights of the losses, which are added up."""

    cross_entropy: Weight = 1.0
    lovasz: Weight = 1.0
    dice: Weight = 1.0

    def __post_init__(self) -> None:
        if not (self.cross_entropy or self.lovasz or self.dice):
            raise InputError("one of loss.cross_entropy, loss.lovasz and loss.dice must be above 0")


def soft_losses(
    logits: Float[Tensor, "crop class rows cols"],
    shares: Float[Tensor, "crop class rows cols"],
    counts: Bool[Tensor, "crop rows cols"],
    settings: SoftLoss,
) -> dict[str, Float[Tensor, ""]]:
    """Weighted losses by name; `shares` are the teacher's probabilities. All are 0 where no pixel counts."""
    logits, shares = (part.movedim(1, -1)[counts] for part in (logits.float(), shares))
    probabilities = logits.softmax(1)
    losses = {
        "cross_entropy": lambda: soft_cross_entropy(logits, shares),
        "lovasz": lambda: lovasz_softmax(probabilities, shares.argmax(1)),
        "dice": lambda: soft_dice(probabilities, shares),
    }
    wanted = {name: getattr(settings, name) for name in losses if getattr(settings, name)}
    return {name: weight * (losses[name]() if len(logits) else logits.sum()) for name, weight in wanted.items()}


def soft_cross_entropy(logits: Float[Tensor, "pixel class"], shares: Float[Tensor, "pixel class"]) -> Float[Tensor, ""]:
    """Mean cross-entropy with probabilities as targets."""
    return F.cross_entropy(logits, shares)


def lovasz_softmax(probabilities: Float[Tensor, "pixel class"], labels: Int[Tensor, " pixel"]) -> Float[Tensor, ""]:
    """The Lovász extension of 1 - IoU, mean over the classes that are there (Berman et al., CVPR 2018, section 3)."""
    losses = []
    for kind in torch.unique(labels):
        here = (labels == kind).float()
        errors, order = (here - probabilities[:, kind]).abs().sort(descending=True)
        here = here[order]
        union = here.sum() + (1 - here).cumsum(0)
        jaccard = 1 - (here.sum() - here.cumsum(0)) / union
        steps = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
        losses.append((errors * steps).sum())
    return torch.stack(losses).mean()


def soft_dice(probabilities: Float[Tensor, "pixel class"], shares: Float[Tensor, "pixel class"]) -> Float[Tensor, ""]:
    """1 - Dice of probabilities, mean over the classes that are the best of some pixel (V-Net: Milletari, 2016)."""
    there = torch.unique(shares.argmax(1))
    both = (probabilities * shares).sum(0)
    total = probabilities.square().sum(0) + shares.square().sum(0)
    return (1 - 2 * both / total)[there].mean()
