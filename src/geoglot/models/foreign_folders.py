"""Check a folder of transformers before a model is built from it, and read it without running its code.

Its config.json is another author's: a few bytes may declare a model that takes all memory, or name a program.
"""

import logging
import math
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from geoglot.errors import GeoglotError, ModelError
from geoglot.legible import reason_of
from geoglot.models.card import CONFIG
from geoglot.models.file_checks import count_numbers, read_json

#: A number of a model takes at least this part of a byte in a file: 1.6 bits in the smallest packed types
_NUMBERS_A_BYTE, _SPARE = 5, 2**20
_MOST_LAYERS, _MOST = 1000, 2**31
#: Files that transformers reads before the weights; the index of 700 billion numbers has 9 MB
_READ, _MOST_MB = ("*config.json", "*.index.json", "*tokens*.json", "chat_template.json"), 64
_DEEP = ("layers", "depth", "depths", "blocks")  # ends of the names of fields that count modules
#: Errors of transformers and torch for damaged files and impossible sizes
BROKEN = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ImportError, RuntimeError, ArithmeticError,
    MemoryError, AssertionError, struct.error, SafetensorError,
)  # fmt: skip


def check_folder(folder: Path) -> int:
    """Check the JSON files that transformers reads and the headers of the weights; returns the bytes of the weights.

    Raises ModelError for files that are too large, too deep or damaged, and for a size that no model has.
    """
    for path in sorted({file for pattern in _READ for file in folder.glob(pattern)}):
        try:
            content = read_json(path, _MOST_MB, infinite=True)
            if path.name == CONFIG:
                _check_sizes(content)
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be used ({error}); get the model again") from None
    weights = sorted(folder.glob("*.safetensors"))
    for path in weights:
        count_numbers(path)
    return sum(path.stat().st_size for path in weights)


def _check_sizes(content: Any) -> None:
    """Raise ValueError for a number of layers, or any other size, that is beyond all models."""
    waiting = [("", content)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(key), part) for key, part in value.items()]
        elif isinstance(value, list):
            waiting += [(name, part) for part in value]
        elif isinstance(value, int | float):
            most = _MOST_LAYERS if name.endswith(_DEEP) else _MOST
            if most < abs(value) < math.inf:
                raise ValueError(f"{name[:50]} must be up to {most:,}, got {str(value)[:20]}")


def require_bytes(build: Callable[[], nn.Module], held: int, what: str) -> None:
    """Raise ModelError if the model that `build` makes has more numbers than files of `held` bytes can hold."""
    if not held:
        raise ModelError(f"{what}: it has no weights in safetensors, and no others are read; get the model with them")
    with foreign(what), torch.device("meta"):
        model = build()
    claimed = sum(tensor.numel() for tensor in (*model.parameters(), *model.buffers()))
    if claimed > _NUMBERS_A_BYTE * held + _SPARE:
        raise ModelError(
            f"{what}: it declares {claimed:,} numbers, and its weights have {held:,} bytes; get the whole model again"
        )


@contextmanager
def foreign(what: str) -> Iterator[None]:
    """Turn errors of transformers into a ModelError of one line that begins with `what`, without its tables."""
    import transformers

    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(logging.ERROR)
    try:
        yield
    except GeoglotError:
        raise
    except BROKEN as error:
        why = reason_of(error, 300)
        if "trust_remote_code" in str(error):
            why = "it needs a program of its own, which is never run; take a model of a kind that transformers knows"
        raise ModelError(f"{what}: {why}") from None
    finally:
        transformers.logging.set_verbosity(before)
