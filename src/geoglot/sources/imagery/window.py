"""The window of an open file that a grid needs, and no more: a COG is read by the blocks that it touches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj
from jaxtyping import Bool, Float, Int
from pyproj.exceptions import CRSError
from rasterio.windows import Window as RasterioWindow

from geoglot.errors import ReadError, SourceError
from geoglot.geo import Grid, Window
from geoglot.sources.gdal import GDAL_ERRORS
from geoglot.sources.pixels.band_reader import BandReader
from geoglot.sources.resample import Read, Resampler


def read_window(
    dataset: Any, indexes: Sequence[int], grid: Grid
) -> tuple[Float[np.ndarray, "band rows cols"], Bool[np.ndarray, "rows cols"]]:
    """Stored numbers of some bands on a grid, averaged and interpolated, and which pixels are valid.

    SourceError for a file without a place, ReadError for one that is damaged.
    """
    native, numbers = _native(dataset), BandReader.of(dataset, tuple(indexes))

    def stored(window: Window) -> tuple[np.ndarray, np.ndarray]:
        try:
            values, known = numbers.read(dataset, window)
        except GDAL_ERRORS as error:
            where = f"{tuple(window)} (row, col, height, width)"
            raise ReadError(f"{dataset.name}: {where}: {error.__cause__ or error}") from error
        return values, numbers.valid(known)

    return read_onto(native, grid, stored, len(indexes))


def read_onto(
    native: Grid, grid: Grid, read: Read, bands: int
) -> tuple[Float[np.ndarray, "band rows cols"], Bool[np.ndarray, "rows cols"]]:
    """What `read` gives of windows of one grid, on another: averaged and interpolated, and which pixels are valid."""
    if not _touches(native, grid):
        return np.zeros((bands, *grid.shape), np.float32), np.zeros(grid.shape, np.bool_)
    return Resampler(native, grid, bands).read(read, grid.whole)


def read_classes(dataset: Any, grid: Grid) -> Int[np.ndarray, "rows cols"]:
    """Numbers of the first band at each pixel's centre, -1 outside; not averaged: the mean of classes is none."""
    native = _native(dataset)
    rows, cols = np.mgrid[0 : grid.shape[0], 0 : grid.shape[1]] + 0.5
    row, col = (np.floor(axis).astype(np.int64) for axis in _positions(native, grid, rows, cols))
    inside = (row >= 0) & (row < native.shape[0]) & (col >= 0) & (col < native.shape[1])
    found = np.full(grid.shape, -1, np.int64)
    if not inside.any():
        return found
    top, left = int(row[inside].min()), int(col[inside].min())
    part = RasterioWindow(left, top, int(col[inside].max()) - left + 1, int(row[inside].max()) - top + 1)
    try:
        values = dataset.read(1, window=part)
    except GDAL_ERRORS as error:
        raise ReadError(f"{dataset.name}: {error.__cause__ or error}") from error
    found[inside] = values[row[inside] - top, col[inside] - left]
    return found


def _native(dataset: Any) -> Grid:
    try:
        crs = pyproj.CRS.from_user_input(dataset.crs.to_wkt())
    except (CRSError, AttributeError) as error:
        raise SourceError(f"{dataset.name} has no CRS, so that its pixels have no place") from error
    return Grid(crs, dataset.transform, dataset.shape)


def _positions(native: Grid, grid: Grid, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (
        native.from_lonlat(*grid.to_lonlat(rows, cols))
        if native.crs != grid.crs
        else native.to_pixel(*grid.to_map(rows, cols))
    )


def _touches(native: Grid, grid: Grid) -> bool:
    steps = (np.floor(np.linspace(0, side - 1, 9)) + 0.5 for side in grid.shape)
    row, col = _positions(native, grid, *np.meshgrid(*steps, indexing="ij"))
    return bool(((row >= 0) & (row <= native.shape[0]) & (col >= 0) & (col <= native.shape[1])).any())
