"""Find the files of a checkpoint: a single file, a folder, or the parts that an index lists."""

import re
from pathlib import Path

from torch import Tensor

from geoglot.errors import ConvertError
from geoglot.models.convert.unpickle import load_checkpoint
from geoglot.models.file_checks import read_json
from geoglot.models.model_files import HF_WEIGHTS

#: File names of transformers; an index of parts has the same name with .index.json
_NAMES = (HF_WEIGHTS, "pytorch_model.bin")
_INDEX = ".index.json"
_PART = re.compile(r"(?P<name>.+?)-\d+-of-(?P<parts>\d+)(?P<suffix>\.\w+)")
_KINDS = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.ckpt")


def read_checkpoint(source: Path) -> dict[str, Tensor]:
    """Tensors by name: of a file, of the weights in a folder, or of all parts if `source` is one of them."""
    file = _weights_file(source) if source.is_dir() else source
    if part := _PART.fullmatch(file.name):
        file = file.with_name(f"{part['name']}{part['suffix']}{_INDEX}")
        if not file.is_file():
            raise ConvertError(
                f"{source} is one of {int(part['parts'][:9])} parts, and their index {file.name} is not beside it; "
                "give the folder with the index and all parts"
            )
    return _join(file) if file.name.endswith(_INDEX) else load_checkpoint(file)


def _weights_file(folder: Path) -> Path:
    """The weights in a folder, or the index of their parts."""
    for name in (*_NAMES, *(f"{name}{_INDEX}" for name in _NAMES)):
        if (folder / name).is_file():
            return folder / name
    files = sorted(path for kind in _KINDS for path in folder.glob(kind) if path.is_file())
    if len(files) == 1 or (files and all(_PART.fullmatch(path.name) for path in files)):
        return files[0]
    raise ConvertError(f"{folder} holds neither {_NAMES[0]} nor {_NAMES[1]}; give the checkpoint's file")


def _join(index: Path) -> dict[str, Tensor]:
    """Tensors of all parts; each name must be in one part."""
    try:
        table = read_json(index)["weight_map"]
        parts = sorted(set(table.values()))
        if not parts or any(Path(part).name != part for part in parts):
            raise ValueError("a part is not a file beside it")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConvertError(f"{index} is no index of parts ({error}); save the model again") from None
    if missing := [part for part in parts if not (index.parent / part).is_file()]:
        raise ConvertError(f"{index} lists {missing[0]}, which is not beside it; copy all {len(parts)} parts there")
    joined: dict[str, Tensor] = {}
    for part in parts:
        tensors = load_checkpoint(index.parent / part)
        if twice := sorted(tensors.keys() & joined.keys()):
            raise ConvertError(f"{twice[0]} is in two parts of {index}; save the model again")
        joined |= tensors
    if lacking := sorted(table.keys() - joined.keys()):
        raise ConvertError(f"{lacking[0]} of {index} is in none of its parts; copy them again")
    return joined
