"""Stage `tiles`: choose centres among the photos and find the photos of each tile.

The authors' rule (graft-data-collection, satellite_sampler.py): photos are visited in order, and a photo becomes a
centre if no centre is less than half a tile away along both axes. They apply it within bins of degrees; here distances
are metres on the ground at every latitude, there are no bins, and the order is drawn from a seed.

The stage keeps tiles.parquet (per tile: id, epsg, left and top in pixels of its UTM lattice, longitude and latitude of
its centre, number of photos, median of their times) and links.parquet (tile and photo, as rows of tiles.parquet and
kept.parquet; row and col of the photo in the tile).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
import pyproj
from affine import Affine
from jaxtyping import Float, Int

from geoglot.crs import LONLAT, metric_epsg, transform
from geoglot.geo import Grid
from geoglot.pairs.collect.collect_recipe import TilesRecipe
from geoglot.pairs.collect.paper_tiles import (
    are_paper_members,
    bin_photos,
    choose_paper_centres,
    half_tile_degrees,
)
from geoglot.pairs.collect.spatial_hash import Floats, Ids, SpatialHash, degree_length, find_neighbours, meridian_arc
from geoglot.pairs.collect.stage import Collection, Outcome
from geoglot.times import to_utc

_CHUNK = 1 << 16
_Place = tuple[float, float, float]
"""Longitude, length of a degree of longitude, northing."""
_crs = lru_cache(pyproj.CRS.from_epsg)  # or a million tiles would parse it a million times


def place_tiles(collection: Collection) -> Outcome:
    """Run the stage."""
    recipe, photos = collection.recipe.tiles, collection.table("kept")
    lon, lat = photos["lon"].to_numpy(), photos["lat"].to_numpy()
    if recipe.rule == "degrees":
        tiles, every = _place_by_degrees(lon, lat, photos["time"].tolist(), recipe)
    else:
        order = np.random.default_rng(recipe.seed).permutation(len(photos))
        centres = choose_centres(
            lon, lat, recipe.spacing_m, order, lambda done: collection.progress("photos to tiles", done, len(photos))
        )
        tiles = UtmTiles(lon[centres], lat[centres], recipe.side, recipe.resolution)
        every = find_members(lon, lat, tiles)
    links = every.draw_at_most(recipe.most_photos, None if recipe.draw == "first" else recipe.seed)
    collection.keep_table("links", pd.DataFrame(links.__dict__))
    collection.keep_table("tiles", _make_table(tiles, links, photos))
    beyond = len(every.tile) - len(links.tile)
    counts = {"tiles": len(tiles.lon), "links": len(links.tile), f"links beyond {recipe.most_photos} a tile": beyond}
    return Outcome(counts)


def _place_by_degrees(lon: Floats, lat: Floats, times: list[str], recipe: TilesRecipe) -> tuple[UtmTiles, TileMembers]:
    """Tiles and their photos by the rule of the authors' code; photos beyond the square on the ground are left out."""
    half = half_tile_degrees(recipe.side_m)
    bins = bin_photos(lon, lat, times)
    centres = choose_paper_centres(lon, lat, bins, half)
    tiles = UtmTiles(lon[centres], lat[centres], recipe.side, recipe.resolution)
    every = find_members(lon, lat, tiles)
    return tiles, every.take(are_paper_members(lon, lat, bins, half, centres[every.tile], every.photo))


def grid_of(tile: Any, recipe: TilesRecipe) -> Grid:
    """Grid of a row of tiles.parquet."""
    return utm_grid(int(tile.epsg), int(tile.left), int(tile.top), recipe.side, recipe.resolution)


def utm_grid(epsg: int, left: int, top: int, side: int, resolution: float) -> Grid:
    """Grid of a tile by its north-west corner, in pixels from the origin of the CRS as in `UtmTiles.corners`."""
    transform = Affine(resolution, 0.0, left * resolution, 0.0, -resolution, top * resolution)
    return Grid(_crs(epsg), transform, (side, side))


def _make_table(tiles: UtmTiles, links: TileMembers, photos: Any) -> Any:
    left, top = tiles.corners
    places = pd.Series([f"{epsg}-{x}-{y}" for epsg, x, y in zip(tiles.epsg, left, top, strict=True)], dtype=object)
    again = places.groupby(places).cumcount()  # one place in another quarter, by the authors' rule
    names = [f"{place}-{more + 1}" if more else place for place, more in zip(places, again, strict=True)]
    return pd.DataFrame({
        "id": names, "epsg": tiles.epsg, "left": left, "top": top, "lon": tiles.lon, "lat": tiles.lat,
        "photos": np.bincount(links.tile, minlength=len(names)),
        "time": _median_times(links, photos["time"].to_numpy(dtype=object), len(names)),
    })  # fmt: skip


def _median_times(links: TileMembers, times: np.ndarray, tiles: int) -> list[str]:
    """Upper median of the known times of each tile's photos, ISO 8601; empty if none is known."""
    stamps = pd.Series([_to_stamp(text) for text in times], dtype=float)[links.photo]
    middle = stamps.groupby(links.tile).quantile(0.5, interpolation="higher").reindex(range(tiles))
    return ["" if np.isnan(stamp) else f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%dT%H:%M:%S}" for stamp in middle]


