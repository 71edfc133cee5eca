"""The losses of matched and of guided queries, summed over all predictions of the decoder.

This is Mask2Former's loss (Cheng et al., CVPR 2022) as transformers computes it, except that ignored pixels do not
count. In Mask2Former they are background of every mask.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from geoglot.models.segclip.segclip import Prediction
from geoglot.models.segclip.targets import Targets
from geoglot.training.matching import MaskLoss, Matches, match
from geoglot.training.points import sample_at, uncertain_points
from geoglot.training.processes import mean_over_processes

Losses = Mapping[str, Float[Tensor, ""]]
_LEAST = 1e-6  # weight that a mean is divided by


def mask_losses(predictions: Sequence[Prediction], targets: Targets, settings: MaskLoss) -> Losses:
    """Class, mask and dice loss of matched queries, weighted and summed over predictions."""
    number = _mean_count((targets.classes >= 0).sum(1).clamp(max=predictions[-1].classes.shape[1]))
    last_first = [predictions[-1], *predictions[:-1]]  # the order in which transformers draws its points
    losses = [_matched_losses(prediction, targets, settings, number) for prediction in last_first]
    return _sum_weighted(losses, settings)


def guided_losses(predictions: Sequence[Prediction], targets: Targets, settings: MaskLoss) -> Losses:
    """The same losses of guided queries, which need no matching; empty slots do not count.

    `targets` repeats its slots once for each group.
    """
    present = targets.classes >= 0
    image, slot = torch.nonzero(present, as_tuple=True)
    matches, used, number = Matches(image, slot, slot), present.float(), _mean_count(present.sum(1))
    classes = targets.classes.clamp(min=0)
    losses = [
        {"class": class_loss(guess, classes, used), **pixel_losses(guess, matches, targets, settings, number)}
        for guess in predictions
    ]
    return _sum_weighted(losses, settings, "guided_")


def loss_sizes(present: Bool[Tensor, "image class"], queries: int, groups: int, settings: MaskLoss) -> Losses:
    """What each loss of a batch is divided by, from the classes that its images have; `groups` is 0 without guidance.

    A part of a batch adds its loss times its own size, as a share of the whole's, to the loss of the whole.
    """
    matched, slots = present.sum(1).clamp(max=queries), groups * present.sum(1)
    rest = (queries - matched) * present.any(1)  # an image without labels says nothing, not even "no object"
    number, guided = _mean_count(matched), _mean_count(slots)
    classes = (matched + settings.no_object * rest).sum().clamp(min=_LEAST)
    sizes = {"class": classes, "mask": number, "dice": number}
    told = {"guided_class": slots.sum().float().clamp(min=_LEAST), "guided_mask": guided, "guided_dice": guided}
    return sizes | told if groups else sizes


def _mean_count(counts: Int[Tensor, " image"]) -> Float[Tensor, ""]:
    """Sum over images, as its mean over processes; 1 for none."""
    return mean_over_processes(int(counts.sum()), counts.device).clamp(min=1)


def _matched_losses(prediction: Prediction, targets: Targets, settings: MaskLoss, number: Float[Tensor, ""]) -> Losses:
    matches = match(prediction, targets, settings)
    no_object = targets.class_count
    classes = torch.full(prediction.classes.shape[:2], no_object, device=prediction.classes.device)
    classes[matches.image, matches.query] = targets.classes[matches.image, matches.slot]
    weight = torch.where(classes == no_object, settings.no_object, 1.0) * targets.valid.flatten(1).any(1)[:, None]
    return {
        **pixel_losses(prediction, matches, targets, settings, number),
        "class": class_loss(prediction, classes, weight),
    }


def class_loss(
    prediction: Prediction, classes: Int[Tensor, "image query"], weight: Float[Tensor, "image query"]
) -> Float[Tensor, ""]:
    """Weighted mean of the cross-entropies; 0 if all weights are 0."""
    losses = F.cross_entropy(prediction.classes.float().mT, classes, reduction="none")
    return (losses * weight).sum() / weight.sum().clamp(min=_LEAST)


def pixel_losses(
    prediction: Prediction, matches: Matches, targets: Targets, settings: MaskLoss, number: Float[Tensor, ""]
) -> Losses:
    """Cross-entropy and dice of each matched mask at its own points, summed and divided by `number`, which is the mean
    count of matches over processes, or 1.
    """
    masks = prediction.masks[matches.image, matches.query].float()
    ignored = None if targets.ignored is None else targets.ignored[matches.image, 0]
    points = uncertain_points(masks.detach(), ignored, settings.sampling)
    truth = sample_at(targets.masks[matches.image, matches.slot][:, None], points)[:, 0]
    logits = sample_at(masks[:, None], points)[:, 0]
    counts = torch.ones_like(truth) if ignored is None else (sample_at(ignored[:, None], points)[:, 0] == 0).float()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, truth, weight=counts, reduction="none")
    probability, truth = logits.sigmoid() * counts, truth * counts
    dice = 1 - (2 * (probability * truth).sum(1) + 1) / (probability.sum(1) + truth.sum(1) + 1)
    return {
        "mask": (cross_entropy.sum(1) / counts.sum(1).clamp(min=1)).sum() / number,
        "dice": dice.sum() / number,
    }


def _sum_weighted(losses: Sequence[Losses], settings: MaskLoss, prefix: str = "") -> Losses:
    weights = {"class": settings.classes, "mask": settings.masks, "dice": settings.dice}
    return {f"{prefix}{name}": w * torch.stack([loss[name] for loss in losses]).sum() for name, w in weights.items()}
