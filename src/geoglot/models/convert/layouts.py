"""Rename foreign weights as transformers' CLIPModel names them, and read the architecture from their shapes."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from geoglot.errors import ConvertError
from geoglot.models.sizes import MOST_LAYERS

Tensors = Mapping[str, Tensor]

#: Parts of names from torch.compile, DataParallel, FSDP, activation checkpointing and Fabric
_WRAPPERS = {
    "_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module",
}  # fmt: skip
#: A name of the image tower and the beginnings of names of the text tower, for transformers and for OpenCLIP
_TOWERS = (
    ("vision_model.embeddings.class_embedding", ("text_model.",)),
    ("visual.class_embedding", ("text.", "token_embedding.", "transformer.")),
)
#: Patterns of OpenCLIP's names, and transformers' names
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
#: Names inside a block
_OPENCLIP_BLOCK = {
    ".ln_1.": ".layer_norm1.",
    ".ln_2.": ".layer_norm2.",
    ".attn.": ".self_attn.",
    ".mlp.c_fc.": ".mlp.fc1.",
    ".mlp.c_proj.": ".mlp.fc2.",
}
#: Numbers that OpenAI's own files keep beside the weights, masks that are rebuilt, and the bias of a sigmoid loss,
#: which does not change a softmax over classes
OPENCLIP_EXTRAS = {"input_resolution", "context_length", "vocab_size", "attn_mask", "logit_bias"}
#: Number of heads in OpenCLIP's image towers whose heads are not 64 wide: ViT-H, ViT-g and ViT-bigG
_HEADS = {1280: 16, 1408: 16, 1664: 16}
_HEAD_WIDTH = 64
_CLASS_TOKEN = "vision_model.embeddings.class_embedding"


def strip_wrappers(tensors: Tensors) -> dict[str, Tensor]:
    """Strip from names what training frameworks add: wrappers anywhere, and a prefix before all names of the model."""
    bare = {
        ".".join(part for part in name.split(".") if part not in _WRAPPERS): tensor for name, tensor in tensors.items()
    }
    if len(bare) < len(tensors):
        raise ConvertError("two tensors have the same name without module. and _orig_mod.; save only one of the models")
    prefixes = sorted({prefix for name in bare if (prefix := _prefix(name, bare)) is not None})
    if len(prefixes) > 1:
        shown = ", ".join(repr(prefix) for prefix in prefixes[:5])
        raise ConvertError(f"it holds several CLIPs, under {shown}; save the weights of one")
    prefix = prefixes[0] if prefixes else ""
    return {name.removeprefix(prefix): tensor for name, tensor in bare.items()}


def _prefix(name: str, all_names: Tensors) -> str | None:
    """The prefix of a CLIP, if `name` is in its image tower and it has a text tower too."""
    for anchor, starts in _TOWERS:
        prefix = name.removesuffix(anchor)
        if prefix != name and (not prefix or prefix.endswith(".")):
            texts = tuple(f"{prefix}{start}" for start in starts)
            if any(other.startswith(texts) for other in all_names):
                return prefix
    return None


def is_openclip(tensors: Tensors) -> bool:
    """Whether the names are OpenCLIP's (or OpenAI's, which are the same)."""
    return "visual.conv1.weight" in tensors


def is_graft(tensors: Tensors) -> bool:
    """Whether a CLIP image tower is inside another module, or has no text tower beside it."""
    towers = [name for name in tensors if name.endswith(_CLASS_TOKEN)]
    return any(name != _CLASS_TOKEN for name in towers) or (
        bool(towers) and not any(name.startswith("text_model.") for name in tensors)
    )


def from_openclip(tensors: Tensors) -> dict[str, Tensor]:
    """Rename and reshape OpenCLIP's weights as in transformers' CLIPModel; unknown names stay."""
    if "text.token_embedding.weight" in tensors and "token_embedding.weight" not in tensors:  # CustomTextCLIP
        tensors = {name.removeprefix("text."): tensor for name, tensor in tensors.items()}
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name in OPENCLIP_EXTRAS:
            continue
        new = _rename(name)
        if new.endswith(("in_proj_weight", "in_proj_bias")):
            renamed |= _split_attention(new, tensor)
        else:
            # OpenCLIP's projections are matrices, transformers' are Linear layers, which are transposed
            renamed[new] = tensor.T.contiguous() if name in {"visual.proj", "text_projection"} else tensor
    return renamed


def from_graft(tensors: Tensors) -> dict[str, Tensor]:
    """The satellite tower of GRAFT under CLIPModel's names, and its patch head under `projector.`."""
    inside = next(name for name in sorted(tensors, key=len, reverse=True) if name.endswith(_CLASS_TOKEN))
    tower = inside.removesuffix(_CLASS_TOKEN)
    outer = tower[: tower.rstrip(".").rfind(".") + 1]
    renamed = {name.removeprefix(tower).removeprefix(outer): value for name, value in tensors.items()}
    renamed.pop("logit_scale", None)  # GRAFT's temperature is fixed, see GRAFT_SCALE
    return renamed


