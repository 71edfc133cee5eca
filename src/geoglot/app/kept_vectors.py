"""The vectors of scenes that the map keeps, within a bound of the disk."""

import time
from pathlib import Path

from geoglot.outputs.own import discard

#: Bytes of all vectors
MOST = 20 * 2**30
_IN_USE = 3600.0  # seconds after which nobody reads vectors that nobody touched


def trim_vectors(folder: Path, most: int = MOST) -> None:
    """Remove the oldest vectors until the others fit; those that may be in use stay."""
    kept = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in kept}
    total, before = sum(sizes.values()), time.time() - _IN_USE
    for path in kept:
        if total <= most:
            return
        if path.stat().st_mtime < before:
            discard(path)
            total -= sizes[path]
