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


def _skip_value(file: BinaryIO, size: int, kind: int) -> None:
    if kind == _TEXT:
        _skip_text(file, size)
    elif kind == _LIST:
        inner, count = _number(file, "<I"), _number(file, "<Q")
        if inner == _TEXT:
            for _ in range(count):
                _skip_text(file, size)
        else:
            _skip(file, size, _bytes_of(inner) * count)
    else:
        _skip(file, size, _bytes_of(kind))


def _skip_text(file: BinaryIO, size: int) -> None:
    _skip(file, size, _number(file, "<Q"))


def _skip(file: BinaryIO, size: int, count: int) -> None:
    if count > size - file.tell():
        raise ValueError("a text or a list is longer than the file")
    file.seek(count, 1)


def _bytes_of(kind: int) -> int:
    if kind >= len(_BYTES) or not _BYTES[kind]:
        raise ValueError(f"it has a value of the type {kind}, which is unknown here")
    return _BYTES[kind]
