"""Chips and single tiles to embeddings, and embeddings to probabilities of texts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.models.base import VisionLanguageModel
from geoglot.outputs.notebook.page import Drawing, Page
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.scene.embedding_page import draw_encoded, page_of_encoded
from geoglot.sources.tile import Tile

Chip = Float[np.ndarray, "band _rows _cols"]


def compute(model: Callable[[Tensor], Tensor], chips: Sequence[Chip]) -> list[np.ndarray | str]:
    """The model's output for each chip of a batch, or the reason for its failure.

    Neighbours of one size are computed together, and one by one if that fails. Output that is not finite is a failure
    too: it would become a class like any other.
    """
    return [output for _, group in groupby(chips, np.shape) for output in _compute_one_size(model, list(group))]


def _compute_one_size(model: Callable[[Tensor], Tensor], chips: Sequence[Chip]) -> list[np.ndarray | str]:
    try:
        outputs = model(torch.from_numpy(np.stack(chips))).cpu().numpy()
    except RuntimeError as error:  # torch raises nothing more precise: out of memory, a broken kernel
        if len(chips) == 1:
            return [f"the model failed: {error}"]
        return [_compute_one_size(model, [chip])[0] for chip in chips]
    failure = "the model gave numbers that are not finite"
    return [output if np.isfinite(output).all() else failure for output in outputs]


@torch.inference_mode()
def embed(
    model: VisionLanguageModel, chips: Iterable[Chip], *, batch: int = 16, advance: Callable[[int], None] | None = None
) -> tuple[Float[np.ndarray, "chip dim"], dict[int, str]]:
    """Unit vectors of chips, and the reasons by index of chips that failed, whose vectors are NaN.

    `advance` is called with the number of chips that are done.
    """
    rows, failed, waiting = list[np.ndarray](), dict[int, str](), iter(chips)
    unknown = np.full(model.card.dim, np.nan, np.float32)
    while group := list(islice(waiting, batch)):
        for output in compute(lambda pixels: model.encode_image(pixels.to(model.device)).float(), group):
            if isinstance(output, str):
                failed[len(rows)] = output
            rows.append(unknown if isinstance(output, str) else output)
        if advance:
            advance(len(rows))
    return np.stack(rows) if rows else np.empty((0, model.card.dim), np.float32), failed


def zero_shot(
    embeddings: Float[np.ndarray, "chip dim"], texts: Float[np.ndarray, "text dim"], logit_scale: float
) -> Float[np.ndarray, "chip text"]:
    """Probability of each text for each chip: a softmax over the texts."""
    logits = logit_scale * torch.from_numpy(embeddings) @ torch.from_numpy(texts).T
    probabilities: np.ndarray = logits.softmax(1).numpy()
    return probabilities


@dataclass(frozen=True, repr=False)
class Encoded(ShownOnMap):
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

    def page(self) -> Page:
        return page_of_encoded(self)

    def draw(self) -> Drawing:
        return draw_encoded(self)

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
    if not rows and not cols:
        return pixels
    return np.pad(pixels, ((0, 0), (0, rows), (0, cols)), mode="symmetric")
