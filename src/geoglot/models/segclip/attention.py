"""Attention of queries to each other and to an image, with post-norm as in DETR."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

Queries = Float[Tensor, "image query width"]
Keys = Float[Tensor, "image key width"]
#: True where a query may attend
AttentionMask = Bool[Tensor, "image query key"]


class Attention(nn.Module):
    """Multi-head attention with its residual and LayerNorm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))
        self.norm = nn.LayerNorm(width)
        for linear in (self.q_proj, self.k_proj, self.v_proj, self.out_proj):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(
        self, tokens: Queries, query: Queries, key: Keys, value: Keys, attn_mask: AttentionMask | None = None
    ) -> Queries:
        """Attend from `query` to `key`, which include positions, and add the mixed values to `tokens`."""
        parts = (self.q_proj(query), self.k_proj(key), self.v_proj(value))
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        mask = None if attn_mask is None else attn_mask[:, None]
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
        normed: Tensor = self.norm(tokens + self.out_proj(mixed))
        return normed


class FeedForward(nn.Module):
    """Two linear layers with their residual and LayerNorm."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(width)
        for linear in (self.fc1, self.fc2):
            nn.init.xavier_uniform_(linear.weight)

    def forward(self, tokens: Queries) -> Queries:
        normed: Tensor = self.norm(tokens + self.fc2(self.fc1(tokens).relu()))
        return normed


class MLP(nn.Sequential):
    """Linear layers with ReLU between them."""

    def __init__(self, *widths: int) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        super().__init__(*layers[:-1])


def sine_positions(features: Float[Tensor, "image width rows cols"]) -> Float[Tensor, "1 place width"]:
    """Sines of the relative row and column of each pixel, row by row (Carion et al., ECCV 2020, appendix A.4)."""
    (width, rows, cols), device = features.shape[1:], features.device
    half = width // 2
    index = torch.arange(half, device=device)
    period = 10_000 ** (2 * (index // 2) / half)
    axes = []
    for side in (rows, cols):
        place = torch.arange(1, side + 1, device=device, dtype=torch.float32)
        angle = (place / (side + 1e-6) * 2 * math.pi)[:, None] / period
        axes.append(torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], dim=2).flatten(1))
    down, right = axes
    grid = torch.cat([down[:, None].expand(-1, cols, -1), right[None].expand(rows, -1, -1)], dim=2)
    return grid.flatten(0, 1)[None]


def to_tokens(features: Float[Tensor, "image width rows cols"]) -> Float[Tensor, "image place width"]:
    """Flatten a feature map, row by row."""
    return features.flatten(2).mT
