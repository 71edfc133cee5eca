"""The loss of mask classification, for matched queries and for guided ones, over all heads of the decoder.

Mask2Former's (Cheng et al., CVPR 2022) as transformers computes it, with one difference: pixels to ignore count for
nothing. There, and in Mask2Former, they are background of every mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from geoglot.models.segclip.segclip import Prediction
from geoglot.models.segclip.targets import Targets
from geoglot.training.matching import MaskLoss, Pairs, match
from geoglot.training.points import sample_at, uncertain_points
from geoglot.training.processes import mean_over_processes

Losses = Mapping[str, Float[Tensor, ""]]


def mask_losses(heads: Sequence[Prediction], targets: Targets, settings: MaskLoss) -> Losses:
    """Class, mask and dice loss of matched queries, each summed over heads; weighted, so that they add up."""
    queries = heads[-1].classes.shape[1]
    pairs = sum(min(queries, targets.slots(image)) for image in range(len(targets)))
    number = mean_over_processes(pairs, heads[-1].masks.device)
    last_first = [heads[-1], *heads[:-1]]  # the order in which transformers draws its points
    return _summed([_matched(head, targets, settings, number) for head in last_first], settings)


def guided_losses(heads: Sequence[Prediction], targets: Targets, settings: MaskLoss) -> Losses:
    """The same of guided queries, whose classes are known; slots without a class count for nothing.

    `targets` repeats its slots as often as there are groups.
    """
    image, slot = torch.nonzero(targets.classes >= 0, as_tuple=True)
    pairs, there = Pairs(image, slot, slot), (targets.classes >= 0).float()
    number = mean_over_processes(len(image), targets.classes.device)
    wanted = targets.classes.clamp(min=0)
    each = [
        {"class": class_loss(head, wanted, there), **pixel_losses(head, pairs, targets, settings, number)}
        for head in heads
    ]
    return _summed(each, settings, "guided_")


def _matched(head: Prediction, targets: Targets, settings: MaskLoss, number: Float[Tensor, ""]) -> Losses:
    pairs = match(head, targets, settings)
    wanted = torch.full(head.classes.shape[:2], targets.count, device=head.classes.device)
    wanted[pairs.image, pairs.query] = targets.classes[pairs.image, pairs.slot]
    weight = torch.where(wanted == targets.count, settings.no_object, 1.0) * targets.valid.flatten(1).any(1)[:, None]
    return {**pixel_losses(head, pairs, targets, settings, number), "class": class_loss(head, wanted, weight)}


def class_loss(
    head: Prediction, wanted: Int[Tensor, "image query"], weight: Float[Tensor, "image query"]
) -> Float[Tensor, ""]:
    """Weighted mean of the cross-entropies; 0 where nothing has weight."""
    each = F.cross_entropy(head.classes.float().mT, wanted, reduction="none")
    return (each * weight).sum() / weight.sum().clamp(min=1e-6)


def pixel_losses(
    head: Prediction, pairs: Pairs, targets: Targets, settings: MaskLoss, number: Float[Tensor, ""]
) -> Losses:
    """Cross-entropy and dice of each pair's mask at its own points, summed and divided by `number`, the pairs of a
    process on average.
    """
    masks = head.masks[pairs.image, pairs.query].float()
    ignored = None if targets.ignored is None else targets.ignored[pairs.image, 0]
    points = uncertain_points(masks.detach(), ignored, settings.sampling)
    truth = sample_at(targets.masks[pairs.image, pairs.slot][:, None], points)[:, 0]
    logits = sample_at(masks[:, None], points)[:, 0]
    counts = torch.ones_like(truth) if ignored is None else (sample_at(ignored[:, None], points)[:, 0] == 0).float()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, truth, weight=counts, reduction="none")
    shares, truth = logits.sigmoid() * counts, truth * counts
    dice = 1 - (2 * (shares * truth).sum(1) + 1) / (shares.sum(1) + truth.sum(1) + 1)
    return {
        "mask": (cross_entropy.sum(1) / counts.sum(1).clamp(min=1)).sum() / number.clamp(min=1),
        "dice": dice.sum() / number.clamp(min=1),
    }


def _summed(each: Sequence[Losses], settings: MaskLoss, prefix: str = "") -> Losses:
    """Over heads, each with its weight."""
    weights = {"class": settings.classes, "mask": settings.masks, "dice": settings.dice}
    return {f"{prefix}{name}": w * torch.stack([one[name] for one in each]).sum() for name, w in weights.items()}
