"""The vectors of scenes that the map keeps, within a bound of the disk."""

import time
from contextlib import suppress
from pathlib import Path

from geoglot.outputs.own import discard

#: Bytes of all vectors
MOST = 20 * 2**30
_IN_USE = 3600.0  # seconds after which nobody reads vectors that nobody touched


def trim_vectors(folder: Path, most: int = MOST) -> None:
    """Remove the oldest vectors until the others fit; those that may be in use stay. Others may write meanwhile."""
    kept = sorted((_age(path), path, _count_bytes(path)) for path in folder.iterdir() if path.is_dir())
    total, before = sum(size for _, _, size in kept), time.time() - _IN_USE
    for age, path, size in kept:
        if total <= most:
            return
        if age < before:
            with suppress(FileNotFoundError):
                discard(path)
            total -= size


def _age(folder: Path) -> float:
    with suppress(FileNotFoundError):
        return folder.stat().st_mtime
    return 0.0


def _count_bytes(folder: Path) -> int:
    size = 0
    with suppress(FileNotFoundError):
        for file in folder.iterdir():
            with suppress(FileNotFoundError):
                size += file.stat().st_size
    return size
