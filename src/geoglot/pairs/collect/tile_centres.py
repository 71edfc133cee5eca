"""Choose the centres of tiles among photos, and find the photos inside every tile.

The authors' rule (graft-data-collection, satellite_sampler.py): photos are visited in order, and a photo becomes a
centre if no centre is less than half a tile away along both axes. They apply it within bins of degrees; here distances
are metres on the ground at every latitude, there are no bins, and the order is drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
import pyproj
from jaxtyping import Float, Int

from geoglot.crs import LONLAT, metric_epsg, transform
from geoglot.pairs.collect.spatial_hash import Floats, Ids, SpatialHash, degree_length, find_neighbours, meridian_arc

_CHUNK = 1 << 16
_Place = tuple[float, float, float]
"""Longitude, length of a degree of longitude, northing."""


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
        """EPSG code of each tile's CRS."""
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
        x[here], y[here] = transform(lon[here], lat[here], LONLAT, pyproj.CRS.from_epsg(int(code)))
    return x, y


@dataclass(frozen=True)
class TileMembers:
    """Which photos lie in which tiles, ordered by tile, then by photo."""

    tile: Int[np.ndarray, " link"]
    photo: Int[np.ndarray, " link"]
    row: Float[np.ndarray, " link"]
    col: Float[np.ndarray, " link"]

    def draw_at_most(self, most: int, seed: int) -> TileMembers:
        """Draw `most` photos of each tile at random, or all if there are fewer."""
        draw = np.random.default_rng(seed).random(len(self.tile))
        order = np.lexsort([draw, self.tile])
        tile = self.tile[order]
        kept = np.sort(order[np.arange(len(order)) - np.searchsorted(tile, tile) < most])
        return TileMembers(self.tile[kept], self.photo[kept], self.row[kept], self.col[kept])


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
