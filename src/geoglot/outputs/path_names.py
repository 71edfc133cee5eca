"""Names that files are written under: what is refused before any work, and the hidden names beside them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from geoglot.aliases import not_utf8
from geoglot.errors import InputError

_LONGEST = 255  # bytes of a name that the file systems in use take
_TAKEN_APART = ";?!"  # by pyogrio, which reads a path as a URL, and an archive's member after "!"


def check_name(path: Path) -> None:
    """InputError for a name that cannot be written or told: not UTF-8, with control characters, or too long."""
    name = path.name
    check_text(name)
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise InputError(f"the name {name!r} holds a control character; give the output another name")
    if len(os.fsencode(name)) > _LONGEST:
        raise InputError(
            f"the name {name[:20]}...{path.suffix} has over {_LONGEST} bytes; give the output a shorter name"
        )


def check_text(name: str) -> None:
    """InputError for a name in another encoding than UTF-8."""
    if shown := not_utf8(name):
        raise InputError(f"the name {shown!r} is not UTF-8; rename it, and run the same again")


def is_there(name: str | Path) -> bool:
    """Whether there is a file or folder; False for a text that no name can be, such as words."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def vector_path(path: Path) -> Path:
    """A path as GDAL's vector drivers take it for a file, whatever its name begins with; InputError where none does."""
    whole = path.absolute()
    check_text(str(whole))
    if found := [letter for letter in _TAKEN_APART if letter in str(whole)]:
        raise InputError(
            f"{path} has {found[0]!r} in its path, which GDAL would take apart; rename it, or give another name"
        )
    return whole


def hidden(path: Path, kind: str) -> Path:
    """A hidden name beside a path, of the same file system; never too long."""
    name = f".{path.name}.{kind}"
    if len(os.fsencode(name)) > _LONGEST:
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}.{kind}"
    return path.with_name(name)
