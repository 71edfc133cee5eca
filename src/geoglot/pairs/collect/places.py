"""Places at which photos are looked for: uniform over area inside polygons, or as dense as a raster says.

Uniform over area and not over degrees: points are drawn in a cylindrical equal-area projection of the ellipsoid (Snyder
1987, section 10), in the boxes around polygons, and kept where they lie inside. The n-th place of a seed is the same
however many are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from jaxtyping import Float
from rasterio.errors import RasterioError

from geoglot.crs import LONLAT, transform
from geoglot.errors import InputError, SourceError
from geoglot.geo import Grid
from geoglot.lonlat import split_at_antimeridian
from geoglot.pairs.collect.collect_recipe import PlacesRecipe
from geoglot.sources.gdal import gdal_options, open_dataset
from geoglot.sources.vectors import read_vectors

_EQUAL_AREA = pyproj.CRS("+proj=cea +ellps=WGS84 +units=m")
_CHUNK = 4096
_MOST_EMPTY = 2000  # chunks without a place, after which an area is taken for empty
_MOST_PIXELS = 4096**2  # of a raster of density; larger ones are averaged

Places = Float[np.ndarray, "place lonlat"]


def draw_places(recipe: PlacesRecipe) -> Places:
    """Longitude and latitude of the places; InputError for an area that cannot be meant."""
    area = area_of(recipe)
    rng = np.random.default_rng(recipe.seed)
    draws = _by_density(recipe.density, area, rng) if recipe.density else _by_area(area, rng)
    found: list[np.ndarray] = []
    count, empty = 0, 0
    while count < recipe.count:
        points = next(draws)
        found.append(points)
        count, empty = count + len(points), 0 if len(points) else empty + 1
        if empty > _MOST_EMPTY:
            raise InputError("no place can be drawn: the area is too thin, or the raster of density has nothing there")
    return np.concatenate(found)[: recipe.count]


def area_of(recipe: PlacesRecipe) -> Any:
    """The polygons of a recipe as one, in degrees, cut at the antimeridian."""
    if (recipe.bounds is None) == (recipe.area is None):
        raise InputError("places lie in bounds or in an area; give one of places.bounds and places.area")
    if recipe.bounds is not None:
        return _box(recipe.bounds)
    assert recipe.area is not None
    frame = _polygons(recipe.area, recipe.column, recipe.names)
    merged = shapely.union_all(split_at_antimeridian(frame))
    if merged.is_empty or merged.area == 0:
        raise InputError(f"{recipe.area} holds no polygon in which a place could lie")
    return merged


def _box(bounds: tuple[float, float, float, float]) -> Any:
    west, south, east, north = bounds
    if not (-90 <= south < north <= 90 and -180 <= west <= 180 and -180 <= east <= 180 and west != east):
        raise InputError(f"places.bounds is west, south, east, north in degrees, not {bounds}")
    if west < east:
        return shapely.box(west, south, east, north)
    return shapely.union_all([shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)])


def _polygons(path: Path, column: str | None, names: tuple[str, ...]) -> np.ndarray:
    frame = read_vectors(path)
    if bool(column) != bool(names):
        raise InputError("places.column and places.names go together: which of the polygons")
    if column is not None:
        if column not in frame:
            raise InputError(f"{path} has no column {column!r}; it has {', '.join(map(str, frame.columns))}")
        if missing := sorted(set(names) - set(frame[column].astype(str))):
            raise InputError(f"{path} has no {missing[0]!r} in its column {column!r}")
        frame = frame[frame[column].astype(str).isin(names)]
    if frame.crs is None:
        raise InputError(f"{path} has no CRS, so that its polygons have no place")
    west, south, east, north = frame.to_crs(LONLAT).total_bounds
    if not (max(abs(west), abs(east)) <= 540 and max(abs(south), abs(north)) <= 90.001):
        raise InputError(
            f"{path} reaches from {west:g} to {east:g} degrees east and from {south:g} to {north:g} north, which is no "
            f"place on Earth: is {frame.crs.name} its CRS?"
        )
    kept = frame[frame.geometry.geom_type.isin(("Polygon", "MultiPolygon"))]
    return np.asarray(shapely.make_valid(kept.to_crs(LONLAT).geometry.to_numpy()), dtype=object)


def _by_area(area: Any, rng: np.random.Generator) -> Iterator[Places]:
    """Chunks of points that are uniform over an area: a part's box by its size, a point in it, kept inside the part."""
    parts = [part for part in shapely.get_parts(area) if part.area > 0]
    west, south, east, north = shapely.bounds(parts).T
    left, bottom = transform(west, south, LONLAT, _EQUAL_AREA)
    right, top = transform(east, north, LONLAT, _EQUAL_AREA)
    sizes = (right - left) * (top - bottom)
    for part in parts:
        shapely.prepare(part)
    while True:
        which = rng.choice(len(parts), _CHUNK, p=sizes / sizes.sum())
        x, y = rng.uniform(left[which], right[which]), rng.uniform(bottom[which], top[which])
        yield _inside(parts, which, *transform(x, y, _EQUAL_AREA, LONLAT))


def _by_density(path: Path, area: Any, rng: np.random.Generator) -> Iterator[Places]:
    """Chunks of points that are as dense as a raster: a pixel by its number, a point in it, kept inside the area."""
    weights, grid = _density(path)
    ends = np.cumsum(weights.ravel())
    if not ends[-1] > 0:
        raise InputError(f"{path} holds no number above 0, so that no place can be drawn")
    shapely.prepare(area)
    while True:
        pixel = np.searchsorted(ends, rng.random(_CHUNK) * ends[-1], side="right")
        row, col = np.divmod(np.minimum(pixel, ends.size - 1), grid.shape[1])
        lon, lat = grid.to_lonlat(row + rng.random(_CHUNK), col + rng.random(_CHUNK))
        yield _inside([area], np.zeros(_CHUNK, np.int64), lon, lat)


def _density(path: Path) -> tuple[Float[np.ndarray, "rows cols"], Grid]:
    """Numbers a pixel, 0 where there are none; the mean over some where the raster is large."""
    with open_dataset(str(path)) as dataset, gdal_options(str(path)):
        if dataset.crs is None:
            raise SourceError(f"{path} has no CRS, so that its numbers have no place")
        native = Grid(pyproj.CRS.from_user_input(dataset.crs.to_wkt()), dataset.transform, dataset.shape)
        step = max(1, int(np.ceil(np.sqrt(dataset.height * dataset.width / _MOST_PIXELS))))
        shape = (max(1, dataset.height // step), max(1, dataset.width // step))
        try:
            values = dataset.read(1, out_shape=shape, masked=True).filled(0).astype(np.float64)
        except RasterioError as error:
            raise SourceError(f"{path} cannot be read ({error})") from error
    return np.where(np.isfinite(values), values, 0).clip(min=0), native.resized(shape)


def _inside(parts: list[Any], which: np.ndarray, lon: np.ndarray, lat: np.ndarray) -> Places:
    """The points that lie in the part beside each, in their order."""
    kept = np.zeros(len(lon), np.bool_)
    for number in np.unique(which):
        here = which == number
        kept[here] = shapely.contains_xy(parts[number], lon[here], lat[here])
    return np.column_stack([lon[kept], lat[kept]])
