"""Dense read-outs: how the patches of a CLIP image tower become vectors of the text space.

CLIP was trained on one vector an image, so its patch tokens carry the content of the whole image more than
what lies under them. Each function here takes the tokens that enter the last block and replaces that block;
which one a model uses is written in its card. docs/decisions/0003-dense-readout.md says why the default is
`segearth`.
"""

from __future__ import annotations

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
    """The last block as trained; each patch through the projection trained on the class token."""
    return F.normalize(project(block(layer, tokens)[:, 1:]).float(), dim=-1)


def sclip(layer: Layer, tokens: Float[Tensor, "tile token width"], project: Project) -> Float[Tensor, "tile patch dim"]:
    """Attention q-q + k-k in the last block; its residual and MLP stay (SCLIP, arXiv 2312.01597)."""
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
    """q-q + k-k + v-v attention alone, less the global token (SegEarth-OV, arXiv 2410.01768).

    From each unit patch 0.3 of the unit global token is taken. SegEarth-OV leaves the difference at its own
    length; here it is made unit again, which keeps the order of the classes in every patch.
    """
    features = F.normalize(project(_self_attention(layer, tokens, "qkv")).float(), dim=-1)
    return F.normalize(features[:, 1:] - GLOBAL_BIAS * features[:, :1], dim=-1)


READOUTS: dict[str, Readout] = {"plain": plain, "sclip": sclip, "clearclip": clearclip, "segearth": segearth}
DEFAULT_READOUT = "segearth"


def _self_attention(layer: Layer, tokens: Tensor, pairs: str) -> Tensor:
    """Sum, over the projections named in `pairs`, of attention that compares a projection with itself."""
    attention, normed = layer.self_attn, layer.layer_norm1(tokens)
    projected = {name: getattr(attention, f"{name}_proj")(normed) for name in {*pairs, "v"}}
    mixed = [attend(attention, projected[name], projected[name], projected["v"]) for name in pairs]
    output: Tensor = attention.out_proj(torch.stack(mixed).sum(0))
    return output
