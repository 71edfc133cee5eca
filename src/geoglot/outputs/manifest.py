"""The record of a run as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geoglot.outputs.atomic import write_bytes


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document atomically, its keys in the order given."""
    write_bytes(path, (json.dumps(document, indent=1, default=str) + "\n").encode())
