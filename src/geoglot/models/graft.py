"""GRAFT (Mall et al., ICLR 2024, arXiv 2312.06960): a satellite encoder in the space of CLIP's text tower.

Its architecture is CLIP's, with one more head. Image features are CLIP's own; a patch feature is LayerNorm
and Linear on the last hidden state, before CLIP's post_layernorm.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor, nn

from geoglot.models.base import Card
from geoglot.models.clip import Clip
from geoglot.models.store import read_tokenizer
from geoglot.models.vit import block


class Graft(Clip):
    """Satellite tower and patch head of GRAFT, text tower of the CLIP that it was trained against."""

    def __init__(self, card: Card, tokenizer: Tokenizer) -> None:
        super().__init__(card, tokenizer)
        vision = card.config["vision_config"]
        with torch.device("meta"):
            self.projector = nn.Sequential(
                nn.LayerNorm(vision["hidden_size"], eps=vision["layer_norm_eps"]),
                nn.Linear(vision["hidden_size"], card.dim, bias=False),
            )

    def encode_patches(
        self, pixels: Float[Tensor, "tile 3 rows cols"]
    ) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        """One unit vector a patch, by the head that GRAFT trained for it."""
        layer, tokens = self._last_block(pixels)
        hidden = block(layer, tokens)[:, 1:]
        return self._as_grid(F.normalize(self.projector(hidden).float(), dim=-1), pixels)

    def use_bfloat16(self) -> None:
        """Compute images and patches in bfloat16."""
        super().use_bfloat16()
        self.projector.bfloat16()


def build_graft(card: Card, folder: Path) -> Graft:
    """The Graft that a card describes, its weights still to be loaded."""
    return Graft(card, read_tokenizer(folder))
