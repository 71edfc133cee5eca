"""The pixel decoder of multi-scale deformable attention, of the modules that transformers has."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from transformers import Mask2FormerConfig
from transformers.models.mask2former.modeling_mask2former import Mask2FormerPixelDecoder, Mask2FormerPreTrainedModel

from geoglot.models.segclip.attention import positions, tokens_of
from geoglot.models.segclip.backbone import Features
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.pixel_decoder import LEVELS, PixelFeatures


class DeformableDecoder(Mask2FormerPreTrainedModel):  # type: ignore[no-untyped-call]
    """transformers' pure-PyTorch multi-scale deformable attention (Zhu et al., ICLR 2021), always in float32.

    In half precision its sampling places are off by whole pixels on large images.
    """

    decoder: Any

    def __init__(self, config: SegClipConfig, channels: tuple[int, ...]) -> None:
        theirs = Mask2FormerConfig(
            feature_size=config.width, mask_feature_size=config.width,
            hidden_dim=config.width, num_attention_heads=config.heads, encoder_layers=config.encoder_layers,
            encoder_feedforward_dim=config.encoder_feed_forward,
        )  # fmt: skip
        super().__init__(theirs)
        self.decoder = Mask2FormerPixelDecoder(theirs, channels)
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(self, features: Features) -> PixelFeatures:
        """Their modules, called by hand: their own call keeps sizes that an exported graph would hold on to."""
        with torch.autocast(features[0].device.type, enabled=False):
            *_, finest = coarse_to_fine = [one.float() for one in features][::-1]
            levels = self._encoded(coarse_to_fine[:LEVELS])
            side: Tensor = self.decoder.adapter_1(finest)
            enlarged = F.interpolate(levels[-1], side.shape[-2:], mode="bilinear", align_corners=False)
            pixels: Tensor = self.decoder.mask_projection(self.decoder.layer_1(side + enlarged))
        return PixelFeatures(tuple(levels), pixels)

    def _encoded(self, coarse_to_fine: Features) -> Features:
        """Each level with what the others know."""
        projected = [project(one) for project, one in zip(self.decoder.input_projections, coarse_to_fine, strict=True)]
        tokens = torch.cat([tokens_of(one) for one in projected], dim=1)
        places = [positions(one) + level for one, level in zip(projected, self.decoder.level_embed, strict=True)]
        facts = {
            "position_embeddings": torch.cat(places, dim=1),
            "reference_points": torch.cat([centres(one) for one in projected], dim=1)[:, :, None].expand(
                -1, -1, LEVELS, -1
            ),
            "spatial_shapes_list": [(one.shape[2], one.shape[3]) for one in projected],
        }
        for layer in self.decoder.encoder.layers:
            tokens = layer(tokens, None, **facts)[0]
        parts = torch.split(tokens, [one.shape[2] * one.shape[3] for one in projected], dim=1)
        return [part.mT.reshape(one.shape) for part, one in zip(parts, projected, strict=True)]


def centres(features: Float[Tensor, "image width rows cols"]) -> Float[Tensor, "1 place 2"]:
    """Of the pixels of a map, row by row: column, then row, as shares of its sides."""
    across, down = (
        (torch.arange(side, device=features.device, dtype=torch.float32) + 0.5) / side
        for side in (features.shape[3], features.shape[2])
    )
    return torch.stack(torch.meshgrid(across, down, indexing="xy"), dim=2).flatten(0, 1)[None]
