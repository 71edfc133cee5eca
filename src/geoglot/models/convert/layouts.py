"""How foreign checkpoints name their weights, and what their shapes say of the architecture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from geoglot.errors import ConvertError

Tensors = Mapping[str, Tensor]

#: OpenCLIP's names as patterns, and transformers'
_OPENCLIP = {
    r"visual\.class_embedding": "vision_model.embeddings.class_embedding",
    r"visual\.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    r"visual\.conv1\.weight": "vision_model.embeddings.patch_embedding.weight",
    r"visual\.ln_pre\.(\w+)": r"vision_model.pre_layrnorm.\1",
    r"visual\.ln_post\.(\w+)": r"vision_model.post_layernorm.\1",
    r"visual\.proj": "visual_projection.weight",
    r"visual\.transformer\.resblocks\.(.+)": r"vision_model.encoder.layers.\1",
    r"positional_embedding": "text_model.embeddings.position_embedding.weight",
    r"token_embedding\.weight": "text_model.embeddings.token_embedding.weight",
    r"ln_final\.(\w+)": r"text_model.final_layer_norm.\1",
    r"text_projection": "text_projection.weight",
    r"transformer\.resblocks\.(.+)": r"text_model.encoder.layers.\1",
}
#: The same inside a block
_OPENCLIP_BLOCK = {
    ".ln_1.": ".layer_norm1.",
    ".ln_2.": ".layer_norm2.",
    ".attn.": ".self_attn.",
    ".mlp.c_fc.": ".mlp.fc1.",
    ".mlp.c_proj.": ".mlp.fc2.",
}
#: Numbers that OpenAI's own files keep beside the weights, masks that are built anew, and the bias of a loss of
#: sigmoids, which a softmax over classes does not feel
OPENCLIP_EXTRAS = {"input_resolution", "context_length", "vocab_size", "attn_mask", "logit_bias"}
#: Heads of OpenCLIP's towers that are not 64 wide: ViT-H, ViT-g and ViT-bigG
_HEADS = {1280: 16, 1408: 16, 1664: 16}
_HEAD_WIDTH = 64
_CLASS_TOKEN = "vision_model.embeddings.class_embedding"
_MOST_LAYERS = 256


def is_openclip(tensors: Tensors) -> bool:
    """Whether the names are OpenCLIP's (or OpenAI's, which are the same)."""
    return "visual.conv1.weight" in tensors


def is_graft(tensors: Tensors) -> bool:
    """Whether a CLIP image tower lies inside another module, or alone, and no text tower lies beside it."""
    towers = [name for name in tensors if name.endswith(_CLASS_TOKEN)]
    return any(name != _CLASS_TOKEN for name in towers) or (
        bool(towers) and not any(name.startswith("text_model.") for name in tensors)
    )


def from_openclip(tensors: Tensors) -> dict[str, Tensor]:
    """OpenCLIP's names and shapes to those of transformers' CLIPModel; what has no twin keeps its name."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in _plain_text(tensors).items():
        if name in OPENCLIP_EXTRAS:
            continue
        new = _renamed(name)
        if new.endswith(("in_proj_weight", "in_proj_bias")):
            renamed |= _split_attention(new, tensor)
        else:
            # Projections are matrices to multiply with there, and Linear layers here
            renamed[new] = tensor.T.contiguous() if name in {"visual.proj", "text_projection"} else tensor
    return renamed


def from_graft(tensors: Tensors) -> dict[str, Tensor]:
    """The satellite side of GRAFT, its tower under CLIPModel's names, its head under `projector.`."""
    inside = next(name for name in sorted(tensors, key=len, reverse=True) if name.endswith(_CLASS_TOKEN))
    tower = inside.removesuffix(_CLASS_TOKEN)
    outer = tower[: tower.rstrip(".").rfind(".") + 1]
    renamed = {name.removeprefix(tower).removeprefix(outer): value for name, value in tensors.items()}
    renamed.pop("logit_scale", None)  # GRAFT's temperature is fixed, see GRAFT_SCALE
    return renamed


