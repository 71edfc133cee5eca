"""Masks at random points: losses look at some points of each mask, and more often where it is undecided.

PointRend (Kirillov et al., CVPR 2020), as Mask2Former uses it: three times as many points as wanted are drawn, of those
the least decided make up three quarters, the rest are new random ones. Random numbers are drawn in the order and
shapes of transformers' Mask2FormerLoss, so that the same seed gives the same points.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from geoglot.aliases import Count, Part

Points = Float[Tensor, "mask point 2"]
"""Column, then row, as shares of the image, 0..1."""


@dataclass(frozen=True)
class PointSampling:
    """At how many points masks are compared; Mask2Former's."""

    points: Count = 12544
    oversample: Count = 3
    undecided: Part = 0.75
    """Share of points that are where a mask is least decided."""


def sample_at(maps: Float[Tensor, "mask channel rows cols"], points: Points) -> Float[Tensor, "mask channel point"]:
    """Bilinear values; beyond the borders everything is 0."""
    return F.grid_sample(maps, 2 * points[:, :, None] - 1, align_corners=False)[..., 0]


@torch.no_grad()
def uncertain_points(
    masks: Float[Tensor, "mask rows cols"],
    ignored: Float[Tensor, "mask rows_full cols_full"] | None,
    how: PointSampling,
) -> Points:
    """Points where the logits are nearest to 0, and some anywhere; none of the former where pixels are ignored."""
    drawn = torch.rand(len(masks), how.points * how.oversample, 2, device=masks.device)
    decided = sample_at(masks[:, None], drawn)[:, 0].abs()
    if ignored is not None:
        decided = decided.masked_fill(sample_at(ignored[:, None], drawn)[:, 0] > 0, torch.inf)
    count = int(how.undecided * how.points)
    chosen = decided.topk(count, dim=1, largest=False, sorted=False).indices
    least = drawn.gather(1, chosen[:, :, None].expand(-1, -1, 2))
    return torch.cat([least, torch.rand(len(masks), how.points - count, 2, device=masks.device)], dim=1)
