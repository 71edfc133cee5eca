"""Image files of a data set, in their own pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from geoglot.errors import ReadError
from geoglot.sources.gdal import gdal_options, open_dataset
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.truncated import check_not_truncated

_STRIP = 512  # rows that are read at a time

#: Reads one picture: RGB, float32, 0..1, (3, rows, cols)
Picture = Callable[[], Float[np.ndarray, "3 rows cols"]]


def open_native(path: Path, coarser: float = 1.0) -> Raster:
    """A raster in its own pixels, so that they lie under those of its mask; or in pixels so many times as large."""
    raster = open_raster(path)
    rows, cols = (max(1, round(side / coarser)) for side in raster.native.shape)
    return replace(raster, grid=raster.native if coarser == 1 else raster.native.resized((rows, cols)))


def read_picture(path: Path) -> Float[np.ndarray, "3 rows cols"]:
    """All of an image file as RGB 0..1."""
    with open_native(path) as raster:
        return raster.read(raster.grid.whole).pixels


def digest_of(path: Path) -> str:
    """Of all pixels of an image file as they are stored, whatever they are packed with; SourceError where one lacks."""
    check_not_truncated(path)
    digest = hashlib.sha256()
    with open_dataset(str(path)) as dataset, gdal_options(str(path)):
        rows, cols = dataset.shape
        digest.update(f"{dataset.count} {rows} {cols} {dataset.dtypes[0]}".encode())
        for row in range(0, rows, _STRIP):
            part = RasterioWindow(0, row, cols, min(_STRIP, rows - row))
            try:
                digest.update(dataset.read(window=part).tobytes())
            except RasterioError as error:
                raise ReadError(f"{path}, row {row} and on: {error.__cause__ or error}") from error
    return digest.hexdigest()[:32]


def picture(path: Path) -> Picture:
    """What reads this file."""
    return partial(read_picture, path)