def clip_config(tensors: Tensors, activation: str) -> dict[str, Any]:
    """Configuration of both towers from the shapes, under transformers' names."""
    return {
        "projection_dim": _shape(tensors, "visual_projection.weight")[0],
        "vision_config": vision_config(tensors, activation),
        "text_config": _text_config(tensors, activation),
    }


def vision_config(tensors: Tensors, activation: str) -> dict[str, Any]:
    """Configuration of the image tower from its shapes."""
    patch = _shape(tensors, "vision_model.embeddings.patch_embedding.weight")[-1]
    patches = _shape(tensors, "vision_model.embeddings.position_embedding.weight")[0] - 1
    return {
        **_tower(tensors, "vision_model", activation),
        "projection_dim": _shape(tensors, "visual_projection.weight")[0],
        "patch_size": patch,
        "image_size": round(patches**0.5) * patch,
    }


def _text_config(tensors: Tensors, activation: str) -> dict[str, Any]:
    return {
        **_tower(tensors, "text_model", activation),
        "projection_dim": _shape(tensors, "text_projection.weight")[0],
        "vocab_size": _shape(tensors, "text_model.embeddings.token_embedding.weight")[0],
        "max_position_embeddings": _shape(tensors, "text_model.embeddings.position_embedding.weight")[0],
    }


def _tower(tensors: Tensors, tower: str, activation: str) -> dict[str, Any]:
    width = _shape(tensors, f"{tower}.embeddings.position_embedding.weight")[1]
    return {
        "hidden_size": width,
        "intermediate_size": _shape(tensors, f"{tower}.encoder.layers.0.mlp.fc1.weight")[0],
        "num_hidden_layers": _layers(tensors, tower),
        "num_attention_heads": _HEADS.get(width, max(width // _HEAD_WIDTH, 1)),
        "hidden_act": activation,
        "layer_norm_eps": 1e-5,
    }


def _layers(tensors: Tensors, tower: str) -> int:
    """How many there are by their names, whose gaps are told later; a number that no ViT has is believed nowhere."""
    matches = (re.match(rf"{tower}\.encoder\.layers\.([^.]*)\.", name) for name in tensors)
    found = {match[1] for match in matches if match}
    if wrong := sorted(found - {str(number) for number in range(_MOST_LAYERS)}):
        raise ConvertError(
            f"a layer of {tower} is called {wrong[0][:20]!r}, and a ViT-CLIP's are 0 to {_MOST_LAYERS - 1} at most; "
            "the file is damaged or another model's"
        )
    return 1 + max(map(int, found), default=0)


def _plain_text(tensors: Tensors) -> Tensors:
    """Names of a text tower without the `text.` that OpenCLIP's CustomTextCLIP puts before them."""
    if "token_embedding.weight" in tensors or "text.token_embedding.weight" not in tensors:
        return tensors
    return {name.removeprefix("text."): tensor for name, tensor in tensors.items()}


def _shape(tensors: Tensors, name: str) -> tuple[int, ...]:
    if name not in tensors:
        some = ", ".join(one[:100] for one in sorted(tensors)[:5])
        raise ConvertError(f"this is no ViT-CLIP checkpoint: it has no {name} (it has {some}, ...)")
    shape = tuple(tensors[name].shape)
    if len(shape) != (4 if name.endswith("patch_embedding.weight") else 2) or not all(shape):
        raise ConvertError(f"this is no ViT-CLIP checkpoint: its {name} is {shape}")
    return shape


def _renamed(name: str) -> str:
    for pattern, new in _OPENCLIP.items():
        if match := re.fullmatch(pattern, name):
            name = match.expand(new)
            break
    for old, new in _OPENCLIP_BLOCK.items():
        name = name.replace(old, new)
    return name


def _split_attention(name: str, packed: Tensor) -> dict[str, Tensor]:
    """Query, key and value, which OpenCLIP keeps as one tensor of three times the width."""
    stem, kind = name.rsplit(".in_proj_", 1)
    if not packed.ndim or not len(packed) or len(packed) % 3:
        raise ConvertError(f"{name} is {tuple(packed.shape)}, which is no query, key and value of one size")
    parts = zip("qkv", packed.chunk(3), strict=True)
    return {f"{stem}.{letter}_proj.{kind}": part.contiguous() for letter, part in parts}
