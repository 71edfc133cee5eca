"""Checks of files that others wrote, before anything is made from them."""

import json
from pathlib import Path
from typing import Any, NoReturn

from geoglot.errors import ModelError

_LARGEST_JSON = 4 * 2**20
#: First bytes of files that a download or a clone leaves in place of weights, and what the message says
_NOT_WEIGHTS = (
    (b"version https://git-lfs", "is a pointer of Git LFS, not the weights; get them with: git lfs pull"),
    (b"<!doctype", "is a web page, not weights; download the file itself, after signing in if the site asks for it"),
    (b"<html", "is a web page, not weights; download the file itself, after signing in if the site asks for it"),
    (b"\x93numpy", "is a NumPy array, not weights; save the model's state_dict() with torch.save"),
)


def check_is_weights(path: Path) -> None:
    """Raise ModelError for an empty file, and for one whose first bytes belong to another kind of file."""
    with path.open("rb") as file:
        head = file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not head:
        raise ModelError(f"{path} is empty; get it again")
    for start, message in _NOT_WEIGHTS:
        if head.startswith(start):
            raise ModelError(f"{path} {message}")


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises ValueError, in one line, if it is too large or too deep, or holds NaN or Infinity."""
    if path.stat().st_size > _LARGEST_JSON:
        raise ValueError(f"it has more than {_LARGEST_JSON // 2**20} MB")

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no number")

    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
