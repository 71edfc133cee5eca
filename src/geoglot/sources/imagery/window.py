"""Read an open file on another grid; of a COG, only the blocks that the grid touches are read."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pyproj
from jaxtyping import Bool, Float, Int
from pyproj.exceptions import CRSError
from rasterio.windows import Window as RasterioWindow

from geoglot.errors import ReadError, SourceError
from geoglot.geo import Grid
from geoglot.sources.gdal import GDAL_ERRORS
from geoglot.sources.pixels.band_reader import BandReader
from geoglot.sources.resample import Resampler

_MOST_PIXELS = 2**28  # of a tile of 448 px at 10 m these are pixels of 0.3 m


def read_window(
    dataset: Any, indexes: Sequence[int], grid: Grid
) -> tuple[Float[np.ndarray, "band rows cols"], Bool[np.ndarray, "rows cols"]]:
    """Stored numbers of some bands, averaged and interpolated to a grid, and the valid mask.

    SourceError for a file without a CRS or with far too many pixels, ReadError for a damaged file.
    """
    if max(indexes) > dataset.count:
        raise SourceError(f"band {max(indexes)} is wanted, and it has {dataset.count}")
    read = partial(BandReader.of(dataset, tuple(indexes)).read_valid, dataset, dataset.name)
    resampler = Resampler(grid_of(dataset), grid, len(indexes))
    _check_size(dataset, resampler.count_source_pixels(grid.whole))
    return resampler.read(read, grid.whole)


def read_classes(dataset: Any, grid: Grid) -> Int[np.ndarray, "rows cols"]:
    """Values of the first band at the pixels' centres, -1 outside. A mean of classes would be no class."""
    native = grid_of(dataset)
    rows, cols = np.mgrid[0 : grid.shape[0], 0 : grid.shape[1]] + 0.5
    same = native.crs == grid.crs
    place = native.to_pixel(*grid.to_map(rows, cols)) if same else native.from_lonlat(*grid.to_lonlat(rows, cols))
    row, col = (np.floor(axis).astype(np.int64) for axis in place)
    inside = (row >= 0) & (row < native.shape[0]) & (col >= 0) & (col < native.shape[1])
    classes = np.full(grid.shape, -1, np.int64)
    if not inside.any():
        return classes
    top, left = int(row[inside].min()), int(col[inside].min())
    part = RasterioWindow(left, top, int(col[inside].max()) - left + 1, int(row[inside].max()) - top + 1)
    _check_size(dataset, part.width * part.height)
    try:
        values = dataset.read(1, window=part)
    except GDAL_ERRORS as error:
        raise ReadError(f"{dataset.name}: {error.__cause__ or error}") from error
    classes[inside] = values[row[inside] - top, col[inside] - left]
    return classes


def _check_size(dataset: Any, pixels: int) -> None:
    if pixels > _MOST_PIXELS:
        raise SourceError(
            f"it has {pixels:,} pixels in one tile, more than {_MOST_PIXELS:,}; a larger number for "
            "tiles.resolution, or a smaller one for tiles.side, asks for less"
        )


def grid_of(dataset: Any) -> Grid:
    """The grid of an open file; SourceError if it has no CRS."""
    try:
        crs = pyproj.CRS.from_user_input(dataset.crs.to_wkt())
    except (CRSError, AttributeError) as error:
        raise SourceError(f"{dataset.name} has no CRS, so its pixels cannot be placed on a map") from error
    return Grid(crs, dataset.transform, dataset.shape)
