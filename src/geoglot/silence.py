"""Warnings of libraries about files that are not their reader's fault, kept from the user, in any number of threads.

`warnings.catch_warnings` exchanges the filters of the whole process: of two threads inside it, the first that leaves
takes away what the second has set.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_before: warnings.catch_warnings[None] | None = None


@contextmanager
def ignore_library_warnings() -> Iterator[None]:
    """While any thread is inside: no warnings of a raster without a place, of damaged tags, of geometries as read."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _before
    with _lock:
        if not _inside:
            _before = warnings.catch_warnings()
            _before.__enter__()
            warnings.filterwarnings("ignore", message="Dataset has no geotransform")  # rasterio's
            warnings.filterwarnings("ignore", module=r"(PIL|pyogrio|shapely)\.")
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside and _before is not None:
            _before.__exit__(None, None, None)
