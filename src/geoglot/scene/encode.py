"""The embeddings of one tile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.models.base import VisionLanguageModel
from geoglot.sources.tile import Tile


@dataclass(frozen=True, repr=False)
class Encoded:
    """Embeddings of a tile."""

    image: Float[Tensor, " dim"]
    """Unit vector of the whole tile."""
    patches: Float[Tensor, "dim patch_rows patch_cols"]
    """Unit vector of each patch."""
    grid: Grid
    """Grid of the patches, one pixel each."""
    model: str
    """Name of the model. Embeddings of different models do not compare."""

    def __repr__(self) -> str:
        return f"Encoded(by {self.model}, {self.grid.shape} patches of {len(self.image)} numbers)"

    def scores(self, texts: Float[Tensor, "text dim"]) -> Float[Tensor, "text patch_rows patch_cols"]:
        """Cosine of every patch with every text vector."""
        if texts.shape[1] != len(self.patches):
            raise InputError(f"the texts have {texts.shape[1]} dimensions, the patches {len(self.patches)}")
        return torch.einsum("drc,td->trc", self.patches, texts)


@torch.inference_mode()
def encode(tile: Tile, model: VisionLanguageModel) -> Encoded:
    """Embed one tile, padded (never stretched) to whole patches and to at least the trained size.

    For a tile that fits in memory; `segment` and `classify` stream rasters of any size.
    """
    card = model.card
    padded = torch.from_numpy(pad(tile.pixels, card.patch_size, card.tile_size))[None]
    grid = tile.grid.coarser(card.patch_size)
    rows, cols = grid.shape
    patches = model.encode_patches(padded)[0, :, :rows, :cols]
    return Encoded(model.encode_image(padded)[0].cpu(), patches.cpu(), grid, card.name)


def pad(
    pixels: Float[np.ndarray, "band rows cols"], patch: int, least: int
) -> Float[np.ndarray, "band padded_rows padded_cols"]:
    """Mirror pixels to the right and below, to whole patches and at least `least` pixels a side."""
    rows, cols = (max(least, -(-side // patch) * patch) - side for side in pixels.shape[1:])
    return np.pad(pixels, ((0, 0), (0, rows), (0, cols)), mode="symmetric")
