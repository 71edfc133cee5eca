"""EfficientNet-Lite0 (Tan and Le 2019; the Lite variants of 2020), a trunk with features at strides 16 and 32."""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


@dataclass(frozen=True)
class Stage:
    """One row of the architecture table: equal blocks; only the first has the stride."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


STEM = 32
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
PYRAMID = (24, 40, 112, 320)
"""Channels of the features at strides 4, 8, 16 and 32."""
_STRIDE_16 = 5  # stages up to here keep stride 16
_STRIDE_4, _STRIDE_8 = 3, 5  # blocks up to here have these strides


class ConvNorm(nn.Sequential):
    """Convolution and batch norm. Padding is that of TensorFlow, where the weights come from: more right and below."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        before, odd = divmod(kernel - stride, 2)
        outside = nn.ZeroPad2d((before, before + 1, before, before + 1)) if odd else nn.Identity()
        inside = 0 if odd else before  # padding inside the convolution saves a copy
        super().__init__(
            outside,
            nn.Conv2d(inputs, outputs, kernel, stride, inside, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
        )

    def forward(self, x: Tensor) -> Tensor:
        """At inference the norm becomes a scale of the kernels and a bias: one pass over the features, not two."""
        outside, conv, norm = self[0], cast(nn.Conv2d, self[1]), cast(nn.BatchNorm2d, self[2])
        if self.training:
            normed: Tensor = norm(conv(outside(x)))
            return normed
        mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        scale = norm.weight * (variance + norm.eps).rsqrt()
        kernels, bias = conv.weight * scale[:, None, None, None], norm.bias - mean * scale
        padding = cast("tuple[int, int]", conv.padding)
        return F.conv2d(outside(x), kernels, bias, conv.stride, padding, groups=conv.groups)


class Block(nn.Module):
    """Inverted residual: expand, filter each channel, project; Lite has no squeeze-and-excite."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        inner = inputs * stage.expand
        self.expand = ConvNorm(inputs, inner, 1) if stage.expand > 1 else None
        self.filter = ConvNorm(inner, inner, stage.kernel, stride, groups=inner)
        self.project = ConvNorm(inner, stage.channels, 1)
        self.skips = stride == 1 and inputs == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        """In place where possible, because new memory costs more than the arithmetic."""
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        projected: Tensor = self.project(F.relu6(self.filter(y), inplace=True))
        return projected.add_(x) if self.skips else projected


class EfficientNetLite0(nn.Module):
    """3.0 million parameters; sides of the input are multiples of 32."""

    def __init__(self, bands: int = 3) -> None:
        super().__init__()
        self.stem = ConvNorm(bands, STEM, 3, 2)
        self.fine, self.coarse = nn.Sequential(), nn.Sequential()
        inputs = STEM
        for index, stage in enumerate(STAGES):
            part = self.fine if index < _STRIDE_16 else self.coarse
            for repeat in range(stage.repeats):
                part.append(Block(inputs, stage, stage.stride if repeat == 0 else 1))
                inputs = stage.channels

    def forward(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> tuple[Float[Tensor, "tile 112 rows16 cols16"], Float[Tensor, "tile 320 rows32 cols32"]]:
        """Features at strides 16 and 32 of normalised pixels."""
        return self.pyramid(pixels)[2:]

    def pyramid(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> tuple[
        Float[Tensor, "tile 24 rows4 cols4"],
        Float[Tensor, "tile 40 rows8 cols8"],
        Float[Tensor, "tile 112 rows16 cols16"],
        Float[Tensor, "tile 320 rows32 cols32"],
    ]:
        """Features at strides 4, 8, 16 and 32 of normalised pixels."""
        quarter = self.begin(pixels)
        return quarter, *self.go_on(quarter)

    @property
    def first(self) -> tuple[nn.Module, ...]:
        """The layers up to stride 4."""
        return self.stem, *list(self.fine)[:_STRIDE_4]

    def begin(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile 24 rows4 cols4"]:
        """Features at stride 4 of normalised pixels."""
        quarter: Tensor = self.fine[:_STRIDE_4](F.relu6(self.stem(pixels), inplace=True))
        return quarter

    def go_on(
        self, quarter: Float[Tensor, "tile 24 rows4 cols4"]
    ) -> tuple[
        Float[Tensor, "tile 40 rows8 cols8"],
        Float[Tensor, "tile 112 rows16 cols16"],
        Float[Tensor, "tile 320 rows32 cols32"],
    ]:
        """Features at strides 8, 16 and 32 from those at stride 4."""
        eighth = self.fine[_STRIDE_4:_STRIDE_8](quarter)
        sixteenth = self.fine[_STRIDE_8:](eighth)
        return eighth, sixteenth, self.coarse(sixteenth)


def fuse_norms(network: nn.Module) -> None:
    """Make batch norms a part of the convolutions before them, in place, as other runtimes and quantisation want it."""
    for name, module in list(network.named_modules()):
        if isinstance(module, ConvNorm):
            parent, _, own = name.rpartition(".")
            setattr(network.get_submodule(parent), own, _fuse(module))


@torch.no_grad()
def _fuse(layer: ConvNorm) -> nn.Sequential:
    conv, norm = cast(nn.Conv2d, layer[1]), cast(nn.BatchNorm2d, layer[2])
    return nn.Sequential(layer[0], fuse_conv_bn_eval(conv, norm))
