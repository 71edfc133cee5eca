"""The tiles of web maps: squares of the Mercator projection, z/x/y with the first in the north-west."""

from __future__ import annotations

import math
from dataclasses import replace

import pyproj
from affine import Affine

from geoglot.geo import Grid

SIDE = 256  # pixels of a tile
#: Metres of the map from edge to edge
WIDTH = 2 * math.pi * 6378137.0
MERCATOR = pyproj.CRS(3857)
#: The largest zoom: a pixel of 2 mm
DEEPEST = 26
_MARGIN = 2  # zooms below that at which a scene fills a tile


def tile_grid(z: int, x: int, y: int) -> Grid:
    """The grid of a tile."""
    side = WIDTH / 2**z
    pixel = side / SIDE
    return Grid(MERCATOR, Affine(pixel, 0, x * side - WIDTH / 2, 0, -pixel, WIDTH / 2 - y * side), (SIDE, SIDE))


def is_tile(z: int, x: int, y: int) -> bool:
    """Whether there is such a tile."""
    return 0 <= z <= DEEPEST and 0 <= x < 2**z and 0 <= y < 2**z


def placed(grid: Grid) -> Grid:
    """The grid itself, or for one without a CRS the same pixels around 0, 0, each 1 m of the map wide."""
    if grid.crs is not None:
        return grid
    rows, cols = grid.shape
    return replace(grid, crs=MERCATOR, transform=Affine(1, 0, -cols / 2, 0, -1, rows / 2))


def zooms(grid: Grid) -> tuple[int, int]:
    """The zooms from which and up to which a placed grid is shown: a quarter of a tile wide, and pixel by pixel."""
    pixel = grid.resolution_m or 1.0
    equator = WIDTH / SIDE
    _, lat = grid.to_lonlat(grid.shape[0] / 2, grid.shape[1] / 2)
    stretch = max(math.cos(math.radians(float(lat))), 0.01)
    deepest = min(DEEPEST, max(0, math.ceil(math.log2(equator * stretch / pixel))))
    fits = deepest - math.ceil(math.log2(max(1.0, max(grid.shape) / SIDE)))
    return max(0, fits - _MARGIN), deepest
