"""An area of interest in a raster that is described: how much of it there is, and the pixels in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from jaxtyping import Num

from geoglot.aliases import PathLike
from geoglot.geo import Window
from geoglot.geodesy import geodesic_area_m2
from geoglot.lonlat import to_map
from geoglot.scene.area import covered, read_area
from geoglot.sources.analysis_grid import shrink
from geoglot.sources.raster import Raster
from geoglot.sources.tile import Tile


@dataclass(frozen=True)
class InspectedArea:
    """The part of an area of interest that lies in a raster."""

    file: str
    area_m2: float | None
    """None without a CRS."""
    share: float
    """Of the raster, 0..1."""

    @classmethod
    def of(cls, path: PathLike, raster: Raster) -> InspectedArea:
        """The area of a file; InputError if it holds no polygon, OutsideError if none touches the raster."""
        grid = raster.native
        rows, cols = grid.shape
        inside = shapely.intersection(read_area(Path(path), grid), shapely.box(0, 0, cols, rows))
        area = float(geodesic_area_m2(to_map([inside], grid), grid.crs)[0]) if grid.crs else None
        return cls(str(path), area, inside.area / (rows * cols))


def look_within(raster: Raster, path: PathLike, side: int) -> tuple[Tile, Num[np.ndarray, "band rows cols"]]:
    """The window around an area with at most `side` pixels on its longer side, and the stored numbers of its pixels.

    What lies outside the area is not valid.
    """
    area = read_area(Path(path), raster.native)
    left, top, right, bottom = area.bounds
    corner = int(np.floor(top)), int(np.floor(left))
    frame = Window(*corner, int(np.ceil(bottom)) - corner[0], int(np.ceil(right)) - corner[1])
    window = frame.intersection(raster.native.whole) or raster.native.whole
    grid = shrink(raster.native.window(window), side)
    stored, valid = raster.read_stored(window, grid.shape)
    step = Affine.scale(window.width / grid.shape[1], window.height / grid.shape[0])
    valid = valid & covered(area, grid.shape, Affine.translation(window.col, window.row) @ step)
    pixels = raster.radiometry.apply(stored, valid)
    return Tile(pixels, valid, grid, raster.bands, raster.time, raster.uri), stored
