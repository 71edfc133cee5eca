"""An area of interest in pixels of a scene: which cells of an array it covers, and a raster that is read only in it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from jaxtyping import Bool
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from geoglot.errors import InputError, OutsideError
from geoglot.geo import Grid, Window
from geoglot.lonlat import lonlat_bounds
from geoglot.scene.windows import WindowPlan
from geoglot.sources.mending import mend, only_polygons, unite
from geoglot.sources.raster import Raster
from geoglot.sources.tile import Tile


@np.errstate(over="ignore", invalid="ignore")
def read_area(path: Path, grid: Grid) -> BaseGeometry:
    """The union of a file's polygons, in pixels of a grid; InputError if it lies outside the scene.

    Points and lines beside them, such as the pins of a KML, are no part of it.
    """
    from geoglot.scene.vector_features import on_grid, read_features

    features = read_features(path)
    features = features.set_geometry(mend(features.geometry.to_numpy()), crs=features.crs)
    if not shapely.area(features.geometry.to_numpy()).any():
        raise InputError(f"{path} holds no polygon, so there is no area of interest in it")
    frame = on_grid(features, grid, str(path))
    area = unite(only_polygons(mend(frame.geometry.to_numpy())))
    if not area.intersects(_box(grid.whole)):
        raise OutsideError(f"the area of interest in {path} lies outside the scene {_where(grid)}")
    shapely.prepare(area)
    return area


def _where(grid: Grid) -> str:
    """Where a scene is, and what to do with an area that is elsewhere."""
    if grid.crs is None:
        rows, cols = grid.shape
        return f"of {cols} x {rows} px, which has no CRS; draw the area in pixels of the scene"
    west, south, east, north = lonlat_bounds(grid)
    place = f"{west:.4f}, {south:.4f} to {east:.4f}, {north:.4f} degrees"
    return f"at {place}; draw the area there, or check the CRS of the file"


def covered(
    area: BaseGeometry, shape: tuple[int, int], place: Affine, *, touched: bool = False
) -> Bool[np.ndarray, "rows cols"]:
    """Which cells of an array have their centre in an area, or touch it; `place` takes them to the area's pixels."""
    mask = rasterize([area], shape, transform=place, all_touched=touched, dtype="uint8")
    return np.asarray(mask > 0)


def patches_within(area: BaseGeometry, plan: WindowPlan, block: Window) -> Bool[np.ndarray, "rows cols"]:
    """Which patches of a block of a plan's lattice touch an area."""
    above, beside = plan.inset
    corner = Affine.translation(block.col * plan.patch - beside, block.row * plan.patch - above)
    return covered(area, (block.height, block.width), corner @ Affine.scale(plan.patch), touched=True)


def touches(area: BaseGeometry | None, window: Window) -> bool:
    """Whether a window touches an area; None is the whole scene."""
    return area is None or bool(area.intersects(_box(window)))


@dataclass(frozen=True)
class Partial:
    """A raster within an area. Windows that do not touch the area are not read and have no data."""

    raster: Raster
    area: BaseGeometry
    """In pixels."""

    def read(self, window: Window) -> Tile:
        """The pixels of a window; ReadError where it cannot be read."""
        if touches(self.area, window):
            return self.raster.read(window)
        bands, shape = self.raster.bands, (window.height, window.width)
        pixels, valid = np.zeros((len(bands), *shape), np.float32), np.zeros(shape, bool)
        return Tile(pixels, valid, self.raster.grid.window(window), bands, self.raster.time, self.raster.uri)


def _box(window: Window) -> BaseGeometry:
    return shapely.box(window.col, window.row, window.col + window.width, window.row + window.height)
