"""GRAFT (Mall et al., ICLR 2024, arXiv 2312.06960): a satellite encoder in the space of CLIP's text tower.

Its architecture is CLIP's, with one more head. Image features are CLIP's own; a patch feature is LayerNorm
and Linear on the last hidden state, before CLIP's post_layernorm.
"""

from __future__ import annotations

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

    Beyond RGB it may see `extra_bands` (card.config), whose brightness is 0..1 too.
    """

    recompute = False
    """Whether blocks are computed again on the way back and not kept: half of the memory for a third more time."""

    def __init__(self, card: Card, tokenizer: Tokenizer) -> None:
        super().__init__(card, tokenizer)
        vision = card.config["vision_config"]
        extra = int(card.config.get("extra_bands", 0))
        self.bands = 3 + extra
        if extra:
            narrow = self.vision_model.embeddings.patch_embedding
            self.vision_model.embeddings.patch_embedding = _wider(narrow, extra)
        with torch.device("meta"):
            self.projector = nn.Sequential(
                nn.LayerNorm(vision["hidden_size"], eps=vision["layer_norm_eps"]),
                nn.Linear(vision["hidden_size"], card.dim, bias=False),
            )

    def encode_patches(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        """One unit vector a patch, by the head that GRAFT trained for it."""
        return self.encode_both(pixels)[1]

    def encode_both(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> tuple[Float[Tensor, "tile dim"], Float[Tensor, "tile dim patch_rows patch_cols"]]:
        """The vectors of tiles and of their patches in one pass."""
        layer, tokens = self._last_block(pixels)
        hidden = self._block(layer, tokens)
        patches = F.normalize(self.projector(hidden[:, 1:]).float(), dim=-1)
        return F.normalize(self._project(hidden[:, 0]).float(), dim=-1), self._as_grid(patches, pixels)

    @property
    def _mean(self) -> tuple[float, ...]:
        return (*self.card.mean, *(0.5,) * (self.bands - 3))

    @property
    def _std(self) -> tuple[float, ...]:
        return (*self.card.std, *(0.25,) * (self.bands - 3))

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
    """A satellite tower that begins as the ground CLIP's image tower, for tiles of a ground resolution in metres.

    The patch head begins as CLIP's own way from token to vector (post_layernorm, then visual_projection), as the
    folder names of the authors' later runs say. Weights of extra bands begin at zero: at step 0 they change nothing.
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


def _wider(narrow: nn.Conv2d, extra: int) -> nn.Conv2d:
    """The same patch embedding over more bands, without memory behind it."""
    patch = narrow.kernel_size[0]
    with torch.device("meta"):
        return nn.Conv2d(narrow.in_channels + extra, narrow.out_channels, patch, patch, bias=False)


def build_graft(card: Card, folder: Path) -> Graft:
    """The Graft that a card describes, its weights still to be loaded."""
    check_clip(card)
    return Graft(card, read_clip_tokenizer(card, folder))
