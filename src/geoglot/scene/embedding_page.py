"""How the embeddings of a tile show themselves in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from geoglot.figures import format_number
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.overlay import SIDE
from geoglot.outputs.panels import to_bytes

if TYPE_CHECKING:
    from geoglot.scene.embed import Encoded

_ENDS = (0.02, 0.98)  # quantiles that become black and white
_LEAST = 1e-12  # between them: all patches may be the same


def page_of_encoded(encoded: Encoded) -> Page:
    """By what it was made, and of how many patches."""
    rows, cols = encoded.grid.shape
    metres = encoded.grid.resolution_m
    facts = {
        "patches": f"{cols:,} x {rows:,}{f', {format_number(metres)} m a side' if metres else ''}",
        "numbers": f"{len(encoded.image):,} for each patch, and for the whole tile",
    }
    return Page(f"a tile, encoded by {encoded.model}", [Table(("", ""), list(facts.items()))])


def draw_encoded(encoded: Encoded) -> Drawing:
    """The patches in colours that are alike where the embeddings are."""
    colours = main_directions(encoded.patches)
    rows, cols = encoded.grid.shape
    large = max(1, SIDE // max(rows, cols))  # pixels a side of a patch
    image = Image.fromarray(to_bytes(colours.numpy())).resize((cols * large, rows * large), Image.Resampling.NEAREST)
    grid = encoded.grid.resized((rows * large, cols * large))
    return Drawing([Picture("patches; alike embeddings have alike colours", image, grid)])


def main_directions(patches: Float[Tensor, "dim rows cols"]) -> Float[Tensor, "3 rows cols"]:
    """Where each patch lies along the three directions in which patches differ most, as red, green and blue 0..1."""
    dim, rows, cols = patches.shape
    values = patches.double().reshape(dim, -1)
    values = values - values.mean(1, keepdim=True)
    directions = torch.linalg.eigh(values @ values.T).eigenvectors[:, -3:].flip(1)
    largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
    along = (directions * largest.sign()).T @ values  # else the sign of a direction would be arbitrary
    low, high = torch.quantile(along, torch.tensor(_ENDS, dtype=along.dtype), dim=1, keepdim=True)
    scaled: Tensor = ((along - low) / (high - low).clamp(min=_LEAST)).clamp(0, 1)
    return scaled.float().reshape(-1, rows, cols)
