"""Names that files are written under: which are refused before any work, and the hidden names beside them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from geoglot.aliases import not_utf8
from geoglot.errors import InputError

_LONGEST = 255  # bytes that common file systems allow in a name
_SPLIT_BY_PYOGRIO = ";?!"  # it reads a path as a URL, and the member of an archive after "!"


def check_name(path: Path) -> None:
    """InputError for a name that is not UTF-8, holds a control character, or is too long."""
    name = path.name
    check_text(name)
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise InputError(f"the name {name!r} holds a control character; give the output another name")
    if len(os.fsencode(name)) > _LONGEST:
        raise InputError(
            f"the name {name[:20]}...{path.suffix} has over {_LONGEST} bytes; give the output a shorter name"
        )


def check_text(name: str) -> None:
    """InputError for a name that is not UTF-8."""
    if shown := not_utf8(name):
        raise InputError(f"the name {shown!r} is not UTF-8; rename it, and run the same again")


def is_there(name: str | Path) -> bool:
    """Whether a file or folder exists; False for text that cannot be a name, such as class words."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def vector_path(path: Path) -> Path:
    """The absolute path, which GDAL's vector drivers read as a file name; InputError if they would split it."""
    whole = path.absolute()
    check_text(str(whole))
    if split := [letter for letter in _SPLIT_BY_PYOGRIO if letter in str(whole)]:
        raise InputError(
            f"{path} has {split[0]!r} in its path, which GDAL would take apart; rename it, or give another name"
        )
    return whole


def hidden(path: Path, kind: str) -> Path:
    """A hidden name in the same folder, never too long."""
    name = f".{path.name}.{kind}"
    if len(os.fsencode(name)) > _LONGEST:
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}.{kind}"
    return path.with_name(name)
