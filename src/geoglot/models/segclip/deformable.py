"""The pixel decoder with multi-scale deformable attention, from the modules of transformers."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from transformers import Mask2FormerConfig
from transformers.models.mask2former.modeling_mask2former import Mask2FormerPixelDecoder, Mask2FormerPreTrainedModel

from geoglot.models.segclip.attention import sine_positions, to_tokens
from geoglot.models.segclip.backbone import Features
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.pixel_decoder import LEVELS, PixelFeatures


class DeformableDecoder(Mask2FormerPreTrainedModel):  # type: ignore[no-untyped-call]
    """transformers' pure-PyTorch multi-scale deformable attention (Zhu et al., ICLR 2021), always in float32.

    In half precision its sampling points are off by whole pixels on large images.
    """

    decoder: Any

    def __init__(self, config: SegClipConfig, channels: tuple[int, ...]) -> None:
        settings = Mask2FormerConfig(
            feature_size=config.width, mask_feature_size=config.width,
            hidden_dim=config.width, num_attention_heads=config.heads, encoder_layers=config.encoder_layers,
            encoder_feedforward_dim=config.encoder_feed_forward,
        )  # fmt: skip
        super().__init__(settings)
        self.decoder = Mask2FormerPixelDecoder(settings, channels)
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(self, features: Features) -> PixelFeatures:
        """Call the modules one by one: transformers' own call stores sizes, which an exported graph would keep."""
        with torch.autocast(features[0].device.type, enabled=False):
            *_, finest = coarse_to_fine = [level.float() for level in features][::-1]
            levels = self._encode(coarse_to_fine[:LEVELS])
            side: Tensor = self.decoder.adapter_1(finest)
            upsampled = F.interpolate(levels[-1], side.shape[-2:], mode="bilinear", align_corners=False)
            pixels: Tensor = self.decoder.mask_projection(self.decoder.layer_1(side + upsampled))
        return PixelFeatures(tuple(levels), pixels)

    def _encode(self, coarse_to_fine: Features) -> Features:
        projected = [
            project(level) for project, level in zip(self.decoder.input_projections, coarse_to_fine, strict=True)
        ]
        tokens = torch.cat([to_tokens(level) for level in projected], dim=1)
        positions = [
            sine_positions(level) + embedding
            for level, embedding in zip(projected, self.decoder.level_embed, strict=True)
        ]
        inputs = {
            "position_embeddings": torch.cat(positions, dim=1),
            "reference_points": torch.cat([centres(level) for level in projected], dim=1)[:, :, None].expand(
                -1, -1, LEVELS, -1
            ),
            "spatial_shapes_list": [(level.shape[2], level.shape[3]) for level in projected],
        }
        for layer in self.decoder.encoder.layers:
            tokens = layer(tokens, None, **inputs)[0]
        parts = torch.split(tokens, [level.shape[2] * level.shape[3] for level in projected], dim=1)
        return [part.mT.reshape(level.shape) for part, level in zip(parts, projected, strict=True)]


def centres(features: Float[Tensor, "image width rows cols"]) -> Float[Tensor, "1 pixel 2"]:
    """Pixel centres of a map, row by row: (column, row) as shares of its sides."""
    across, down = (
        (torch.arange(side, device=features.device, dtype=torch.float32) + 0.5) / side
        for side in (features.shape[3], features.shape[2])
    )
    return torch.stack(torch.meshgrid(across, down, indexing="xy"), dim=2).flatten(0, 1)[None]
