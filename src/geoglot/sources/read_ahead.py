"""Reads windows in a thread ahead of the model, so that neither waits for the other."""

import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from geoglot.errors import ReadError
from geoglot.geo import Window
from geoglot.sources.tile import Tile

T = TypeVar("T")
_POLL_SECONDS = 0.05
_TRIES = 3  # of a window


@runtime_checkable
class Readable(Protocol):
    """A source of windows, such as a Raster."""

    def read(self, window: Window) -> Tile:
        """The pixels of a window; ReadError if it cannot be read."""


@dataclass(frozen=True)
class FailedWindow:
    """A window that could not be read, even when tried again."""

    window: Window
    reason: str


def read_ahead(
    raster: Readable, windows: Iterable[Window], depth: int = 8
) -> Generator[tuple[Window, Tile | FailedWindow]]:
    """Yield the tiles of windows in their order, at most `depth` of them waiting.

    A window that fails is read again twice, then yields a FailedWindow. Any other exception, also from `windows`, is
    raised here. The thread ends when this iterator is exhausted or closed.
    """
    return make_ahead(((window, read_patiently(raster, window)) for window in windows), depth)


def make_ahead(items: Iterable[T], depth: int) -> Generator[T]:
    """Yield items that a thread makes, at most `depth` of them waiting; their exceptions are raised here.

    The thread ends when this iterator is exhausted or closed.
    """
    waiting: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(item: tuple[T] | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                return waiting.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue

    def make() -> None:
        try:
            for item in items:
                put((item,))
                if stopped.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 the consumer raises it
            put(error)
        finally:
            if isinstance(items, Generator):  # it may hold a thread or a file, and ends in the thread that ran it
                items.close()

    thread = threading.Thread(target=make, name="geoglot-reader", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        stopped.set()
        thread.join()


def read_patiently(raster: Readable, window: Window) -> Tile | FailedWindow:
    """Read a window, and twice again if it fails."""
    reason = ""
    for _ in range(_TRIES):
        try:
            return raster.read(window)
        except ReadError as error:
            reason = str(error)
    return FailedWindow(window, reason)
