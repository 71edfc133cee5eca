"""GRAFT (Mall et al., ICLR 2024, arXiv 2312.06960): a satellite encoder in the space of CLIP's text tower.

Its architecture is CLIP's, with one more head. Image features are CLIP's own; a patch feature is LayerNorm
and Linear on the last hidden state, before CLIP's post_layernorm.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from geoglot.models.base import Card
from geoglot.models.clip import Clip, read_clip_tokenizer
from geoglot.models.sizes import check_clip
from geoglot.models.vit import block


class Graft(Clip):
    """Satellite tower and patch head of GRAFT, text tower of the CLIP that it was trained against.

    Bands beyond RGB (`extra_bands` in the card's config) have a brightness of 0..1 too.
    """

    recompute = False
    """Compute blocks again in the backward pass: half of the memory for a third more time."""

    def __init__(self, card: Card, tokenizer: Tokenizer) -> None:
        super().__init__(card, tokenizer)
        vision = card.config["vision_config"]
        width, patch = vision["hidden_size"], vision["patch_size"]
        with torch.device("meta"):
            if card.bands > 3:
                wide = nn.Conv2d(card.bands, width, patch, patch, bias=False)
                self.vision_model.embeddings.patch_embedding = wide
            self.projector = nn.Sequential(
                nn.LayerNorm(width, eps=vision["layer_norm_eps"]), nn.Linear(width, card.dim, bias=False)
            )

    def encode_patches(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        """Embed patches by GRAFT's own head."""
        return self.encode_both(pixels)[1]

    def encode_both(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> tuple[Float[Tensor, "tile dim"], Float[Tensor, "tile dim patch_rows patch_cols"]]:
        """Embed tiles and their patches in one pass."""
        layer, tokens = self._last_block(pixels)
        hidden = self._block(layer, tokens)
        patches = F.normalize(self.projector(hidden[:, 1:]).float(), dim=-1)
        return F.normalize(self._project(hidden[:, 0]).float(), dim=-1), self._as_grid(patches, pixels)

    def _statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.card.statistics

    def _block(self, layer: Any, tokens: Tensor) -> Tensor:
        if self.recompute and tokens.requires_grad:
            again: Tensor = checkpoint(block, layer, tokens, use_reentrant=False)
            return again
        return block(layer, tokens)

    def use_bfloat16(self) -> None:
        """Compute images and patches in bfloat16."""
        super().use_bfloat16()
        self.projector.bfloat16()


def start_graft(ground: Clip, name: str, resolution: float, tile_size: int, extra_bands: int = 0) -> Graft:
    """A satellite tower before training, with the weights of the ground CLIP; `resolution` is in metres a pixel.

    The patch head begins as CLIP's path from token to embedding (post_layernorm, then visual_projection), as the
    folder names of the authors' later runs suggest. Weights of extra bands begin at zero, so that they change nothing.
    """
    config = {**ground.card.config, "extra_bands": extra_bands}
    card = replace(
        ground.card, name=name, family="graft", resolution=(resolution, resolution), tile_size=tile_size, sha256="",
        source=f"GRAFT (arXiv 2312.06960), begun from {ground.card.name}", config=config,
    )  # fmt: skip
    model = Graft(card, ground.tokenizer)
    weights = dict(ground.state_dict())
    weights["projector.0.weight"] = weights["vision_model.post_layernorm.weight"]
    weights["projector.0.bias"] = weights["vision_model.post_layernorm.bias"]
    weights["projector.1.weight"] = weights["visual_projection.weight"]
    first = "vision_model.embeddings.patch_embedding.weight"
    zeros = weights[first].new_zeros(len(weights[first]), extra_bands, *weights[first].shape[2:])
    weights[first] = torch.cat([weights[first], zeros], dim=1)
    model.load_state_dict({key: value.clone() for key, value in weights.items()}, assign=True)
    return model


def build_clip(card: Card, folder: Path) -> Clip:
    """The Clip or Graft of a card, without weights; `folder` holds its tokenizer."""
    check_clip(card)
    return (Graft if card.family == "graft" else Clip)(card, read_clip_tokenizer(card, folder))
