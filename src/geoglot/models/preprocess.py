"""Normalise pixels and check their size before they enter a model."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from geoglot.errors import InputError

#: Statistics of CLIP's training images, used by all models derived from it
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def normalise(
    pixels: Float[Tensor, "tile band rows cols"],
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Float[Tensor, "tile band rows cols"]:
    """Brightness 0..1 to zero mean and unit variance, band by band."""
    shape = (1, -1, 1, 1)
    return (pixels - pixels.new_tensor(mean).view(shape)) / pixels.new_tensor(std).view(shape)


def require_whole_patches(pixels: Float[Tensor, "tile band rows cols"], patch: int) -> None:
    """Raise InputError for tiles whose last rows or columns a convolution would silently drop."""
    rows, cols = pixels.shape[-2:]
    if rows % patch or cols % patch or not rows or not cols:
        raise InputError(f"tiles of {rows} x {cols} px do not divide into patches of {patch} px; pad them first")
