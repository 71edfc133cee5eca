"""Strip what training adds to the names of weights: wrappers anywhere in them, and a common prefix."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from geoglot.errors import ConvertError

#: Parts of names from torch.compile, DataParallel, FSDP, activation checkpointing and Fabric
_WRAPPERS = {
    "_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module",
}  # fmt: skip
#: A name of the image tower and the beginnings of names of the text tower, for transformers and for OpenCLIP
_TOWERS = (
    ("vision_model.embeddings.class_embedding", ("text_model.",)),
    ("visual.class_embedding", ("text.", "token_embedding.", "transformer.")),
)


def strip_wrappers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under the names of the bare model."""
    bare = {".".join(part for part in name.split(".") if part not in _WRAPPERS): one for name, one in tensors.items()}
    if len(bare) < len(tensors):
        raise ConvertError("two tensors have the same name once module. and _orig_mod. are off; keep one of the models")
    prefixes = sorted({prefix for name in bare if (prefix := _prefix(name, bare)) is not None})
    if len(prefixes) > 1:
        shown = ", ".join(repr(prefix) for prefix in prefixes[:5])
        raise ConvertError(f"it holds several CLIPs, under {shown}; save the weights of one")
    prefix = prefixes[0] if prefixes else ""
    return {name.removeprefix(prefix): tensor for name, tensor in bare.items()}


def _prefix(name: str, all_names: Mapping[str, Tensor]) -> str | None:
    """The prefix of a CLIP, if `name` is in its image tower and it has a text tower too."""
    for anchor, starts in _TOWERS:
        prefix = name.removesuffix(anchor)
        if prefix != name and (not prefix or prefix.endswith(".")):
            texts = tuple(f"{prefix}{start}" for start in starts)
            if any(other.startswith(texts) for other in all_names):
                return prefix
    return None
