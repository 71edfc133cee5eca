"""The user's vector features in pixels of a scene.

It is imported where there are such features, since GeoPandas takes half a second.
"""

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from pyproj.exceptions import ProjError
from shapely.geometry.base import BaseGeometry

from geoglot.aliases import PathLike
from geoglot.crs import LONLAT, with_x_first
from geoglot.errors import GridError, InputError
from geoglot.geo import Grid
from geoglot.lonlat import project_to_lonlat, split_at_antimeridian, to_pixels
from geoglot.sources.mending import mend, only_polygons, unite
from geoglot.sources.vectors import read_vectors

_EDGES = 200  # segments of an edge as long as the scene, so short that none bends by a pixel in another CRS
_MOST_EDGES = 5_000_000
_MOST_TURNS = 1.5  # from Greenwich, of a map that was dragged around the globe or counts longitudes from 0 to 360
_ROUNDED = 1e-6  # of a turn, by which a corner at the pole may lie beyond it


def read_features(path: Path) -> gpd.GeoDataFrame:
    """Read the features of a vector file; InputError if it cannot be read or is empty."""
    frame = read_vectors(path)
    if frame.empty:
        raise InputError(f"{path} holds no point and no polygon")
    return frame


def _check_on_globe(what: str, frame: gpd.GeoDataFrame, crs: pyproj.CRS) -> None:
    """InputError for coordinates of a CRS in degrees that are no longitudes and latitudes."""
    if not crs.is_geographic:
        return
    west, south, east, north = frame.total_bounds
    turn = 2 * math.pi / crs.axis_info[0].unit_conversion_factor
    if max(-west, east) > _MOST_TURNS * turn or max(-south, north) > (1 / 4 + _ROUNDED) * turn:
        raise InputError(
            f"{what} must hold longitudes and latitudes, as its CRS is {crs.name}, got {west:.10g} to {east:.10g} and "
            f"{south:.10g} to {north:.10g}: if they are metres, give it their CRS, for instance with ogr2ogr -a_srs "
            "EPSG:32631 right.gpkg FILE; if latitudes come first, swap them"
        )


@np.errstate(over="ignore", invalid="ignore")  # of coordinates far outside the scene, which are cut off
def on_grid(frame: gpd.GeoDataFrame, grid: Grid, source: str = "the features") -> gpd.GeoDataFrame:
    """Features in pixels of a grid (x = column, y = row), clipped to its surroundings.

    If the features or the scene have no CRS, the features are taken to be in the coordinates of the scene. `source`
    is what a message calls them. InputError if they lie nowhere on the globe, or all within one pixel of a scene
    without a CRS, as degrees do.
    """
    geometries = mend(frame.geometry.to_numpy())
    if frame.crs is not None and grid.crs is not None:
        _check_on_globe(source, frame, frame.crs)
        try:
            geometries = _projected(geometries, with_x_first(frame.crs, grid.crs), grid)
        except ProjError as error:
            raise InputError(
                f"features in {frame.crs.name} have no place in {grid.crs.name}, that of the scene; is their CRS right?"
            ) from error
    placed = to_pixels(geometries, grid)
    if frame.crs is not None and grid.crs is None:
        _check_larger_than_pixel(source, placed, frame.crs, grid)
    return gpd.GeoDataFrame(pd.DataFrame(frame.drop(columns=frame.geometry.name)), geometry=placed)


def _check_larger_than_pixel(what: str, placed: np.ndarray, crs: pyproj.CRS, grid: Grid) -> None:
    """InputError if all lies within one pixel of the scene."""
    left, top, right, bottom = shapely.total_bounds(placed)
    is_inside = 0 <= left <= grid.shape[1] and 0 <= top <= grid.shape[0]
    if is_inside and 0 < max(right - left, bottom - top) < 1:
        raise InputError(
            f"{what} must be in the coordinates of the scene, which has no CRS, got all of it within one pixel: if "
            f"these are in {crs.name}, give the scene its CRS, for instance with gdal_edit.py -a_srs EPSG:32631 FILE"
        )


def _projected(geometries: np.ndarray, crs: pyproj.CRS, grid: Grid) -> np.ndarray:
    """Project geometries to a grid, clipped to its surroundings: a projection is undefined far away.

    Edges are divided first, so that an edge that is straight in its own CRS stays on its course. If the scene lies
    across the antimeridian, a polygon in degrees that spans more than half the globe means the short way round.
    """
    to_own = pyproj.Transformer.from_crs(grid.crs, crs, always_xy=True)
    west, south, east, north = to_own.transform_bounds(*grid.bounds)
    turns = [-360, 0, 360] if crs.is_geographic else [0]
    if crs.is_geographic and west > east:
        east += 360
        left, _, right, _ = shapely.bounds(geometries).T  # belts around the globe stay whole
        geometries = np.where(right - left < 360, split_at_antimeridian(geometries), geometries)
    size = max(east - west, north - south)
    boxes = [shapely.box(west - size + turn, south - size, east + size + turn, north + size) for turn in turns]
    if np.isfinite(size):  # otherwise the scene lies outside the domain of this CRS
        geometries = shapely.intersection(geometries, shapely.union_all(boxes))
        if (edges := shapely.length(geometries).sum() / size * _EDGES) > _MOST_EDGES:
            raise InputError(f"outlines around the scene would need {edges:,.0f} points; cut out what is needed")
        if not (crs.is_geographic and grid.known_crs.is_geographic):  # between degrees, straight edges stay straight
            geometries = shapely.segmentize(geometries, size / _EDGES)
    return np.asarray(gpd.GeoSeries(geometries, crs=crs).to_crs(grid.crs))


def read_lonlat_area(path: PathLike) -> BaseGeometry:
    """The polygons of a vector file as one geometry in degrees, as those without a CRS are taken to be.

    InputError if there are none, or if they lie nowhere on the globe.
    """
    frame = read_features(Path(path))
    crs, polygons = frame.crs or LONLAT, mend(frame.geometry.to_numpy())
    if not shapely.area(polygons).any():
        raise InputError(f"{path} holds no polygon, so there is no area of interest in it")
    _check_on_globe(str(path), frame, crs)
    try:
        return unite(only_polygons(mend(project_to_lonlat(polygons, crs))))
    except GridError as error:
        raise InputError(f"polygons of {path} in {crs.name} lie nowhere on the globe; is their CRS right?") from error
