"""Open GDAL handles of one source, which its readers borrow."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from geoglot.errors import SourceError


class Handles:
    """A handle serves one thread at a time, so each reader borrows its own.

    A copy, also one in another process, opens handles of its own.
    """

    def __init__(self, open_handle: Callable[[], Any]) -> None:
        self._open = open_handle
        self._free: list[Any] = []
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Handles, (self._open,)

    @contextmanager
    def borrow(self) -> Iterator[Any]:
        """A handle that no other thread uses meanwhile."""
        self.check_open()
        with self._lock:
            handle = self._free.pop() if self._free else None
        handle = handle or self._open()
        try:
            yield handle
        finally:
            with self._lock:
                self._free.append(handle)
            if self._closed.is_set():
                self.close()

    def check_open(self) -> None:
        """SourceError if the handles were closed."""
        if self._closed.is_set():
            raise SourceError("The raster is closed; open it again with open_raster")

    def open_otherwise(self, open_handle: Callable[[], Any]) -> None:
        """Open handles in another way from now on; none may be borrowed."""
        self._open = open_handle
        self._close_free()

    def close(self) -> None:
        """Close all handles; a borrowed handle is closed when it is returned."""
        self._closed.set()
        self._close_free()

    def _close_free(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for handle in free:
            handle.close()
