"""The window of a file that a grid needs, and no more: a COG elsewhere is read by the blocks that it touches.

Urls may carry a signature. What GDAL logs of them loses it, and who reads tries again, not GDAL, which would log too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyproj
from jaxtyping import Bool, Float, Int
from pyproj.exceptions import CRSError
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from geoglot.errors import ReadError, SourceError
from geoglot.geo import Grid, Window
from geoglot.sources.gdal import environment, open_dataset
from geoglot.sources.resample import Resampler
from geoglot.sources.web import unsigned_text

_LOGGERS = ("rasterio._env", "rasterio._err", "rasterio._io", "rasterio._base")  # who passes on what GDAL says


def read_window(
    uri: str, indexes: Sequence[int], grid: Grid
) -> tuple[Float[np.ndarray, "band rows cols"], Bool[np.ndarray, "rows cols"]]:
    """Stored numbers of some bands on a grid, averaged and interpolated, and which pixels are valid."""
    with _opened(uri) as dataset:
        native = _native(dataset, uri)

        def stored(window: Window) -> tuple[np.ndarray, np.ndarray]:
            part = RasterioWindow(window.col, window.row, window.width, window.height)
            try:
                values = dataset.read(list(indexes), window=part)
                mask = dataset.read_masks(list(indexes), window=part).all(axis=0)
            except RasterioError as error:
                raise ReadError(
                    f"{uri}: {tuple(window)} (row, col, height, width): {error.__cause__ or error}"
                ) from error
            return values, mask & np.isfinite(values).all(axis=0)

        if not _touches(native, grid):
            return np.zeros((len(indexes), *grid.shape), np.float32), np.zeros(grid.shape, np.bool_)
        return Resampler(native, grid).read(stored, grid.whole)


def read_classes(uri: str, grid: Grid) -> Int[np.ndarray, "rows cols"]:
    """Numbers of the first band at each pixel's centre, -1 outside; not averaged: the mean of classes is none."""
    with _opened(uri) as dataset:
        native = _native(dataset, uri)
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
        except RasterioError as error:
            raise ReadError(f"{uri}: {error.__cause__ or error}") from error
        found[inside] = values[row[inside] - top, col[inside] - left]
        return found


@contextmanager
def _opened(uri: str) -> Iterator[Any]:
    """An open file that is asked once for everything."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if _without_signatures not in logger.filters:
            logger.addFilter(_without_signatures)
    with open_dataset(uri, GDAL_HTTP_MAX_RETRY="0") as dataset, environment(uri, GDAL_HTTP_MAX_RETRY="0"):
        yield dataset


def _without_signatures(record: logging.LogRecord) -> bool:
    """A filter of logs that changes what they say, and lets them all pass."""
    record.msg, record.args = unsigned_text(record.getMessage()), ()
    return True


def _native(dataset: object, uri: str) -> Grid:
    try:
        crs = pyproj.CRS.from_user_input(dataset.crs.to_wkt())  # type: ignore[attr-defined]
    except (CRSError, AttributeError) as error:
        raise SourceError(f"{uri} has no CRS, so that its pixels have no place") from error
    return Grid(crs, dataset.transform, dataset.shape)  # type: ignore[attr-defined]


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
