"""Find the weights in an unpickled object, a nested mapping or a whole module, and check their size."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

#: Keys under which training frameworks store weights; the model itself comes before averages
NESTS = ("state_dict", "model_state_dict", "model", "module", "net", "network", "clip", "weights",
         "ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema", "shadow_params")  # fmt: skip
_DEEP = 4  # levels of nesting
_PARTS = 100_000  # modules and tensors of a model; the largest CLIPs have a few thousand
_LONGEST = 1000  # characters of a name
_SHARED = 2  # weights may be this many times larger than their file, where tied weights are stored once


class Foreign(ValueError):
    """A file of another kind; the message continues a sentence that begins with the file's name."""


class Kept:
    """Stand-in for an object in a pickle: keeps its attributes and does nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)


def check_archive(source: Path) -> None:
    """Raise Foreign for archives that hold programs, and for archives that unpack to more than their size."""
    with source.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return
    with zipfile.ZipFile(source) as archive:
        entries = archive.infolist()
    names = [entry.filename.partition("/")[2] for entry in entries]
    if "constants.pkl" in names:
        raise Foreign(
            "is a TorchScript archive, which holds a program and not only weights; if you trust it, write its weights "
            f"alone with: python -c \"import torch; torch.save(torch.jit.load('{source.name}', 'cpu').state_dict(), "
            "'weights.pt')\" and convert weights.pt"
        )
    if "archive_format" in names:
        raise Foreign("is a program that torch.export wrote; save the model's state_dict() with torch.save instead")
    if len(set(names)) < len(names):
        raise Foreign("holds two files of one name, which torch.save never writes")
    if sum(entry.file_size for entry in entries) > source.stat().st_size:
        raise Foreign("unpacks to more than its size, which no file written by torch.save does")


def weights_of(content: Any, size: int) -> dict[str, Tensor]:
    """Tensors by name, in the types of the file; Foreign if they claim far more than its `size` in bytes."""
    weights = _search(content, _DEEP)
    if not weights:
        kind = "an object" if isinstance(content, Kept) else f"a {type(content).__name__}"
        raise Foreign(f"holds {kind} without weights; save the model's state_dict() with torch.save, and convert that")
    _check_sizes(weights, size)
    # Cloned, because safetensors refuses tensors that share memory, as tied weights do
    return {name: value.detach().contiguous().clone() for name, value in weights.items()}


def _search(content: Any, deep: int) -> dict[str, Tensor]:
    """The weights in a module, under a known key, in the mapping itself, or in its only nested mapping."""
    if isinstance(content, Kept):
        return dict(_read_module(content))
    if not isinstance(content, Mapping) or not deep:
        return {}
    for nest in NESTS:
        if weights := _search(content.get(nest), deep - 1):
            return weights
    if weights := _tensors(content):
        return weights
    others = [weights for value in content.values() if (weights := _tensors(value))]
    return others[0] if len(others) == 1 else {}


def _tensors(content: Any) -> dict[str, Tensor]:
    rows = content.items() if isinstance(content, Mapping) else ()
    # Other keys than these may take for ever to become text: tuples within tuples
    return {str(name): value for name, value in rows if isinstance(value, Tensor) and isinstance(name, str | int)}


def _read_module(module: Kept) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers under their names in the module's state_dict()."""
    waiting, parts = [("", module)], 0
    while waiting:
        prefix, here = waiting.pop()
        passing = _mapping(here, "_non_persistent_buffers_set")
        for kind in ("_parameters", "_buffers"):
            for name, value in _mapping(here, kind).items():
                parts += 1
                if isinstance(value, Tensor) and name not in passing:
                    yield f"{prefix}{name}", value
        children = {name: child for name, child in _mapping(here, "_modules").items() if isinstance(child, Kept)}
        waiting += [(f"{prefix}{name}.", child) for name, child in children.items()]
        parts += len(children)
        if parts > _PARTS or len(prefix) > _LONGEST:
            raise Foreign(f"holds a module of more than {_PARTS:,} parts, or with endless names; no CLIP has them")


def _mapping(module: Kept, name: str) -> dict[Any, Any]:
    value = vars(module).get(name)
    if isinstance(value, set):
        return dict.fromkeys(value)
    return dict(value) if isinstance(value, Mapping) else {}


def _check_sizes(tensors: Mapping[str, Tensor], size: int) -> None:
    """Raise Foreign for tensors that are not plain numbers, and for views that repeat a few numbers."""
    total = 0
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            plain = f"{tensor.layout}, {tensor.device.type}".removeprefix("torch.")
            kind = "quantised" if tensor.is_quantized else plain
            raise Foreign(f"holds {name} in a form that is not plain numbers ({kind}); save it as float32")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            held = tensor.untyped_storage().nbytes() // tensor.element_size()
            raise Foreign(f"claims {tensor.numel():,} numbers for {name} and holds {held:,}; it is no trained model")
        total += tensor.numel() * tensor.element_size()
    if total > _SHARED * size:
        raise Foreign(f"claims {total:,} bytes of weights and has {size:,}; it is no trained model")
