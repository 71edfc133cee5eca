"""Which chips of a scene: squares of the grid that is read, each centred on a cell of the world grid.

A chip of S metres is as many pixels a side as the model learned from, so a scale decides the resolution that is read.
The chip at the edge of a scene reaches beyond it, where the scene is mirrored.
"""

from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from geoglot.geo import Grid, Window
from geoglot.index.build.stac_scenes import StacScene
from geoglot.index.store.cells import Cell, cells_within, centres
from geoglot.lonlat import lonlat_bounds
from geoglot.sources.analysis_grid import analysis_grid
from geoglot.sources.raster import Raster

LEAST_INSIDE = 0.25
"""Share of a chip that must lie in its scene."""
Scene = TypeVar("Scene", bound=Raster | StacScene)


class ChipPlace(NamedTuple):
    """Where a chip lies."""

    cell: Cell | None
    """None for a picture without coordinates."""
    window: Window
    """Pixels of the grid that is read; it may reach beyond."""


def at_scale(scene: Scene, scale_m: float, side: int) -> Scene:
    """A scene on the grid in which a chip of `scale_m` is `side` pixels wide."""
    return replace(scene, grid=analysis_grid(scene.native, scale_m / side, scene.uri))


def find_places(grid: Grid, scale_m: float, side: int, part: slice = slice(None)) -> list[ChipPlace]:
    """The chips of `side` pixels that lie in a grid by at least a quarter; the one that does most if none does so.

    They are in rows from the north. `part` takes some of them.
    """
    across = list(cells_within(scale_m, *lonlat_bounds(grid)))
    row = np.repeat([row for row, _ in across], [len(cols) for _, cols in across])
    col = np.concatenate([cols for _, cols in across])
    top, left = chip_corners(grid, *centres(scale_m, row, col), side)
    share = _overlap(top, side, grid.shape[0]) * _overlap(left, side, grid.shape[1]) / side**2
    enough = np.flatnonzero(share >= LEAST_INSIDE)
    kept = enough if len(enough) else np.flatnonzero(share == share.max())[:1]
    numbers = np.column_stack([row, col, top, left])[kept[part]].tolist()
    return [ChipPlace(Cell(scale_m, r, c), Window(y, x, side, side)) for r, c, y, x in numbers]


def chip_corners(
    grid: Grid, lon: Float[np.ndarray, " chip"], lat: Float[np.ndarray, " chip"], side: int
) -> tuple[Int[np.ndarray, " chip"], Int[np.ndarray, " chip"]]:
    """The first row and column of chips of `side` pixels around places in degrees; they may reach beyond the grid."""
    top, left = (np.round(axis - side / 2).astype(np.int64) for axis in grid.from_lonlat(lon, lat))
    return top, left


def _overlap(first: np.ndarray, side: int, length: int) -> np.ndarray:
    return np.asarray((np.minimum(first + side, length) - np.maximum(first, 0)).clip(0))


def shows_enough(valid: Bool[np.ndarray, "rows cols"], window: Window, grid: Grid, least: float) -> bool:
    """Whether at least a share of the pixels of a chip inside its scene have data."""
    inside = window.intersection(grid.whole)
    return inside is not None and bool(valid.sum() >= max(1.0, least * inside.height * inside.width))
