"""Keep library warnings from the user, in any number of threads.

`warnings.catch_warnings` replaces the filters of the whole process: of two threads inside, the first to leave would
remove the filters of the second.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_RASTER = re.compile("Dataset has no geotransform|The given matrix is equal to Affine.identity", re.IGNORECASE)
_lock = threading.Lock()
_inside = 0
_before: warnings.catch_warnings[None] | None = None


@contextmanager
def ignore_library_warnings(modules: str = r"(PIL|pyogrio|shapely)\.") -> Iterator[None]:
    """While any thread is inside, ignore warnings of `modules`, a pattern, and of rasters without a transform."""
    global _inside, _before
    with _lock:
        if not _inside:
            _before = warnings.catch_warnings()
            _before.__enter__()
        # A filter that exists is not added again: that removes it for a moment, in which another thread may warn.
        if ("ignore", _RASTER, Warning, None, 0) not in warnings.filters:
            warnings.filterwarnings("ignore", message=_RASTER.pattern)
        if ("ignore", None, Warning, re.compile(modules), 0) not in warnings.filters:
            warnings.filterwarnings("ignore", module=modules)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _before is not None:
                _before.__exit__(None, None, None)
