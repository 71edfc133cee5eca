"""The part of a raster that a question looks at, and its pixels at the size that a model sees."""

from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geoglot.geo import Grid, Window
from geoglot.sources.tile import Tile


def frame_of(outline: BaseGeometry, grid: Grid) -> Window:
    """The smallest window of a grid around an outline in its pixels."""
    left, top, right, bottom = shapely.bounds(outline)
    first, last = (int(np.floor(top)), int(np.floor(left))), (int(np.ceil(bottom)), int(np.ceil(right)))
    window = Window(*first, last[0] - first[0], last[1] - first[1])
    return window.intersection(grid.whole) or grid.whole


def average_blocks(tile: Tile, factor: int) -> Tile:
    """Average blocks of factor x factor pixels. Pixels at the edges that fill no block are dropped."""
    if factor <= 1:
        return tile
    rows, cols = (max(1, side // factor) * factor for side in tile.valid.shape)
    rows, cols = min(rows, tile.valid.shape[0]), min(cols, tile.valid.shape[1])
    down, across = min(factor, rows), min(factor, cols)
    blocks = tile.pixels[:, :rows, :cols].reshape(len(tile.pixels), rows // down, down, cols // across, across)
    valid = tile.valid[:rows, :cols].reshape(rows // down, down, cols // across, across).all(axis=(1, 3))
    grid = tile.grid.window(Window(0, 0, rows, cols)).resized(valid.shape)
    return replace(tile, pixels=blocks.mean(axis=(2, 4), dtype=np.float32), valid=np.asarray(valid), grid=grid)
