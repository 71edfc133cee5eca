"""Centres of tiles, and which photos lie in which tile.

The rule of the authors (graft-data-collection, satellite_sampler.py): photos are gone through in order, and one becomes
a centre if no centre is less than half a tile away along both axes. Here order is drawn from a seed, distances are
metres on the ground at every latitude, and there are no bins within which alone they hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
import pyproj
from jaxtyping import Float, Int

from geoglot.crs import metric_epsg, transform
from geoglot.pairs.collect.cells import Cells, Floats, near, northing, parallel

_CHUNK = 1 << 16
_LONLAT = pyproj.CRS("OGC:CRS84")
Indexes = Int[np.ndarray, " centre"]


def greedy_centres(
    lon: Floats,
    lat: Floats,
    spacing_m: float,
    order: Int[np.ndarray, " point"],
    advance: Callable[[int], None] | None = None,
) -> Indexes:
    """Which points become centres, in order: those with no earlier centre within the spacing along both axes."""
    cells, centres = Cells(spacing_m), []
    taken: dict[
        int, tuple[float, float, float]
    ] = {}  # a cell holds one centre at most: its longitude, parallel, northing
    for first in range(0, len(order), _CHUNK):
        chunk = order[first : first + _CHUNK]
        own, around = cells.of(lon[chunk], lat[chunk]), cells.around(lon[chunk], lat[chunk], spacing_m)
        places = zip(lon[chunk].tolist(), parallel(lat[chunk]).tolist(), northing(lat[chunk]).tolist(), strict=True)
        for index, cell, place, row in zip(chunk.tolist(), own.tolist(), places, around.tolist(), strict=True):
            if cell not in taken and not _crowded(place, row, taken, spacing_m):
                taken[cell] = place
                centres.append(index)
        if advance:
            advance(first + len(chunk))
    return np.array(centres, np.int64)


def _crowded(
    place: tuple[float, float, float], cells: list[int], taken: dict[int, tuple[float, float, float]], spacing_m: float
) -> bool:
    """Whether one of the cells has a centre too near."""
    lon, length, north = place
    for cell in cells:
        other = taken.get(cell)
        if other is not None and abs(north - other[2]) < spacing_m:
            across = abs(lon - other[0])
            if min(across, 360 - across) * (length + other[1]) / 2 < spacing_m:
                return True
    return False


@dataclass(frozen=True)
class Lattice:
    """Tiles as squares of whole pixels in their centre's UTM zone, so that scenes of that lattice pass unchanged."""

    lon: Floats
    lat: Floats
    """Of the photos that are the centres."""
    side: int
    resolution: float

    @cached_property
    def epsg(self) -> Int[np.ndarray, " tile"]:
        """Of the CRS of each tile."""
        return metric_epsg(self.lon, self.lat)

    @cached_property
    def corners(self) -> tuple[Int[np.ndarray, " tile"], Int[np.ndarray, " tile"]]:
        """(x, y) of the north-west corner, in pixels from the origin of the CRS; y grows to the north."""
        x, y = np.zeros(len(self.lon)), np.zeros(len(self.lon))
        for zone in np.unique(self.epsg):
            here = self.epsg == zone
            x[here], y[here] = _projected(self.lon[here], self.lat[here], int(zone))
        left = np.round(x / self.resolution - self.side / 2).astype(np.int64)
        return left, np.round(y / self.resolution + self.side / 2).astype(np.int64)

    def place(
        self, lon: Floats, lat: Floats, tile: Int[np.ndarray, " point"]
    ) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
        """Pixel (row, col) of points, each in the tile beside it; beyond 0..side outside it."""
        rows, cols = np.zeros(len(lon)), np.zeros(len(lon))
        left, top = self.corners
        for zone in np.unique(self.epsg[tile]):
            here = np.flatnonzero(self.epsg[tile] == zone)
            x, y = _projected(lon[here], lat[here], int(zone))
            cols[here] = x / self.resolution - left[tile[here]]
            rows[here] = top[tile[here]] - y / self.resolution
        return rows, cols


@dataclass(frozen=True)
class Membership:
    """Which photos lie in which tiles, in the order of the tiles and, within one, of the photos."""

    tile: Int[np.ndarray, " link"]
    photo: Int[np.ndarray, " link"]
    row: Float[np.ndarray, " link"]
    col: Float[np.ndarray, " link"]

    def capped(self, most: int, seed: int) -> Membership:
        """At most so many photos a tile, drawn at random."""
        draw = np.random.default_rng(seed).random(len(self.tile))
        order = np.lexsort([draw, self.tile])
        tile = self.tile[order]
        starts = np.searchsorted(tile, tile)
        kept = np.sort(order[np.arange(len(order)) - starts < most])
        return Membership(self.tile[kept], self.photo[kept], self.row[kept], self.col[kept])


def members(lon: Floats, lat: Floats, lattice: Lattice) -> Membership:
    """Every photo in every tile in which its place falls."""
    side_m = lattice.side * lattice.resolution
    reach = (
        side_m / 2 * sqrt(2) + 2 * lattice.resolution
    )  # UTM's north is up to some degrees off: the corner's distance
    cells = Cells(reach)
    homes = cells.of(lattice.lon, lattice.lat)
    parts: list[tuple[np.ndarray, ...]] = []
    for first in range(0, len(lon), _CHUNK):
        part = slice(first, first + _CHUNK)
        point, tile = near(cells, lon[part], lat[part], homes, reach)
        rows, cols = lattice.place(lon[part][point], lat[part][point], tile)
        inside = (rows >= 0) & (rows < lattice.side) & (cols >= 0) & (cols < lattice.side)
        parts.append((tile[inside], point[inside] + first, rows[inside], cols[inside]))
    tile, photo, rows, cols = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort([photo, tile])
    return Membership(tile[order], photo[order], rows[order], cols[order])


def _projected(lon: Floats, lat: Floats, epsg: int) -> tuple[np.ndarray, np.ndarray]:
    return transform(lon, lat, _LONLAT, pyproj.CRS.from_epsg(epsg))
