"""The weights of transformers' Mask2Former in a SegCLIP; with all three parts off the two are one model."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from geoglot.errors import ModelError
from geoglot.models.segclip.segclip import SegClip

_DECODER = "model.transformer_module.decoder."
_RENAMED = (
    (r"^model\.pixel_level_module\.encoder\.", "backbone.body."),
    (r"^model\.pixel_level_module\.decoder\.", "pixel_decoder.decoder."),
    (r"^model\.transformer_module\.queries_embedder\.", "places."),
    (r"^model\.transformer_module\.queries_features\.", "prompts.learned."),
    (r"^model\.transformer_module\.level_embed\.", "decoder.level."),
    (re.escape(f"{_DECODER}layernorm."), "decoder.norm."),
    (
        re.escape(_DECODER) + r"mask_predictor\.mask_embedder\.(\d)\.0\.",
        lambda m: f"decoder.mask_embedding.{2 * int(m[1])}.",
    ),
    (re.escape(_DECODER) + r"layers\.(\d+)\.", r"decoder.layers.\1."),
    (r"\.self_attn\.", ".self_attention."),
    (r"\.self_attn_layer_norm\.", ".self_attention.norm."),
    (r"\.cross_attn\.", ".cross_attention."),
    (r"\.cross_attn_layer_norm\.", ".cross_attention.norm."),
    (r"^(decoder\.layers\.\d+)\.(fc[12])\.", r"\1.feed_forward.\2."),
    (r"^(decoder\.layers\.\d+)\.final_layer_norm\.", r"\1.feed_forward.norm."),
    (r"^class_predictor\.", "classes."),
)


def load_mask2former(model: SegClip, tensors: Mapping[str, Tensor], strict: bool = True) -> list[str]:
    """Fill a model from `Mask2FormerForUniversalSegmentation`; returns what the weights did not give.

    Raises ModelError where something is missing or of another shape. Unless `strict` that keeps its own weights, and
    only a backbone must be among them; the last of the learned queries are those of a model that has fewer.
    """
    ours = _ours(tensors)
    wanted = model.state_dict()
    if not strict:
        ours = _fitting(ours, wanted)
    for name in wanted.keys() & ours.keys():
        if wanted[name].shape != ours[name].shape:
            raise ModelError(
                f"the weights have {name} as {tuple(ours[name].shape)}, this model as {tuple(wanted[name].shape)}; "
                "build it with the sizes of the weights"
            )
    lacking = sorted(wanted.keys() - ours.keys())
    if not any(name.startswith("backbone.") for name in ours):
        raise ModelError("these weights are no Mask2Former of this model: nothing in them fits its backbone")
    if strict and lacking:
        raise ModelError(f"these weights are no Mask2Former of this model: they lack {lacking[0]}")
    model.load_state_dict({name: ours.get(name, value) for name, value in wanted.items()})
    return lacking


def _fitting(ours: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of the model's shapes, and as many of the learned queries as it has."""
    queries = "prompts.learned.weight"
    count = len(wanted[queries])
    if queries in ours and len(ours[queries]) > count:
        ours = {**ours, queries: ours[queries][-count:] if count else ours[queries][:0]}
    return {name: one for name, one in ours.items() if name in wanted and one.shape == wanted[name].shape}


def _ours(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    renamed = {_rename(name): tensor for name, tensor in tensors.items()}
    split: dict[str, Tensor] = {}
    for name, tensor in renamed.items():
        if ".in_proj_" in name:
            stem, _, kind = name.partition(".in_proj_")
            split |= {
                f"{stem}.{part}_proj.{kind}": one for part, one in zip("qkv", torch.chunk(tensor, 3), strict=True)
            }
        else:
            split[name] = tensor
    return split


def _rename(name: str) -> str:
    if name.startswith("model.pixel_level_module.decoder."):
        return "pixel_decoder.decoder." + name.removeprefix("model.pixel_level_module.decoder.")
    for pattern, new in _RENAMED:
        name = re.sub(pattern, new, name)
    return name
