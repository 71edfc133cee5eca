"""Which files hold a checkpoint: one, those in a folder, or the parts that an index joins."""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from geoglot.errors import ConvertError
from geoglot.models.convert.unpickle import load_checkpoint
from geoglot.models.documents import read_json
from geoglot.models.model_files import HF_WEIGHTS

#: What transformers calls the weights of a folder; an index beside parts has the same name and .index.json
_NAMES = (HF_WEIGHTS, "pytorch_model.bin")
_INDEX = ".index.json"
_PART = re.compile(r"(?P<name>.+?)-\d+-of-(?P<parts>\d+)(?P<suffix>\.\w+)")
_KINDS = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.ckpt")


def read_checkpoint(source: Path) -> dict[str, Tensor]:
    """Tensors by name of a file, of a folder's weights, or of all parts where `source` is one of them."""
    file = _weights_file(source) if source.is_dir() else source
    if part := _PART.fullmatch(file.name):
        file = file.with_name(f"{part['name']}{part['suffix']}{_INDEX}")
        if not file.is_file():
            raise ConvertError(
                f"{source} is one of {int(part['parts'][:9])} parts, and {file.name} that joins them is not beside it; "
                "give the folder with the index and all parts"
            )
    return _joined(file) if file.name.endswith(_INDEX) else load_checkpoint(file)


def _weights_file(folder: Path) -> Path:
    """The weights in a folder, or the index of their parts."""
    for name in (*_NAMES, *(f"{name}{_INDEX}" for name in _NAMES)):
        if (folder / name).is_file():
            return folder / name
    found = sorted(path for kind in _KINDS for path in folder.glob(kind) if path.is_file())
    if len(found) == 1 or (found and all(_PART.fullmatch(path.name) for path in found)):
        return found[0]
    raise ConvertError(f"{folder} holds neither {_NAMES[0]} nor {_NAMES[1]}; give the checkpoint's file")


def _joined(index: Path) -> dict[str, Tensor]:
    """The tensors of all parts; each name once, in the part that the index says."""
    try:
        table = read_json(index)["weight_map"]
        parts = sorted(set(table.values()))
        if not parts or any(Path(part).name != part for part in parts):
            raise ValueError("a part is not a file beside it")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConvertError(f"{index} is no index of parts ({error}); save the model again") from None
    if missing := [part for part in parts if not (index.parent / part).is_file()]:
        raise ConvertError(f"{index} speaks of {missing[0]}, which is not beside it; copy all {len(parts)} parts there")
    found: dict[str, Tensor] = {}
    for part in parts:
        tensors = load_checkpoint(index.parent / part)
        if twice := sorted(tensors.keys() & found.keys()):
            raise ConvertError(f"{twice[0]} is in two parts of {index}; save the model again")
        found |= tensors
    if lacking := sorted(table.keys() - found.keys()):
        raise ConvertError(f"{lacking[0]} of {index} is in none of its parts; copy them again")
    return found
