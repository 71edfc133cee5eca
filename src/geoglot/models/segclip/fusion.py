"""CFF, cross-modal feature fusion: queries attend to each other, then to the image's coarsest features.

Reconstructed from the paper's two sentences: attention among the texts "to suppress redundant expression", then
cross-attention that aligns them with high-level image features.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from geoglot.models.segclip.attention import Attention, FeedForward, Queries, positions, tokens_of
from geoglot.models.segclip.config import SegClipConfig


class FusionLayer(nn.Module):
    """Self-attention, cross-attention, feed-forward."""

    def __init__(self, config: SegClipConfig) -> None:
        super().__init__()
        self.self_attention = Attention(config.width, config.heads)
        self.cross_attention = Attention(config.width, config.heads)
        self.feed_forward = FeedForward(config.width, config.encoder_feed_forward)

    def forward(
        self,
        tokens: Queries,
        places: Queries,
        image: Float[Tensor, "image place width"],
        image_places: Float[Tensor, "1 place width"],
    ) -> Queries:
        """Tokens that know each other and the image."""
        asked = tokens + places
        tokens = self.self_attention(tokens, asked, asked, tokens)
        tokens = self.cross_attention(tokens, tokens + places, image + image_places, image)
        fed: Tensor = self.feed_forward(tokens)
        return fed


class Fuse(nn.Module):
    """Some fusion layers over features of `channels`."""

    def __init__(self, config: SegClipConfig, channels: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(channels, config.width, 1)
        self.layers = nn.ModuleList(FusionLayer(config) for _ in range(config.fusion.layers))

    def forward(self, tokens: Queries, places: Queries, features: Float[Tensor, "image channel rows cols"]) -> Queries:
        """Queries aligned with an image."""
        image = self.projection(features)
        flat, where = tokens_of(image), positions(image)
        for layer in self.layers:
            tokens = layer(tokens, places, flat, where)
        return tokens
