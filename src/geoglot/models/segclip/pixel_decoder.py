"""From features at four strides to maps that queries attend to, and an embedding of every fourth pixel."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.models.segclip.backbone import Features
from geoglot.models.segclip.config import SegClipConfig

LEVELS = 3


@dataclass(frozen=True)
class PixelFeatures:
    """An image as the mask decoder reads it."""

    levels: tuple[Float[Tensor, "image _ _ _"], ...]
    """Strides 32, 16, 8."""
    mask_features: Float[Tensor, "image width rows4 cols4"]
    """Stride 4; its product with a mask embedding is a mask."""


class PyramidDecoder(nn.Module):
    """A feature pyramid without attention (Lin et al., CVPR 2017): faster, and weaker on large objects."""

    def __init__(self, config: SegClipConfig, channels: tuple[int, ...]) -> None:
        super().__init__()
        width = config.width
        norm = [nn.GroupNorm(32, width) for _ in range(2 * len(channels))]
        self.laterals = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channel, width, 1, bias=False), norm[index])
            for index, channel in enumerate(channels)
        )
        self.outputs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), norm[len(channels) + index], nn.ReLU())
            for index in range(len(channels))
        )
        self.mask_projection = nn.Conv2d(width, width, 1)

    def forward(self, features: Features) -> PixelFeatures:
        """Coarse to fine; each level is added to the upsampled one before."""
        levels: list[Tensor] = []
        for feature, lateral, output in zip(features[::-1], self.laterals[::-1], self.outputs[::-1], strict=True):
            level = lateral(feature)
            if levels:
                level = level + F.interpolate(levels[-1], level.shape[-2:], mode="bilinear", align_corners=False)
            levels.append(output(level))
        return PixelFeatures(tuple(levels[:LEVELS]), self.mask_projection(levels[-1]))
