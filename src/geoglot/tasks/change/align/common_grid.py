"""The grid that all dates are read on, and the date that the others are moved onto."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import shapely
from affine import Affine
from jaxtyping import Bool
from shapely.geometry.base import BaseGeometry

from geoglot.errors import InputError
from geoglot.figures import format_list
from geoglot.footprint import Footprint
from geoglot.geo import Grid, Window
from geoglot.scene.area import covered, read_area
from geoglot.sources.raster import Raster
from geoglot.sources.scene_day import period_of

_CONTEXT = 1024  # pixels along the least side of the ground around an area of interest that is looked at
_EDGE = 1e-6  # pixels by which rounding errors move an edge
_SAME_RESOLUTION = 0.02  # logarithm of a ratio up to which two resolutions are one


class Common(NamedTuple):
    """Where dates are compared."""

    grid: Grid
    area: BaseGeometry | None
    """The area of interest in pixels of `grid`; None if all of it counts."""
    overlap: float
    """Share of the smallest scene that lies in all others, 0..1."""

    def counts(self, window: Window) -> Bool[np.ndarray, "rows cols"]:
        """The pixels of a window whose centre lies in the area of interest."""
        return self._inside((window.height, window.width), Affine.translation(window.col, window.row))

    def counts_cells(self, side: int) -> Bool[np.ndarray, "rows cols"]:
        """The cells of `side` x `side` pixels whose centre lies in the area of interest, over all of the grid."""
        return self._inside(self.grid.coarser(side).shape, Affine.scale(side))

    def _inside(self, shape: tuple[int, int], place: Affine) -> Bool[np.ndarray, "rows cols"]:
        if self.area is None:
            return np.ones(shape, bool)
        return covered(self.area, shape, place)


def choose_resolution(grids: Sequence[Grid], understood: tuple[float, float]) -> float | None:
    """The coarsest resolution of the dates, in metres, within what a model understands; None without a CRS."""
    finest, coarsest = understood
    own = [grid.resolution_m for grid in grids]
    return None if None in own else min(max(finest, *(size for size in own if size)), coarsest)


def check_places(sources: Sequence[str], grids: Sequence[Grid]) -> None:
    """InputError for dates of which it is unknown how they lie on one another."""
    without = [source for source, grid in zip(sources, grids, strict=True) if grid.crs is None]
    if without and len(without) < len(grids):
        raise InputError(
            f"{format_list(without, 3)} must have a CRS as the other dates have, got none; "
            "assign it with: rio edit-info --crs --transform"
        )
    if without and len({(grid.shape, grid.transform) for grid in grids}) > 1:
        sizes = format_list([f"{grid.shape[1]} x {grid.shape[0]}" for grid in grids], 4)
        raise InputError(
            f"pictures without a CRS must show the same ground in the same number of pixels, got {sizes}; "
            "georeference them, or cut them to one size"
        )


def order_of_reference(rasters: Sequence[Raster]) -> list[int]:
    """Places of the rasters, the reference first, whatever the order they are given in: (a, b) mirrors (b, a).

    The coarsest is the reference, since a finer one loses less when it is resampled; then the one that is read in its
    own pixels, the earliest, and the first by name.
    """

    def key(place: int) -> tuple[int, bool, str, str]:
        raster = rasters[place]
        size = raster.native.resolution_m
        coarse = 0 if size is None else -round(math.log(size) / _SAME_RESOLUTION)
        period = period_of(raster.uri, raster.time)
        return coarse, raster.grid is not raster.native, period.first.isoformat() if period else "9", raster.uri

    return sorted(range(len(rasters)), key=key)


def find_common(rasters: Sequence[Raster], area: Path | None) -> Common:
    """The part of the first raster's grid that all rasters show; with an area of interest, that and what lies around.

    What is told of a small area by itself is little: shift, light and clouds are estimated on its surroundings too.
    """
    grid = rasters[0].grid
    whole = shapely.box(0, 0, *grid.shape[::-1])
    outlines = [Footprint.of(raster.native, grid).outline or whole for raster in rasters]
    shared = shapely.intersection_all([whole, *outlines])
    if shared.area < 1:
        names = format_list([raster.uri for raster in rasters], 3)
        raise InputError(f"{names} must show common ground, but they do not overlap; is their CRS right?")
    overlap = shared.area / min(outline.area for outline in outlines)
    if area is None:
        return _cut(Common(grid, None, overlap), _window_of(shared))
    wanted = read_area(area, grid)
    if (inside := shapely.intersection(shared, wanted)).area < 1:
        raise InputError(f"the area of interest in {area} must lie where all dates show the ground, and it does not")
    window = _window_of(inside)
    margin = max(0, -(-(_CONTEXT - min(window.height, window.width)) // 2))
    around = window.grown(margin).intersection(_window_of(shared))
    assert around is not None, "the area lies on shared ground"
    return _cut(Common(grid, wanted, overlap), around)


def cut_to_area(common: Common) -> tuple[Common, Window]:
    """The part of a common grid that holds the area of interest, and its window in the grid."""
    if common.area is None:
        return common, common.grid.whole
    window = _window_of(shapely.intersection(common.area, shapely.box(0, 0, *common.grid.shape[::-1])))
    return _cut(common, window), window


def _window_of(shape: BaseGeometry) -> Window:
    """The pixels that a shape touches."""
    left, top, right, bottom = shape.bounds
    row, col = math.floor(top + _EDGE), math.floor(left + _EDGE)
    return Window(row, col, math.ceil(bottom - _EDGE) - row, math.ceil(right - _EDGE) - col)


def _cut(common: Common, window: Window) -> Common:
    if window == common.grid.whole:
        return common
    area = common.area and shapely.affinity.translate(common.area, -window.col, -window.row)
    return common._replace(grid=common.grid.window(window), area=area)
