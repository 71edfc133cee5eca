"""GRAFT (Mall et al., ICLR 2024, arXiv 2312.06960): a satellite encoder in the space of CLIP's text tower.

Its architecture is CLIP's, with one more head. Image features are CLIP's own; a patch feature is LayerNorm
and Linear on the last hidden state, before CLIP's post_layernorm.

A model of pixel level was trained by its patches alone, so its class token knows no words: an image is the mean of its
patches. A model of image level never trained its patch head, so its patches are read as those of any CLIP
(docs/graft.md has the measurement of both).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from geoglot.errors import InputError
from geoglot.models.card import Card
from geoglot.models.clip import Clip, read_clip_tokenizer
from geoglot.models.known import Level
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

    def encode_image(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile dim"]:
        """Embed tiles by the class token; at pixel level by the mean of the patches that are not all black."""
        if self.card.level != "pixel":
            return super().encode_image(pixels)
        patches = self.encode_patches(pixels)
        weight = shown_patches(pixels, self.card.patch_size)[:, None].to(patches)
        return F.normalize((patches * weight).sum((2, 3)), dim=-1)

    def encode_patches(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        """Embed patches by GRAFT's own head; at image level, where it was not trained, by CLIP's read-out."""
        return super().encode_patches(pixels) if self.card.level == "image" else self.encode_both(pixels)[1]

    def encode_both(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> tuple[Float[Tensor, "tile dim"], Float[Tensor, "tile dim patch_rows patch_cols"]]:
        """Embed tiles by the class token and patches by the head, in one pass, whatever the level."""
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


def shown_patches(
    pixels: Float[Tensor, "tile band rows cols"], patch: int
) -> Bool[Tensor, "tile patch_rows patch_cols"]:
    """The patches that are not all black, as padding is; all patches of a tile that is black."""
    shown = F.max_pool2d(pixels.amax(1), patch) > 0
    return shown | ~shown.flatten(1).any(1)[:, None, None]  # onnxruntime has no `where` of booleans


def start_graft(
    ground: Clip,
    name: str,
    resolution: float,
    tile_size: int,
    extra_bands: int = 0,
    *,
    level: Level | None = None,
    start: Clip | None = None,
) -> Graft:
    """A satellite tower before training, in the space of a ground CLIP; `resolution` is in metres a pixel.

    The tower begins as that of `start`, a GRAFT or a CLIP with as many dimensions; by default as the ground CLIP's.
    A patch head that was not trained begins as CLIP's path from token to embedding (post_layernorm, then
    visual_projection), as the folder names of the authors' later runs suggest. Weights of bands that `start` does not
    see begin at zero, so that they change nothing. Raises InputError for a `start` that does not fit.
    """
    first = start or ground
    missing = extra_bands + 3 - first.card.bands
    if first.card.dim != ground.card.dim:
        raise InputError(
            f"start must give vectors as long as those of the ground CLIP {ground.card.name} ({ground.card.dim}), got "
            f"{first.card.name} with {first.card.dim}; give as ground the CLIP that it was trained with"
        )
    if missing < 0:
        raise InputError(
            f"start must see no more bands than the pairs have ({extra_bands + 3}), got {first.card.name} with "
            f"{first.card.bands}; give pairs with these bands, or begin as another model"
        )
    texts = {"text_config": ground.card.config["text_config"]}
    card = replace(
        first.card, name=name, family="graft", resolution=(resolution, resolution), tile_size=tile_size, sha256="",
        level=level,
        source=f"GRAFT (arXiv 2312.06960), begun from {first.card.name}",
        config={**first.card.config, **texts, "extra_bands": extra_bands},
    )  # fmt: skip
    model = Graft(card, ground.tokenizer)
    lent = {key: value for key, value in ground.state_dict().items() if key.startswith("text_")}
    weights = _with_patch_head(first) | lent
    bands = "vision_model.embeddings.patch_embedding.weight"
    zeros = weights[bands].new_zeros(len(weights[bands]), missing, *weights[bands].shape[2:])
    weights[bands] = torch.cat([weights[bands], zeros], dim=1)
    model.load_state_dict({key: value.clone() for key, value in weights.items()}, assign=True)
    return model


def _with_patch_head(first: Clip) -> dict[str, Tensor]:
    """The weights of a model, with a head for patches as the class token's unless it has one that was trained."""
    weights = dict(first.state_dict())
    if not isinstance(first, Graft) or first.card.level == "image":
        weights["projector.0.weight"] = weights["vision_model.post_layernorm.weight"]
        weights["projector.0.bias"] = weights["vision_model.post_layernorm.bias"]
        weights["projector.1.weight"] = weights["visual_projection.weight"]
    return weights


def build_clip(card: Card, folder: Path) -> Clip:
    """The Clip or Graft of a card, without weights; `folder` holds its tokenizer."""
    check_clip(card)
    return (Graft if card.family == "graft" else Clip)(card, read_clip_tokenizer(card, folder))
