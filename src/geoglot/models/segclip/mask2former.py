"""Load transformers' Mask2Former into a SegCLIP; with all three parts off, the two are the same model."""

import re
from collections.abc import Mapping

from torch import Tensor

from geoglot.errors import ModelError
from geoglot.models.segclip.segclip import SegClip

_DECODER = "model.transformer_module.decoder."
_PIXEL_DECODER = "model.pixel_level_module.decoder."
_RENAMED = (
    (r"^model\.pixel_level_module\.encoder\.", "backbone.body."),
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
    """Load the weights of `Mask2FormerForUniversalSegmentation`; returns the names of missing tensors.

    Raises ModelError for missing tensors or other shapes. If not `strict`, such tensors keep the model's weights, only
    a backbone must be among the loaded ones, and a model with fewer learned queries takes the last ones.
    """
    ours = _rename(tensors)
    wanted = model.state_dict()
    if not strict:
        queries = "prompts.learned.weight"
        count = len(wanted[queries])
        if queries in ours and len(ours[queries]) > count:
            ours[queries] = ours[queries][len(ours[queries]) - count :]
        ours = {name: own for name, own in ours.items() if name in wanted and own.shape == wanted[name].shape}
    for name in wanted.keys() & ours.keys():
        if wanted[name].shape != ours[name].shape:
            raise ModelError(
                f"the weights have {name} as {tuple(ours[name].shape)}, this model as {tuple(wanted[name].shape)}; "
                "build it with the sizes of the weights"
            )
    missing = sorted(wanted.keys() - ours.keys())
    if not any(name.startswith("backbone.") for name in ours):
        raise ModelError("these weights are no Mask2Former of this model: nothing in them fits its backbone")
    if strict and missing:
        raise ModelError(f"these weights are no Mask2Former of this model: they lack {missing[0]}")
    model.load_state_dict({name: ours.get(name, value) for name, value in wanted.items()})
    return missing


def _rename(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under the names of SegCLIP; packed query, key and value become three tensors."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        new = name.replace(_PIXEL_DECODER, "pixel_decoder.decoder.", 1)
        if not name.startswith(_PIXEL_DECODER):  # the names inside it stay
            for pattern, replacement in _RENAMED:
                new = re.sub(pattern, replacement, new)
        stem, packed, kind = new.partition(".in_proj_")
        if packed:
            parts = zip("qkv", tensor.chunk(3), strict=True)
            renamed |= {f"{stem}.{letter}_proj.{kind}": part for letter, part in parts}
        else:
            renamed[new] = tensor
    return renamed
