"""CFF, cross-modal feature fusion: queries attend to each other, then to the image's coarsest features.

Reconstructed from the paper's two sentences: attention among the texts "to suppress redundant expression", then
cross-attention that aligns them with high-level image features.
"""

from jaxtyping import Float
from torch import Tensor, nn

from geoglot.models.segclip.attention import Attention, FeedForward, Queries, sine_positions, to_tokens
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
        query_pos: Queries,
        memory: Float[Tensor, "image pixel width"],
        memory_pos: Float[Tensor, "1 pixel width"],
    ) -> Queries:
        query = tokens + query_pos
        tokens = self.self_attention(tokens, query, query, tokens)
        tokens = self.cross_attention(tokens, tokens + query_pos, memory + memory_pos, memory)
        fed: Tensor = self.feed_forward(tokens)
        return fed


class Fuse(nn.Module):
    """Fusion layers over image features of `channels`."""

    def __init__(self, config: SegClipConfig, channels: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(channels, config.width, 1)
        self.layers = nn.ModuleList(FusionLayer(config) for _ in range(config.fusion.layers))

    def forward(
        self, tokens: Queries, query_pos: Queries, features: Float[Tensor, "image channel rows cols"]
    ) -> Queries:
        projected = self.projection(features)
        memory, memory_pos = to_tokens(projected), sine_positions(projected)
        for layer in self.layers:
            tokens = layer(tokens, query_pos, memory, memory_pos)
        return tokens
