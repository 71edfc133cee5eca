"""What training puts around a model's names: wrappers anywhere in them, and one prefix before them all."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from geoglot.errors import ConvertError

#: Parts of names that torch.compile, DataParallel, FSDP, recomputation and Fabric put in
_WRAPPERS = {
    "_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module",
}  # fmt: skip
#: A name of the image tower, and what all names of the text tower begin with, in transformers' layout and OpenCLIP's
_TOWERS = (
    ("vision_model.embeddings.class_embedding", ("text_model.",)),
    ("visual.class_embedding", ("text.", "token_embedding.", "transformer.")),
)


def without_wrappers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under the names that the bare model has."""
    bare = {_unwrapped(name): tensor for name, tensor in tensors.items()}
    if len(bare) < len(tensors):
        raise ConvertError("two tensors have the same name once module. and _orig_mod. are off; keep one of the models")
    prefixes = sorted({found for name in bare if (found := _prefix(name, bare)) is not None})
    if len(prefixes) > 1:
        raise ConvertError(
            f"it holds several CLIPs, under {', '.join(repr(one) for one in prefixes[:5])}; save the weights of one"
        )
    prefix = prefixes[0] if prefixes else ""
    return {name.removeprefix(prefix): tensor for name, tensor in bare.items()}


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _prefix(name: str, all_names: Mapping[str, Tensor]) -> str | None:
    """What stands before a CLIP's names, if this is the name of its image tower and its text tower is there too."""
    for anchor, starts in _TOWERS:
        prefix = name.removesuffix(anchor)
        if prefix != name and (not prefix or prefix.endswith(".")):
            texts = tuple(f"{prefix}{start}" for start in starts)
            if any(other.startswith(texts) for other in all_names):
                return prefix
    return None
