"""What happens to pixels before a model sees them, as functions of tensors."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from geoglot.errors import InputError

#: Of the images that CLIP was trained on, and with them all of its children
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def normalise(
    pixels: Float[Tensor, "tile band rows cols"],
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Float[Tensor, "tile band rows cols"]:
    """Brightness 0..1 to the zero mean and unit variance that the model was trained on, band by band."""
    shape = (1, -1, 1, 1)
    return (pixels - pixels.new_tensor(mean).view(shape)) / pixels.new_tensor(std).view(shape)


def require_whole_patches(pixels: Float[Tensor, "tile band rows cols"], patch: int) -> None:
    """Refuse tiles of which a convolution would silently drop the last rows or columns."""
    rows, cols = pixels.shape[-2:]
    if rows % patch or cols % patch or not rows or not cols:
        raise InputError(f"tiles of {rows} x {cols} px do not divide into patches of {patch} px; pad them first")
