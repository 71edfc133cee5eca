from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from conftest import MakeGrid
from geoglot.errors import ReadError
from geoglot.geo import Grid, Window
from geoglot.sources.read_ahead import FailedWindow, make_ahead, read_ahead
from geoglot.sources.tile import Tile

WINDOWS = [Window(row, 0, 4, 4) for row in range(40)]


class Source:
    """Tiles of zeros; some windows fail so many times, one raises what nobody expects."""

    def __init__(self, grid: Grid, failures: dict[int, int] | None = None, broken: int | None = None) -> None:
        self.grid, self.failures, self.broken = grid, failures or {}, broken
        self.read_rows: list[int] = []

    def read(self, window: Window) -> Tile:
        self.read_rows.append(window.row)
        if window.row == self.broken:
            raise MemoryError("too large")
        if self.failures.get(window.row, 0):
            self.failures[window.row] -= 1
            raise ReadError(f"block of row {window.row}")
        pixels = np.zeros((3, 4, 4), np.float32)
        return Tile(pixels, np.ones((4, 4), np.bool_), self.grid.window(window), ("r", "g", "b"), None, "memory")


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "geoglot-reader"]


def test_tiles_come_in_order(make_grid: MakeGrid) -> None:
    source = Source(make_grid())
    got = list(read_ahead(source, iter(WINDOWS), depth=3))
    assert [window for window, _ in got] == WINDOWS
    assert all(isinstance(tile, Tile) and tile.grid == source.grid.window(window) for window, tile in got)
    assert readers() == []


def test_a_window_is_tried_again_then_reported(make_grid: MakeGrid) -> None:
    source = Source(make_grid(), failures={3: 2, 5: 3})
    got = dict(read_ahead(source, WINDOWS))
    assert isinstance(got[WINDOWS[3]], Tile)
    assert got[WINDOWS[5]] == FailedWindow(WINDOWS[5], "block of row 5")
    assert source.read_rows.count(5) == 3 and len(got) == len(WINDOWS)


def test_it_reads_ahead_but_not_too_far(make_grid: MakeGrid) -> None:
    source = Source(make_grid())
    tiles = read_ahead(source, WINDOWS, depth=4)
    next(tiles)
    deadline = time.monotonic() + 5
    while len(source.read_rows) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(source.read_rows) == 6  # one taken, four waiting, one in hand
    tiles.close()  # type: ignore[attr-defined]


def test_the_thread_ends_when_the_consumer_stops(make_grid: MakeGrid) -> None:
    source = Source(make_grid())
    tiles = read_ahead(source, WINDOWS, depth=2)
    next(tiles)
    began = time.monotonic()
    tiles.close()  # type: ignore[attr-defined]
    assert readers() == [] and time.monotonic() - began < 1
    assert len(source.read_rows) < len(WINDOWS)


def test_other_exceptions_reach_the_consumer(make_grid: MakeGrid) -> None:
    with pytest.raises(MemoryError, match="too large"):
        list(read_ahead(Source(make_grid(), broken=7), WINDOWS))

    def windows() -> Iterator[Window]:
        yield WINDOWS[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(read_ahead(Source(make_grid()), windows()))
    assert readers() == []


def test_what_makes_the_items_is_closed_with_them() -> None:
    closed = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.set()

    items = make_ahead(numbers(), depth=2)
    assert next(items) == 0
    items.close()
    assert closed.is_set()
