"""A light path from stride 16 to stride 8: what a patch of 16 pixels is too coarse for."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.models.mini.efficientnet import ConvNorm

WIDTH = 96
_BLOCKS = 3


class _Mixer(nn.Module):
    """A large kernel for each channel, then a hidden layer for each cell; added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.filter = ConvNorm(width, width, 5, groups=width)
        self.widen = ConvNorm(width, 2 * width, 1)
        self.project = ConvNorm(2 * width, width, 1)

    def forward(self, x: Float[Tensor, "tile width rows8 cols8"]) -> Float[Tensor, "tile width rows8 cols8"]:
        mixed: Tensor = x + self.project(F.relu6(self.widen(self.filter(x)), inplace=True))
        return mixed


class FinePath(nn.Module):
    """What is added to the embeddings of patches at stride 8, from features at strides 4 and 8 and the patches."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.edges = ConvNorm(24, WIDTH, 3, stride=2)
        self.detail = ConvNorm(40, WIDTH, 1)
        self.above = ConvNorm(dim, WIDTH, 1)
        self.context = nn.Conv2d(WIDTH, WIDTH, 1)
        self.mix = nn.Sequential(*[_Mixer(WIDTH) for _ in range(_BLOCKS)])
        self.change = nn.Conv2d(WIDTH, dim, 1)
        for start in (*self.context.parameters(), *self.change.parameters()):
            nn.init.zeros_(start)

    def forward(
        self,
        quarter: Float[Tensor, "tile 24 rows4 cols4"],
        eighth: Float[Tensor, "tile 40 rows8 cols8"],
        patches: Float[Tensor, "tile dim rows16 cols16"],
    ) -> Float[Tensor, "tile dim rows8 cols8"]:
        """Unit embeddings at stride 8."""
        return self.embed(patches, self.features(quarter, eighth, patches))

    def features(
        self,
        quarter: Float[Tensor, "tile 24 rows4 cols4"],
        eighth: Float[Tensor, "tile 40 rows8 cols8"],
        patches: Float[Tensor, "tile dim rows16 cols16"],
    ) -> Float[Tensor, "tile width rows8 cols8"]:
        """What the three strides say together, and with the mean over the tile: a drone's roof is no satellite's."""
        joined = F.relu6(self.edges(quarter) + self.detail(eighth) + _enlarge(self.above(patches)))
        mixed: Tensor = self.mix(joined + self.context(joined.mean((2, 3), keepdim=True)))
        return mixed

    def embed(
        self, patches: Float[Tensor, "tile dim rows16 cols16"], features: Float[Tensor, "tile width rows8 cols8"]
    ) -> Float[Tensor, "tile dim rows8 cols8"]:
        """Unit embeddings: those of the enlarged patches, changed by the features."""
        return F.normalize(_enlarge(F.normalize(patches, dim=1)) + self.change(features), dim=1)


def _enlarge(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
