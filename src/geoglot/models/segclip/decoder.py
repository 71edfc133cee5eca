"""The masked-attention decoder (Cheng et al., CVPR 2022): a query attends to the pixels of its own mask.

Its weights are those of transformers' Mask2Former under other names (see `mask2former.py`).
"""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from geoglot.models.segclip.attention import MLP, Attention, FeedForward, Queries, sine_positions, to_tokens
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.guidance import Guided
from geoglot.models.segclip.pixel_decoder import LEVELS, PixelFeatures


@dataclass(frozen=True)
class Decoded:
    """Queries and masks after one layer; in training, guided queries come first."""

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
        query_pos: Queries,
        memory: tuple[Float[Tensor, "image pixel width"], Float[Tensor, "1 pixel width"]],
        attn_masks: tuple[Bool[Tensor, "image query pixel"], Bool[Tensor, "image query query"] | None],
    ) -> Queries:
        """`memory`: image features and their positions. `attn_masks`: for the memory, and for the other queries."""
        features, memory_pos = memory
        tokens = self.cross_attention(tokens, tokens + query_pos, features + memory_pos, features, attn_masks[0])
        query = tokens + query_pos
        tokens = self.self_attention(tokens, query, query, tokens, attn_masks[1])
        fed: Tensor = self.feed_forward(tokens)
        return fed


class MaskDecoder(nn.Module):
    """Layers over strides 32, 16 and 8 in turn, with a prediction before the first and after each."""

    def __init__(self, config: SegClipConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))
        self.level = nn.Embedding(LEVELS, config.width)
        self.norm = nn.LayerNorm(config.width)
        self.mask_embedding = MLP(*(config.width,) * 4)

    def forward(
        self, tokens: Queries, query_pos: Queries, features: PixelFeatures, guided: Guided | None
    ) -> list[Decoded]:
        """Queries and masks of all layers, the last layer last."""
        memories = [
            (to_tokens(level) + weight, sine_positions(level))
            for level, weight in zip(features.levels, self.level.weight, strict=True)
        ]
        truth = [guided.true_attn_mask(level) for level in features.levels] if guided is not None else []
        decoded = [self._decode(tokens, features)]
        for index, layer in enumerate(self.layers):
            level = index % LEVELS
            attn_mask = attention_mask(decoded[-1].masks, features.levels[level])
            if guided is not None:
                attn_mask = guided.replace_attn_mask(attn_mask, truth[level], index)
            attn_masks = (attn_mask, guided.query_attn_mask if guided else None)
            tokens = layer(tokens, query_pos, memories[level], attn_masks)
            decoded.append(self._decode(tokens, features))
        return decoded

    def _decode(self, tokens: Queries, features: PixelFeatures) -> Decoded:
        queries = self.norm(tokens)
        pixels = features.mask_features
        return Decoded(queries, (self.mask_embedding(queries) @ pixels.flatten(2)).unflatten(2, pixels.shape[2:]))


def attention_mask(
    masks: Float[Tensor, "image query rows4 cols4"], level: Float[Tensor, "image width rows cols"]
) -> Bool[Tensor, "image query pixel"]:
    """Pixels of a level where a query's mask is more likely than not; all pixels for a query with an empty mask."""
    small = F.interpolate(masks.detach(), level.shape[-2:], mode="bilinear", align_corners=False)
    inside = (small >= 0).flatten(2)
    return inside | ~inside.any(2, keepdim=True)
