"""The masked-attention decoder (Cheng et al., CVPR 2022): queries look where they last saw their mask.

Its weights are those of transformers' Mask2Former under other names (see `mask2former.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from geoglot.models.segclip.attention import MLP, Attention, FeedForward, Queries, positions, tokens_of
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.guidance import Guided
from geoglot.models.segclip.pixel_decoder import LEVELS, PixelFeatures


@dataclass(frozen=True)
class Decoded:
    """Queries and masks of one head; the first `guided` queries are the ground truth's, in training alone."""

    queries: Float[Tensor, "image query width"]
    masks: Float[Tensor, "image query rows4 cols4"]
    """Logits."""


class DecoderLayer(nn.Module):
    """Masked cross-attention, self-attention, feed-forward."""

    def __init__(self, config: SegClipConfig) -> None:
        super().__init__()
        self.cross_attention = Attention(config.width, config.heads)
        self.self_attention = Attention(config.width, config.heads)
        self.feed_forward = FeedForward(config.width, config.feed_forward)

    def forward(
        self,
        tokens: Queries,
        places: Queries,
        image: tuple[Float[Tensor, "image place width"], Float[Tensor, "1 place width"]],
        sight: tuple[Bool[Tensor, "image query place"], Bool[Tensor, "image query query"] | None],
    ) -> Queries:
        """`image`: features and their positions. `sight`: of image places, and of other queries."""
        features, where = image
        tokens = self.cross_attention(tokens, tokens + places, features + where, features, sight[0])
        asked = tokens + places
        tokens = self.self_attention(tokens, asked, asked, tokens, sight[1])
        fed: Tensor = self.feed_forward(tokens)
        return fed


class MaskDecoder(nn.Module):
    """Layers over strides 32, 16, 8 in turn, with a prediction before the first and after each."""

    def __init__(self, config: SegClipConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))
        self.level = nn.Embedding(LEVELS, config.width)
        self.norm = nn.LayerNorm(config.width)
        self.mask_embedding = MLP(*(config.width,) * 4)

    def forward(self, tokens: Queries, places: Queries, seen: PixelFeatures, guided: Guided | None) -> list[Decoded]:
        """All heads, the last one last."""
        levels = [
            (tokens_of(one) + weight, positions(one))
            for one, weight in zip(seen.levels, self.level.weight, strict=True)
        ]
        true = [guided.true_attn_mask(one) for one in seen.levels] if guided is not None else []
        heads = [self._head(tokens, seen)]
        for index, layer in enumerate(self.layers):
            level = index % LEVELS
            sight = looks(heads[-1].masks, seen.levels[level])
            if guided is not None:
                sight = guided.replace_attn_mask(sight, true[level], index)
            tokens = layer(tokens, places, levels[level], (sight, guided.query_attn_mask if guided else None))
            heads.append(self._head(tokens, seen))
        return heads

    def _head(self, tokens: Queries, seen: PixelFeatures) -> Decoded:
        normed = self.norm(tokens)
        masks = (self.mask_embedding(normed) @ seen.pixels.flatten(2)).unflatten(2, seen.pixels.shape[2:])
        return Decoded(normed, masks)


def looks(
    masks: Float[Tensor, "image query rows4 cols4"], level: Float[Tensor, "image width rows cols"]
) -> Bool[Tensor, "image query place"]:
    """Where a query's mask is more likely than not; everywhere for a query whose mask is empty."""
    small = F.interpolate(masks.detach(), level.shape[-2:], mode="bilinear", align_corners=False)
    inside = (small >= 0).flatten(2)
    return inside | ~inside.any(2, keepdim=True)
