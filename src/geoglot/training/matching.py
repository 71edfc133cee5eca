"""Which query answers for which class of an image: the assignment that costs least (Carion et al., ECCV 2020)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from geoglot.aliases import Weight
from geoglot.models.segclip.segclip import Prediction
from geoglot.models.segclip.targets import Targets
from geoglot.training.points import PointSampling, sample_at


@dataclass(frozen=True)
class MaskLoss:
    """How masks and classes are judged, in the loss and in the assignment; Mask2Former's."""

    classes: Weight = 2.0
    masks: Weight = 5.0
    dice: Weight = 5.0
    no_object: Weight = 0.1
    """Weight of "no object" among the classes."""
    sampling: PointSampling = field(default_factory=PointSampling)


@dataclass(frozen=True)
class Pairs:
    """Queries and the classes that they answer for, image by image."""

    image: Int[Tensor, " pair"]
    query: Int[Tensor, " pair"]
    slot: Int[Tensor, " pair"]
    """Which class of the image's targets."""


@torch.no_grad()
def match(head: Prediction, targets: Targets, settings: MaskLoss) -> Pairs:
    """The cheapest assignment of each image, its masks compared at random points; ignored ones do not count.

    FloatingPointError where a cost is not finite, which is so when the weights have gone astray.
    """
    from scipy.optimize import linear_sum_assignment  # not before: a recipe is judged without it

    price = match_costs(head, targets, settings)
    found = []
    for image, every in enumerate(price.cpu()):
        one = every[:, : targets.slots(image)]
        if not one.isfinite().all():
            raise FloatingPointError("the cost of matching queries with classes is no longer finite")
        query, slot = linear_sum_assignment(one)
        found.append(torch.stack([torch.full((len(query),), image), torch.as_tensor(query), torch.as_tensor(slot)]))
    return Pairs(*torch.cat(found, 1).to(price.device))


def match_costs(head: Prediction, targets: Targets, settings: MaskLoss) -> Float[Tensor, "image query slot"]:
    """What each query would cost for each class of its image; empty slots mean nothing."""
    points = settings.sampling.points
    where = torch.cat([torch.rand(1, points, 2, device=head.masks.device) for _ in range(len(targets))])
    logits = sample_at(head.masks.float(), where)
    truth = sample_at(targets.masks, where)
    counts = (
        (sample_at(targets.ignored, where) == 0).float()
        if targets.ignored is not None
        else torch.ones_like(truth[:, :1])
    )
    truth = truth * counts
    number = counts.sum(2, keepdim=True).clamp(min=1)
    cross_entropy = ((F.softplus(logits) * counts).sum(2, keepdim=True) - logits @ truth.mT) / number
    shares = logits.sigmoid() * counts
    dice = 1 - (2 * shares @ truth.mT + 1) / (shares.sum(2)[:, :, None] + truth.sum(2)[:, None] + 1)
    chosen = targets.classes.clamp(min=0)[:, None].expand(-1, logits.shape[1], -1)
    probability = head.classes.float().softmax(2).gather(2, chosen)
    return settings.masks * cross_entropy - settings.classes * probability + settings.dice * dice