def _to_stamp(text: str) -> float:
    try:
        return to_utc(datetime.fromisoformat(text)).timestamp() if text else np.nan
    except ValueError:
        return np.nan


def choose_centres(
    lon: Floats, lat: Floats, spacing_m: float, order: Ids, advance: Callable[[int], None] | None = None
) -> Int[np.ndarray, " centre"]:
    """Points, visited in this order, that have no earlier centre within the spacing along both axes."""
    cells, centres = SpatialHash(spacing_m), []
    taken: dict[int, _Place] = {}  # by cell, which holds at most one centre
    for first in range(0, len(order), _CHUNK):
        chunk = order[first : first + _CHUNK]
        x, y = lon[chunk], lat[chunk]
        own, around = cells.cell_of(x, y), cells.cells_around(x, y, spacing_m)
        places = zip(x.tolist(), degree_length(y).tolist(), meridian_arc(y).tolist(), strict=True)
        for index, cell, place, near in zip(chunk.tolist(), own.tolist(), places, around.tolist(), strict=True):
            if cell not in taken and not _is_crowded(place, near, taken, spacing_m):
                taken[cell] = place
                centres.append(index)
        if advance:
            advance(first + len(chunk))
    return np.array(centres, np.int64)


def _is_crowded(place: _Place, cells: list[int], taken: dict[int, _Place], spacing_m: float) -> bool:
    lon, length, north = place
    for cell in cells:
        other = taken.get(cell)
        if other is not None and abs(north - other[2]) < spacing_m:
            across = abs(lon - other[0])
            if min(across, 360 - across) * (length + other[1]) / 2 < spacing_m:
                return True
    return False


@dataclass(frozen=True)
class UtmTiles:
    """Tiles as squares of whole pixels in their centre's UTM zone: scenes on the same lattice are not resampled."""

    lon: Floats
    lat: Floats
    """Position of the photos that are the centres."""
    side: int
    resolution: float

    @cached_property
    def epsg(self) -> Int[np.ndarray, " tile"]:
        return metric_epsg(self.lon, self.lat)

    @cached_property
    def corners(self) -> tuple[Int[np.ndarray, " tile"], Int[np.ndarray, " tile"]]:
        """(x, y) of the north-west corner, in pixels from the origin of the CRS; y grows to the north."""
        x, y = _project(self.lon, self.lat, self.epsg)
        left = np.round(x / self.resolution - self.side / 2).astype(np.int64)
        return left, np.round(y / self.resolution + self.side / 2).astype(np.int64)

    def place(self, lon: Floats, lat: Floats, tile: Ids) -> tuple[Floats, Floats]:
        """(row, col) of each point in pixels of its tile, outside 0..side if the point lies outside the tile."""
        x, y = _project(lon, lat, self.epsg[tile])
        left, top = self.corners
        return top[tile] - y / self.resolution, x / self.resolution - left[tile]


def _project(lon: Floats, lat: Floats, epsg: Ids) -> tuple[Floats, Floats]:
    """Map (x, y) of points, each in its own CRS."""
    x, y = np.zeros(len(lon)), np.zeros(len(lon))
    for code in np.unique(epsg):
        here = epsg == code
        x[here], y[here] = transform(lon[here], lat[here], LONLAT, _crs(int(code)))
    return x, y


@dataclass(frozen=True)
class TileMembers:
    """Which photos lie in which tiles, ordered by tile, then by photo."""

    tile: Int[np.ndarray, " link"]
    photo: Int[np.ndarray, " link"]
    row: Float[np.ndarray, " link"]
    col: Float[np.ndarray, " link"]

    def take(self, links: np.ndarray) -> TileMembers:
        """Some of the links, by their numbers or by a mask."""
        return TileMembers(self.tile[links], self.photo[links], self.row[links], self.col[links])

    def draw_at_most(self, most: int, seed: int | None) -> TileMembers:
        """Keep `most` photos of each tile, drawn at random, or without a seed the first; all if there are fewer."""
        count = len(self.tile)
        draw = np.arange(count) if seed is None else np.random.default_rng(seed).random(count)
        order = np.lexsort([draw, self.tile])
        tile = self.tile[order]
        kept = np.sort(order[np.arange(len(order)) - np.searchsorted(tile, tile) < most])
        return self.take(kept)


def find_members(lon: Floats, lat: Floats, tiles: UtmTiles) -> TileMembers:
    """Link every photo to every tile that it lies in."""
    # The distance of a corner and two pixels more, since north of a UTM zone is a few degrees off true north.
    reach = tiles.side * tiles.resolution / 2 * sqrt(2) + 2 * tiles.resolution
    cells = SpatialHash(reach)
    homes = cells.cell_of(tiles.lon, tiles.lat)
    parts: list[tuple[np.ndarray, ...]] = []
    for first in range(0, len(lon), _CHUNK):
        part = slice(first, first + _CHUNK)
        point, tile = find_neighbours(cells, lon[part], lat[part], homes, reach)
        rows, cols = tiles.place(lon[part][point], lat[part][point], tile)
        inside = (rows >= 0) & (rows < tiles.side) & (cols >= 0) & (cols < tiles.side)
        parts.append((tile[inside], point[inside] + first, rows[inside], cols[inside]))
    tile, photo, rows, cols = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort([photo, tile])
    return TileMembers(tile[order], photo[order], rows[order], cols[order])
