"""Fit pictures to the size of a model, and embed them."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from geoglot.aliases import Progress
from geoglot.datasets.image_files import Picture
from geoglot.errors import ModelError
from geoglot.models.base import VisionLanguageModel
from geoglot.models.graft import shown_patches
from geoglot.scene.embed import compute, embed, pad

Fit = Literal["mirror", "black", "resize"]


def fit(pixels: Float[Tensor, "3 rows cols"], side: int, how: Fit) -> Float[Tensor, "3 side side"]:
    """A picture as a square of the model's size.

    mirror: as in `geoglot classify`, a small picture keeps its ground resolution and is mirrored to the right and
    below; a large picture is shrunk until it fits. black: the same in the middle of a black square (CrossSO's padding
    for GRAFT). resize: scale the shorter side to the model's size, bicubic, then crop the centre (CLIP).
    """
    if how == "resize":
        scaled = _scale(pixels, side / min(pixels.shape[1:]), "bicubic")
        top, left = ((length - side) // 2 for length in scaled.shape[1:])
        return scaled[:, top : top + side, left : left + side]
    longest = max(pixels.shape[1:])
    small = _scale(pixels, side / longest, "bilinear") if longest > side else pixels
    if how == "mirror":
        return torch.from_numpy(pad(small.numpy(), side, side))
    rows, cols = (side - length for length in small.shape[1:])
    return F.pad(small, (cols // 2, cols - cols // 2, rows // 2, rows - rows // 2))


def _scale(pixels: Tensor, factor: float, mode: str) -> Tensor:
    shape = [max(1, round(length * factor)) for length in pixels.shape[1:]]
    return F.interpolate(pixels[None], shape, mode=mode, antialias=True)[0].clamp(0, 1)


def encode_pictures(
    model: VisionLanguageModel, pictures: Sequence[Picture], how: Fit, batch: int, progress: Progress | None = None
) -> Float[Tensor, "sample dim"]:
    """A unit vector per picture, on the CPU."""
    chips = (fit(torch.from_numpy(read()), model.card.tile_size, how).numpy() for read in pictures)

    def advance(done: int) -> None:
        if progress:
            progress("pictures", done, len(pictures))

    embeddings, failed = embed(model, chips, batch=batch, advance=advance)
    if failed:
        raise ModelError(f"{model.card.name}: {next(iter(failed.values()))}; try --device cpu")
    return torch.from_numpy(embeddings)


@torch.inference_mode()
def best_patches(
    model: VisionLanguageModel,
    pictures: Sequence[Picture],
    texts: Float[Tensor, "text dim"],
    how: Fit,
    batch: int,
    progress: Progress | None = None,
) -> Float[Tensor, "sample text"]:
    """The highest cosine of a patch of each picture with each text; patches that are all black do not count."""
    rows, patch = list[Tensor](), model.card.patch_size
    for first in range(0, len(pictures), batch):
        chips = [fit(torch.from_numpy(read()), model.card.tile_size, how) for read in pictures[first : first + batch]]
        seen = compute(lambda pixels: model.encode_patches(pixels.to(model.device)).float(), [c.numpy() for c in chips])
        for patches, shown in zip(seen, shown_patches(torch.stack(chips), patch), strict=True):
            if isinstance(patches, str):
                raise ModelError(f"{model.card.name}: {patches}; try --device cpu")
            rows.append((texts @ torch.from_numpy(patches)[:, shown]).amax(1))
        if progress:
            progress("pictures", len(rows), len(pictures))
    return torch.stack(rows)
