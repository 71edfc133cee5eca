"""Match queries with the classes of an image: the assignment with the lowest cost (Carion et al., ECCV 2020)."""

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
    """Weights of classes, masks and dice, in the loss and in the assignment; Mask2Former's."""

    classes: Weight = 2.0
    masks: Weight = 5.0
    dice: Weight = 5.0
    no_object: Weight = 0.1
    """Weight of "no object" among the classes."""
    sampling: PointSampling = field(default_factory=PointSampling)


@dataclass(frozen=True)
class Matches:
    """Matched queries and classes, image by image."""

    image: Int[Tensor, " match"]
    query: Int[Tensor, " match"]
    slot: Int[Tensor, " match"]
    """Position of the class in the image's targets."""


@torch.no_grad()
def match(prediction: Prediction, targets: Targets, settings: MaskLoss) -> Matches:
    """The cheapest assignment in each image; masks are compared at random points, without ignored pixels.

    Raises FloatingPointError for a cost that is not finite, as diverged weights give.
    """
    from scipy.optimize import linear_sum_assignment  # here, because a recipe is checked without it

    costs = match_costs(prediction, targets, settings)
    matches = []
    for image, all_slots in enumerate(costs.cpu()):
        cost = all_slots[:, : targets.count_slots(image)]
        if not cost.isfinite().all():
            raise FloatingPointError("the cost of matching queries with classes is no longer finite")
        query, slot = map(torch.as_tensor, linear_sum_assignment(cost))
        matches.append(torch.stack([torch.full((len(query),), image), query, slot]))
    return Matches(*torch.cat(matches, 1).to(costs.device))


def match_costs(prediction: Prediction, targets: Targets, settings: MaskLoss) -> Float[Tensor, "image query slot"]:
    """Cost of each query for each class of its image; costs of empty slots are meaningless."""
    count, device = settings.sampling.points, prediction.masks.device
    points = torch.cat([torch.rand(1, count, 2, device=device) for _ in range(len(targets))])
    logits = sample_at(prediction.masks.float(), points)
    truth = sample_at(targets.masks, points)
    counts = torch.ones_like(truth[:, :1])
    if targets.ignored is not None:
        counts = (sample_at(targets.ignored, points) == 0).float()
    truth = truth * counts
    number = counts.sum(2, keepdim=True).clamp(min=1)
    cross_entropy = ((F.softplus(logits) * counts).sum(2, keepdim=True) - logits @ truth.mT) / number
    masks = logits.sigmoid() * counts
    dice = 1 - (2 * masks @ truth.mT + 1) / (masks.sum(2)[:, :, None] + truth.sum(2)[:, None] + 1)
    classes = targets.classes.clamp(min=0)[:, None].expand(-1, logits.shape[1], -1)
    probability = prediction.classes.float().softmax(2).gather(2, classes)
    return settings.masks * cross_entropy - settings.classes * probability + settings.dice * dice
