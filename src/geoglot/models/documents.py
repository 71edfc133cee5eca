"""JSON that others wrote, bounded before it is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

_LARGEST = 4 * 2**20


def read_json(path: Path) -> Any:
    """The document in a file. ValueError, in one line, for what is too large or too deep, and for NaN and Infinity."""
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST // 2**20} MB")
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
