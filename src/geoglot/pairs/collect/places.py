"""Stage `places`: draw places, uniform over area inside polygons or as dense as a raster; it keeps places.parquet.

To be uniform over area, not over degrees, points are drawn in a cylindrical equal-area projection of the ellipsoid
(Snyder 1987, section 10), in boxes around the polygons, and kept if they lie inside. With one seed the n-th place is
always the same, however many are drawn.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import shapely
from jaxtyping import Float
from pyproj.exceptions import ProjError
from rasterio.errors import RasterioError

from geoglot.crs import LONLAT, transform
from geoglot.errors import InputError, SourceError
from geoglot.geo import Grid
from geoglot.lonlat import split_at_antimeridian
from geoglot.pairs.collect.collect_recipe import PlacesRecipe
from geoglot.pairs.collect.stage import Collection, Outcome
from geoglot.sources.gdal import open_dataset
from geoglot.sources.mending import mend, unite
from geoglot.sources.vectors import read_vectors

_EQUAL_AREA = pyproj.CRS("+proj=cea +ellps=WGS84 +units=m")
_CHUNK = 4096
_MOST_EMPTY = 2000  # chunks in a row without a place, after which the area counts as empty
_MOST_PIXELS = 4096**2  # larger rasters of density are averaged

Places = Float[np.ndarray, "place lonlat"]


def collect_places(collection: Collection) -> Outcome:
    """Run the stage; without places in the recipe the table is empty."""
    recipe = collection.recipe.places
    places = np.zeros((0, 2)) if recipe is None else draw_places(recipe)
    collection.keep_table("places", pd.DataFrame(places, columns=["lon", "lat"]))
    return Outcome({"places": len(places)})


def draw_places(recipe: PlacesRecipe) -> Places:
    """Draw places; InputError for an unusable area or density."""
    area = area_of(recipe)
    rng = np.random.default_rng(recipe.seed)
    draws = _draw_by_density(recipe.density, area, rng) if recipe.density else _draw_by_area(area, rng)
    chunks: list[np.ndarray] = []
    count, empty = 0, 0
    while count < recipe.count:
        points = next(draws)
        chunks.append(points)
        count, empty = count + len(points), 0 if len(points) else empty + 1
        if empty > _MOST_EMPTY:
            raise InputError("no place can be drawn: the area is too thin, or the raster of density has nothing there")
    return np.concatenate(chunks)[: recipe.count]


def area_of(recipe: PlacesRecipe) -> Any:
    """The recipe's polygons as one geometry in degrees, cut at the antimeridian."""
    if recipe.bounds is not None and recipe.area is None:
        west, south, east, north = recipe.bounds
        if not (-90 <= south < north <= 90 and -180 <= west <= 180 and -180 <= east <= 180 and west != east):
            raise InputError(f"places.bounds must be west, south, east, north in degrees, got {recipe.bounds}")
        if west < east:
            return shapely.box(west, south, east, north)
        return shapely.union_all([shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)])
    if recipe.area is None or recipe.bounds is not None:
        raise InputError("places lie in bounds or in an area; give one of places.bounds and places.area")
    merged = unite(split_at_antimeridian(_read_polygons(recipe.area, recipe.column, recipe.names)))
    if merged.is_empty or merged.area == 0:
        raise InputError(f"{recipe.area} holds no polygon in which a place could lie")
    return merged


def _read_polygons(path: Path, column: str | None, names: tuple[str, ...]) -> np.ndarray:
    frame = read_vectors(path)
    if bool(column) != bool(names):
        raise InputError("places.column and places.names must be given together; they choose among the polygons")
    if column is not None:
        if column not in frame:
            raise InputError(f"{path} has no column {column!r}; it has {', '.join(map(str, frame.columns))}")
        values = frame[column].astype(str)
        if missing := sorted(set(names) - set(values)):
            raise InputError(f"{path} has no {missing[0]!r} in its column {column!r}")
        frame = frame[values.isin(names)]
    if frame.crs is None:
        raise InputError(f"{path} has no CRS, so its polygons cannot be placed on Earth")
    name = frame.crs.name
    try:
        frame = frame.to_crs(LONLAT)
    except ProjError as error:
        raise InputError(f"the polygons of {path} have no place on Earth in their CRS, {name}; is it right?") from error
    west, south, east, north = frame.total_bounds
    if not (max(abs(west), abs(east)) <= 540 and max(abs(south), abs(north)) <= 90.001):
        raise InputError(
            f"{path} reaches from {west:g} to {east:g} degrees east and from {south:g} to {north:g} north, which is no "
            f"place on Earth: is {name} its CRS?"
        )
    kept = frame[frame.geometry.geom_type.isin(("Polygon", "MultiPolygon"))]
    return np.asarray(mend(kept.geometry.to_numpy()), dtype=object)


def _draw_by_area(area: Any, rng: np.random.Generator) -> Iterator[Places]:
    """Chunks of points: draw a part by the size of its box and a point in the box, and keep it if inside."""
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
        yield _keep_inside(parts, which, *transform(x, y, _EQUAL_AREA, LONLAT))


def _draw_by_density(path: Path, area: Any, rng: np.random.Generator) -> Iterator[Places]:
    """Chunks of points: draw a pixel by its value and a point in the pixel, and keep it if inside the area."""
    weights, grid = _read_density(path)
    ends = np.cumsum(weights.ravel())
    if not ends[-1] > 0:
        raise InputError(f"{path} holds no number above 0, so that no place can be drawn")
    shapely.prepare(area)
    while True:
        pixel = np.searchsorted(ends, rng.random(_CHUNK) * ends[-1], side="right")
        row, col = np.divmod(np.minimum(pixel, ends.size - 1), grid.shape[1])
        lon, lat = grid.to_lonlat(row + rng.random(_CHUNK), col + rng.random(_CHUNK))
        yield _keep_inside([area], np.zeros(_CHUNK, np.int64), lon, lat)


def _read_density(path: Path) -> tuple[Float[np.ndarray, "rows cols"], Grid]:
    """The raster, averaged if it is large; no data and negative values become 0."""
    with open_dataset(str(path)) as dataset:
        if dataset.crs is None:
            raise SourceError(f"{path} has no CRS, so its numbers cannot be placed on Earth")
        native = Grid(pyproj.CRS.from_user_input(dataset.crs.to_wkt()), dataset.transform, dataset.shape)
        step = max(1, int(np.ceil(np.sqrt(dataset.height * dataset.width / _MOST_PIXELS))))
        shape = (max(1, dataset.height // step), max(1, dataset.width // step))
        try:
            values = dataset.read(1, out_shape=shape, masked=True).filled(0).astype(np.float64)
        except RasterioError as error:
            raise SourceError(f"{path} cannot be read ({error})") from error
    return np.where(np.isfinite(values), values, 0).clip(min=0), native.resized(shape)


def _keep_inside(parts: list[Any], which: np.ndarray, lon: np.ndarray, lat: np.ndarray) -> Places:
    kept = np.zeros(len(lon), np.bool_)
    for number in np.unique(which):
        here = which == number
        kept[here] = shapely.contains_xy(parts[number], lon[here], lat[here])
    return np.column_stack([lon[kept], lat[kept]])
