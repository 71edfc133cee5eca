"""Small pictures of whole dates, pixel on pixel: what is decided once for a scene is decided on them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from geoglot.errors import ReadError
from geoglot.geo import Grid, Window
from geoglot.sources.pixels.band_reader import BandReader
from geoglot.sources.raster import Raster
from geoglot.sources.resample import Resampler

_SIDE = 1024  # pixels of a small picture
_STRIP = 128  # rows that are read at once, which bounds memory

Numbers = tuple[Float[np.ndarray, "band rows cols"], Bool[np.ndarray, "rows cols"]]
"""Values, and where all bands have one."""


def cell_side(grid: Grid) -> int:
    """Pixels of a grid along a pixel of its small picture."""
    return -(-max(grid.shape) // _SIDE)


def look(raster: Raster, side: int, reader: BandReader | None = None) -> Numbers:
    """The stored numbers of a whole raster, `side` pixels of its grid averaged to one, from overviews if there are any.

    The bands are those of `reader`, else red, green and blue.
    """
    return read_reduced(raster, raster.grid.coarser(side), reader)


def read_reduced(raster: Raster, small: Grid, reader: BandReader | None = None) -> Numbers:
    """The stored numbers of a raster on a coarser grid, as `look` gives them."""
    strips = list(_strips(raster, small, reader))
    values, valid = (np.concatenate(parts, axis=-2) for parts in zip(*strips, strict=True))
    return values, valid


def _strips(raster: Raster, small: Grid, reader: BandReader | None) -> Iterator[Numbers]:
    for window in small.whole.cut(_STRIP, small.shape[1]):
        part = _part_of(raster.native, small, window)
        try:
            yield _nothing(raster, window, reader) if part is None else _read(raster, small, window, part, reader)
        except ReadError:  # the run, which reads all windows, reports what is damaged
            yield _nothing(raster, window, reader)


def _read(raster: Raster, small: Grid, window: Window, part: Window, reader: BandReader | None) -> Numbers:
    factor = _factor(raster.native, small)
    shape = max(1, round(part.height / factor)), max(1, round(part.width / factor))
    stored = raster.read_stored(part, shape, reader)
    reduced = raster.native.window(part).resized(shape)
    return Resampler(reduced, small, len(stored[0])).read(partial(_cut, stored), window)


def _nothing(raster: Raster, window: Window, reader: BandReader | None) -> Numbers:
    shape = window.height, window.width
    return np.zeros((len((reader or raster).indexes), *shape), np.float32), np.zeros(shape, bool)


def _cut(stored: tuple[np.ndarray, np.ndarray], window: Window) -> tuple[np.ndarray, np.ndarray]:
    return stored[0][:, *window.slices], stored[1][window.slices]


def _factor(native: Grid, small: Grid) -> int:
    """Pixels of a file along a pixel of the small picture, as a whole number."""
    rows, cols = _corners(native, small, Window(small.shape[0] // 2, small.shape[1] // 2, 1, 1))
    return max(1, round(float(min(np.ptp(rows), np.ptp(cols)))))


def _part_of(native: Grid, small: Grid, window: Window) -> Window | None:
    """The pixels of a file that a window of the small picture is averaged from, and a few around them."""
    rows, cols = _corners(native, small, window)
    margin = 2 * _factor(native, small)
    top, left = int(rows.min()) - margin, int(cols.min()) - margin
    box = Window(top, left, int(rows.max()) + margin - top, int(cols.max()) + margin - left)
    return box.intersection(native.whole)


def _corners(native: Grid, small: Grid, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (rows, cols) of a file at the edge of a window of the small picture."""
    there = np.linspace(0, 1, 9)
    down, across = np.meshgrid(window.row + there * window.height, window.col + there * window.width)
    return Resampler(native, small).to_source(down, across)
