"""Dense read-outs: how the patch tokens of a CLIP image tower become embeddings in the space of texts.

CLIP was trained on one embedding for each image, so its patch tokens describe the whole image more than the ground
under them. Each function here takes the tokens that enter the last block, and replaces that block; a model's card names
the function. docs/decisions/0003-dense-readout.md explains the default, `segearth`.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from geoglot.models.vit import Layer, attend, block, feed_forward

#: post_layernorm and visual_projection of the tower
Project = Callable[[Tensor], Tensor]
Readout = Callable[[Layer, Tensor, Project], Tensor]

#: SegEarth-OV's weight of the global token (arXiv 2410.01768, its lambda)
GLOBAL_BIAS = 0.3


def plain(layer: Layer, tokens: Float[Tensor, "tile token width"], project: Project) -> Float[Tensor, "tile patch dim"]:
    """The last block as trained, and for each patch the projection that was trained on the class token."""
    return F.normalize(project(block(layer, tokens)[:, 1:]).float(), dim=-1)


def sclip(layer: Layer, tokens: Float[Tensor, "tile token width"], project: Project) -> Float[Tensor, "tile patch dim"]:
    """q-q + k-k attention in the last block, with its residual and MLP (SCLIP, arXiv 2312.01597)."""
    mixed = tokens + _self_attention(layer, tokens, "qk")
    return F.normalize(project(feed_forward(layer, mixed)[:, 1:]).float(), dim=-1)


def clearclip(
    layer: Layer, tokens: Float[Tensor, "tile token width"], project: Project
) -> Float[Tensor, "tile patch dim"]:
    """q-q attention alone: no residual, no MLP (ClearCLIP, arXiv 2407.12442)."""
    return F.normalize(project(_self_attention(layer, tokens, "q")[:, 1:]).float(), dim=-1)


def segearth(
    layer: Layer, tokens: Float[Tensor, "tile token width"], project: Project
) -> Float[Tensor, "tile patch dim"]:
    """q-q + k-k + v-v attention alone, minus the global token (SegEarth-OV, arXiv 2410.01768).

    0.3 of the normalised global token is subtracted from each normalised patch. SegEarth-OV keeps the length of the
    difference; here it is normalised again, which keeps the order of the classes in every patch.
    """
    features = F.normalize(project(_self_attention(layer, tokens, "qkv")).float(), dim=-1)
    return F.normalize(features[:, 1:] - GLOBAL_BIAS * features[:, :1], dim=-1)


READOUTS: dict[str, Readout] = {"plain": plain, "sclip": sclip, "clearclip": clearclip, "segearth": segearth}
DEFAULT_READOUT = "segearth"


def _self_attention(layer: Layer, tokens: Tensor, pairs: str) -> Tensor:
    """Sum of the attentions that compare a projection with itself, for each projection named in `pairs`."""
    attention, normed = layer.self_attn, layer.layer_norm1(tokens)
    projected = {name: getattr(attention, f"{name}_proj")(normed) for name in {*pairs, "v"}}
    mixed = [attend(attention, projected[name], projected[name], projected["v"]) for name in pairs]
    output: Tensor = attention.out_proj(torch.stack(mixed).sum(0))
    return output
