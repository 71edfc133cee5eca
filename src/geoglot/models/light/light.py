"""A light segmenter: EfficientNet-Lite0 and a small feature pyramid, 3.0 million parameters for any number of bands.

The encoder is mini's (`models/mini/efficientnet.py`), so that a student can start from what mini has learned to see.
The decoder is a feature pyramid (Lin et al., CVPR 2017) whose sum is filtered at stride 4.
"""

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.aliases import Count
from geoglot.models.mini.efficientnet import PYRAMID, ConvNorm, EfficientNetLite0, fuse_norms

_MOMENTUM = 0.1  # of the batch norms, which trainings of some hundred steps must follow


@dataclass(frozen=True)
class LightConfig:
    """Settings of a light segmenter."""

    width: Count = 96
    """Channels of the decoder."""


class Light(nn.Module):
    """Logits of every fourth pixel; sides of the input are multiples of 32."""

    def __init__(self, config: LightConfig, classes: int, bands: int = 3) -> None:
        super().__init__()
        width = config.width
        self.encoder = EfficientNetLite0(bands)
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in PYRAMID)
        self.merge = nn.Sequential(*(layer for _ in range(2) for layer in _separable(width)))
        self.classify = nn.Conv2d(width, classes, 1)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = _MOMENTUM

    def scores(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile class rows4 cols4"]:
        """Logits; pixels are normalised. With the channels of a pixel side by side, a step takes a third less time."""
        levels = self.encoder.pyramid(pixels.contiguous(memory_format=torch.channels_last))
        above: Tensor = self.lateral[3](levels[3])
        for lateral, level in zip(reversed(self.lateral[:3]), reversed(levels[:3]), strict=True):
            enlarged = F.interpolate(above, scale_factor=2, mode="bilinear", align_corners=False)
            above = lateral(level) + enlarged
        logits: Tensor = self.classify(self.merge(above))
        return logits

    def start_from(self, encoder: EfficientNetLite0) -> None:
        """Take the weights of an encoder of RGB; those of more bands begin at zero, so that they change nothing."""
        weights = encoder.state_dict()
        first = "stem.1.weight"
        extra = self.encoder.state_dict()[first].shape[1] - weights[first].shape[1]
        weights[first] = F.pad(weights[first], (0, 0, 0, 0, 0, extra))
        self.encoder.load_state_dict(weights)

    def fused(self) -> "Light":
        """A copy for inference whose batch norms are part of its convolutions, as runtimes and quantisation want it."""
        network = copy.deepcopy(self).eval()
        fuse_norms(network)
        return network


def _separable(width: int) -> tuple[nn.Module, ...]:
    """Filter each channel, then mix them."""
    return ConvNorm(width, width, 3, groups=width), ConvNorm(width, width, 1), nn.ReLU6()
