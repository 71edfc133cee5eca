"""Features of a person's file in the frame of a scene, and a scene of which only a part is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from shapely.geometry.base import BaseGeometry

from geoglot.errors import InputError
from geoglot.geo import Grid, Window
from geoglot.outputs.vectors import to_pixels
from geoglot.sources.raster import Raster
from geoglot.sources.tile import Tile


def read_features(path: Path) -> gpd.GeoDataFrame:
    """The features of a vector file; InputError for a file that cannot be read or holds nothing."""
    try:
        if path.suffix.lower() == ".parquet":
            frame = gpd.read_parquet(path)
        else:
            frame = gpd.GeoDataFrame(pyogrio.read_dataframe(path))
    except (DataSourceError, DataLayerError, OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as points or polygons: {error}") from error
    frame = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
    if frame.empty:
        raise InputError(f"{path} holds no point and no polygon")
    return frame


def on_grid(frame: gpd.GeoDataFrame, grid: Grid) -> gpd.GeoDataFrame:
    """Features with their geometry in pixels of a grid (x = column, y = row).

    Those without a CRS, or for a scene without one, are taken in the coordinates of the scene.
    """
    if frame.crs is not None and grid.crs is not None:
        frame = frame.to_crs(grid.crs)
    pixels = to_pixels(frame.geometry.to_numpy(), grid)
    return gpd.GeoDataFrame(pd.DataFrame(frame.drop(columns=frame.geometry.name)), geometry=pixels)


def read_area(path: Path, grid: Grid) -> BaseGeometry:
    """The polygons of a file as one, in pixels of a grid; InputError where they lie beside the scene."""
    frame = on_grid(read_features(path), grid)
    area = shapely.union_all(shapely.make_valid(frame.geometry.to_numpy()))
    if not area.area:
        raise InputError(f"{path} holds no polygon, so there is no area of interest in it")
    if not area.intersects(_box(grid.whole)):
        raise InputError(f"the area of interest in {path} lies outside the scene")
    return area


@dataclass(frozen=True)
class Partial:
    """A raster of which windows that do not touch an area are not read: they have no data."""

    raster: Raster
    area: BaseGeometry
    """In pixels."""

    def read(self, window: Window) -> Tile:
        """The pixels of a window; ReadError where it cannot be read."""
        if self.area.intersects(_box(window)):
            return self.raster.read(window)
        bands, shape = self.raster.bands, (window.height, window.width)
        nothing = np.zeros((len(bands), *shape), np.float32)
        grid = self.raster.grid.window(window)
        return Tile(nothing, np.zeros(shape, bool), grid, bands, self.raster.time, self.raster.uri)


def _box(window: Window) -> BaseGeometry:
    return shapely.box(window.col, window.row, window.col + window.width, window.row + window.height)
