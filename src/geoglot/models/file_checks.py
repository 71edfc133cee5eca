"""Checks of files that others wrote, before anything is made from them."""

import json
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, NoReturn

from geoglot.errors import ModelError
from geoglot.legible import reason_of
from geoglot.tables import parse_json

#: The escape of half a character, which no file and no terminal can hold alone
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
#: First bytes of files that a download or a clone leaves in place of weights, and what the message says
_NOT_WEIGHTS = (
    (b"version https://git-lfs", "is a pointer of Git LFS, not the weights; get them with: git lfs pull"),
    (b"<!doctype", "is a web page, not weights; download the file itself, after signing in if the site asks for it"),
    (b"<html", "is a web page, not weights; download the file itself, after signing in if the site asks for it"),
    (b"\x93numpy", "is a NumPy array, not weights; save the model's state_dict() with torch.save"),
)
#: Limits of the header of a safetensors file; the largest models have a few thousand tensors in one
_LARGEST_HEADER_MB, _MOST_TENSORS = 16, 100_000
#: Types of safetensors that become float32 or stay as they are
PLAIN_TYPES = frozenset({"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"})


def check_is_weights(path: Path) -> None:
    """Raise ModelError for what is no file, an empty file, and one whose first bytes belong to another kind of file."""
    if not path.is_file():  # opening a pipe would wait for somebody who writes
        raise ModelError(f"{path} is no file; give the file itself")
    with path.open("rb") as file:
        head = file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not head:
        raise ModelError(f"{path} is empty; get it again")
    for start, message in _NOT_WEIGHTS:
        if head.startswith(start):
            raise ModelError(f"{path} {message}")


def read_json(path: Path, most_mb: int = 4, *, infinite: bool = False) -> Any:
    """Read a JSON file.

    Raises ValueError, in one line, if it is a pipe or a device, is too large or too deep, or holds half a character;
    also for NaN and Infinity, unless `infinite`.
    """
    if path.exists() and not path.is_file():  # opening a pipe would wait for somebody who writes
        raise ValueError("it is a folder, a device or a pipe")
    if path.stat().st_size > most_mb * 2**20:
        raise ValueError(f"it has more than {most_mb} MB")

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no number")

    text = path.read_text(encoding="utf-8")
    content = parse_json(text, None if infinite else refuse)
    if _HALF.search(text):
        json.dumps(content, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    return content


def count_numbers(path: Path, types: Collection[str] | None = None) -> int:
    """Count the numbers in a safetensors file by its header; errors as in `read_shapes`."""
    return sum(map(math.prod, read_shapes(path, types).values()))


def read_shapes(path: Path, types: Collection[str] | None = None) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor in a safetensors file, by its header.

    Raises ModelError if the header is damaged or larger than any model's, or names a type that is not in `types`.
    """
    check_is_weights(path)
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > _LARGEST_HEADER_MB * 2**20:
            raise ModelError(
                f"{path} is not a safetensors file: its header must have at most {_LARGEST_HEADER_MB} MB, "
                f"got {size / 2**20:,.0f} MB; pull or convert it again"
            )
        text = file.read(size)
    try:
        header = {name: value for name, value in parse_json(text).items() if name != "__metadata__"}
        entries = list(header.values())
        if len(entries) > _MOST_TENSORS:
            raise ValueError(f"it has {len(entries):,} tensors, and a model has at most {_MOST_TENSORS:,}")
        if types and (other := sorted({entry["dtype"] for entry in entries} - set(types))):
            raise ValueError(f"numbers of the type {str(other[0])[:20]}, which is not plain")
        if not all(type(side) is int and 0 <= side < 2**63 for entry in entries for side in entry["shape"]):
            raise ValueError("a shape must be whole numbers")
        return {name: tuple(entry["shape"]) for name, entry in header.items()}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        why = reason_of(error)
        raise ModelError(f"{path} is not a safetensors file ({why}); pull or convert it again") from None