def clip_config(tensors: Tensors, activation: str) -> dict[str, Any]:
    """Configuration of both towers from the shapes, with transformers' names."""
    text = {
        **_tower(tensors, "text_model", activation),
        "projection_dim": _shape(tensors, "text_projection.weight")[0],
        "vocab_size": _shape(tensors, "text_model.embeddings.token_embedding.weight")[0],
        "max_position_embeddings": _shape(tensors, "text_model.embeddings.position_embedding.weight")[0],
    }
    vision = vision_config(tensors, activation)
    return {"projection_dim": vision["projection_dim"], "vision_config": vision, "text_config": text}


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


def _tower(tensors: Tensors, tower: str, activation: str) -> dict[str, Any]:
    width = _shape(tensors, f"{tower}.embeddings.position_embedding.weight")[1]
    heads = max(width // _HEAD_WIDTH, 1)
    return {
        "hidden_size": width,
        "intermediate_size": _shape(tensors, f"{tower}.encoder.layers.0.mlp.fc1.weight")[0],
        "num_hidden_layers": _layers(tensors, tower),
        "num_attention_heads": _HEADS.get(width, heads) if tower == "vision_model" else heads,
        "hidden_act": activation,
        "layer_norm_eps": 1e-5,
    }


def _layers(tensors: Tensors, tower: str) -> int:
    """Number of layers by their names; ConvertError for impossible numbers. Gaps are reported later."""
    matches = (re.match(rf"{tower}\.encoder\.layers\.([^.]*)\.", name) for name in tensors)
    numbers = {match[1] for match in matches if match}
    if wrong := sorted(numbers - {str(number) for number in range(MOST_LAYERS)}):
        raise ConvertError(
            f"a layer of {tower} is called {wrong[0][:20]!r}, but a ViT-CLIP has layers 0 to {MOST_LAYERS - 1}; "
            "the file is damaged or another model's"
        )
    return 1 + max(map(int, numbers), default=0)


def _shape(tensors: Tensors, name: str) -> tuple[int, ...]:
    if name not in tensors:
        some = ", ".join(other[:100] for other in sorted(tensors)[:5])
        raise ConvertError(f"this is no ViT-CLIP checkpoint: it has no {name} (it has {some}, ...)")
    shape = tuple(tensors[name].shape)
    if len(shape) != (4 if name.endswith("patch_embedding.weight") else 2) or not all(shape):
        raise ConvertError(f"this is no ViT-CLIP checkpoint: its {name} is {shape}")
    return shape


def _rename(name: str) -> str:
    for pattern, new in _OPENCLIP.items():
        if match := re.fullmatch(pattern, name):
            name = match.expand(new)
            break
    for old, new in _OPENCLIP_BLOCK.items():
        name = name.replace(old, new)
    return name


def _split_attention(name: str, packed: Tensor) -> dict[str, Tensor]:
    """Split query, key and value, which OpenCLIP packs into one tensor."""
    stem, kind = name.rsplit(".in_proj_", 1)
    if not packed.ndim or not len(packed) or len(packed) % 3:
        raise ConvertError(
            f"{name} has the shape {tuple(packed.shape)}, which does not divide into query, key and value"
        )
    parts = zip("qkv", packed.chunk(3), strict=True)
    return {f"{stem}.{letter}_proj.{kind}": part.contiguous() for letter, part in parts}
