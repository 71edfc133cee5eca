"""TESSERA (Feng et al. 2025, arXiv 2506.20380): yearly vectors of 128 numbers at 10 m, int8 with a scale per pixel.

As pairs of arrays: `grid_LON_LAT.npy` (rows, cols, 128) and `grid_LON_LAT_scales.npy` (rows, cols) or (rows, cols,
128), whose place is that of the land mask `grid_LON_LAT.tiff`. A scale that is not finite means no data.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from geoglot.errors import SourceError
from geoglot.geo import Grid, Window
from geoglot.index.exchange.alphaearth import year_of
from geoglot.index.exchange.pixel_products import PixelProduct, Pixels, unpack
from geoglot.index.store.archive import ModelFacts
from geoglot.shards import map_array
from geoglot.sources.gdal import open_dataset
from geoglot.sources.georeferencing import locate

NAME, DIM = "TESSERA", 128
SCALES = "_scales.npy"
_MASKS = (".tiff", ".tif", "_landmask.tiff", "_landmask.tif")


def find_pairs(folder: Path) -> list[Path]:
    """The arrays of a folder that have scales beside them."""
    return sorted(path.with_name(f"{path.name.removesuffix(SCALES)}.npy") for path in folder.rglob(f"*{SCALES}"))


@contextmanager
def open_pair(path: Path, made_by: str | None = None) -> Iterator[PixelProduct]:
    """Open a pair by its array; SourceError if its scales or its land mask are missing or of another size."""
    stored = _map(path)
    scales = _map(path.with_name(f"{path.stem}{SCALES}"))
    if stored.dtype != np.int8 or stored.ndim != 3 or stored.shape[2] != DIM:
        raise SourceError(f"{path} must be int8 (rows, cols, {DIM}), got {stored.dtype} {stored.shape}")
    if scales.shape not in (stored.shape[:2], stored.shape):
        raise SourceError(f"the scales of {path} must be {stored.shape[:2]}, got {scales.shape}")
    grid = _grid(path)
    if grid.shape != stored.shape[:2]:
        raise SourceError(f"{path} has {stored.shape[:2]} pixels and its land mask {grid.shape}; get both again")

    def read(window: Window) -> Pixels:
        scale = scales[window.slices]
        return unpack(np.moveaxis(stored[window.slices], 2, 0), scale if scale.ndim == 2 else np.moveaxis(scale, 2, 0))

    yield PixelProduct(ModelFacts(made_by or _version(path), "", DIM), str(path), grid, year_of(str(path)), read)


def _map(path: Path) -> np.ndarray:
    array = map_array(path, "get it again, with its scales beside it")
    if array.dtype.kind not in "if":
        raise SourceError(f"{path} must hold numbers, got {array.dtype}; get it again")
    return array


def _grid(path: Path) -> Grid:
    """The grid of the land mask beside an array."""
    for mask in (path.with_name(path.stem + ending) for ending in _MASKS):
        if mask.is_file():
            with open_dataset(str(mask)) as dataset:
                return locate(dataset, str(mask)).grid
    raise SourceError(f"{path} has no place: put its land mask {path.stem}.tiff beside it, which geotessera downloads")


def _version(path: Path) -> str:
    """The name with the version that a folder says, since vectors of two versions do not compare."""
    folders = [part for part in path.parts if re.fullmatch(r"v\d[\w.~-]*", part)]
    return f"{NAME} {folders[-1]}" if folders else NAME
