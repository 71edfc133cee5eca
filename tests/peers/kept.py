"""What a collection leaves on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path


def digests(output: Path) -> dict[str, str]:
    """Of all files of the pair sets, and of the report."""
    files = [path for name in ("train", "validation", "test") for path in (output / name).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [*files, output / "report.html"]
    }


def half_files(output: Path) -> list[str]:
    """Names of temporary files that were left."""
    return [path.name for path in output.rglob(".*") if path.name != ".lock"]
