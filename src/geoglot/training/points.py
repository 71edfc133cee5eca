"""Compare masks at random points, most of them where the mask is uncertain.

From PointRend (Kirillov et al., CVPR 2020), as Mask2Former uses it: three times as many points are drawn as needed; the
least certain make up three quarters of the result, the rest is drawn anew. Random numbers are drawn in the order and
shapes of transformers' Mask2FormerLoss, so that the same seed gives the same points.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from geoglot.aliases import Count, Part

Points = Float[Tensor, "mask point 2"]
"""(column, row) as shares of the image, 0..1."""


@dataclass(frozen=True)
class PointSampling:
    """Number of points at which masks are compared; Mask2Former's."""

    points: Count = 12544
    oversample: Count = 3
    undecided: Part = 0.75
    """Share of points that lie where the mask is least certain."""


def sample_at(maps: Float[Tensor, "mask channel rows cols"], points: Points) -> Float[Tensor, "mask channel point"]:
    """Bilinear values at points; 0 outside the map."""
    return F.grid_sample(maps, 2 * points[:, :, None] - 1, align_corners=False)[..., 0]


@torch.no_grad()
def uncertain_points(
    masks: Float[Tensor, "mask rows cols"],
    ignored: Float[Tensor, "mask rows_full cols_full"] | None,
    how: PointSampling,
) -> Points:
    """Points with logits nearest to 0 outside ignored pixels, and random points anywhere."""
    drawn = torch.rand(len(masks), how.points * how.oversample, 2, device=masks.device)
    certainty = sample_at(masks[:, None], drawn)[:, 0].abs()
    if ignored is not None:
        certainty = certainty.masked_fill(sample_at(ignored[:, None], drawn)[:, 0] > 0, torch.inf)
    count = int(how.undecided * how.points)
    chosen = certainty.topk(count, dim=1, largest=False, sorted=False).indices
    least_certain = drawn.gather(1, chosen[:, :, None].expand(-1, -1, 2))
    return torch.cat([least_certain, torch.rand(len(masks), how.points - count, 2, device=masks.device)], dim=1)
