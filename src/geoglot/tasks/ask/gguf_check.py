"""Check the head of a GGUF file, whose lists and texts may claim any length, before a library reads it."""

import struct
from pathlib import Path
from typing import BinaryIO

from geoglot.errors import ModelError

_BYTES = (1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8)  # of a value by its type
_TEXT, _LIST = 8, 9
_MOST = 100_000  # tensors, and entries before them


def check_gguf(path: Path) -> None:
    """Raise ModelError for a GGUF file whose lists or texts are longer than the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            magic, _, tensors, entries = struct.unpack("<4sIQQ", file.read(24))
            if magic != b"GGUF" or max(tensors, entries) > _MOST:
                raise ValueError("it has no head of GGUF, or no true one")
            for _ in range(entries):
                _skip_text(file, size)
                _skip_value(file, size, _number(file, "<I"))
        except (struct.error, ValueError, OSError) as error:
            raise ModelError(f"{path} cannot be loaded: it is not a whole GGUF file ({error}); get it again") from None


def _number(file: BinaryIO, kind: str) -> int:
    return int(struct.unpack(kind, file.read(struct.calcsize(kind)))[0])


def _skip_text(file: BinaryIO, size: int) -> None:
    length = _number(file, "<Q")
    if length > size - file.tell():
        raise ValueError("a text is longer than the file")
    file.seek(length, 1)


def _skip_value(file: BinaryIO, size: int, kind: int) -> None:
    if kind >= len(_BYTES):
        raise ValueError(f"there is no type {kind}")
    if kind == _TEXT:
        _skip_text(file, size)
    elif kind == _LIST:
        inner, count = _number(file, "<I"), _number(file, "<Q")
        if inner == _LIST or count > size - file.tell():
            raise ValueError("a list is longer than the file, or holds lists")
        if inner == _TEXT:
            for _ in range(count):
                _skip_text(file, size)
        else:
            _skip_value_run(file, size, inner, count)
    else:
        file.seek(_BYTES[kind], 1)


def _skip_value_run(file: BinaryIO, size: int, kind: int, count: int) -> None:
    if kind >= len(_BYTES) or _BYTES[kind] * count > size - file.tell():
        raise ValueError("a list is longer than the file")
    file.seek(_BYTES[kind] * count, 1)
