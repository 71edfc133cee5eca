"""A spatial hash of points on Earth: square cells of some metres, in which neighbours are found without a full search.

Rows of cells have one height along the meridian. A row has as many cells as go around its parallel nearer to the
equator, so no cell is wider than it is high. Distances are in metres on the WGS 84 ellipsoid and along the axes: north
along the meridian, east by the mean of the two parallels.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from geoglot.crs import WGS84

MOST_LATITUDE = 85.0  # nearer to a pole, parallels shrink faster than cells are high, and no satellite used here looks
_ROW = 1 << 27  # ids per row; the equator is 40 million metres long

Floats = Float[np.ndarray, " point"]
Ids = Int[np.ndarray, " point"]
Pairs = tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]


def meridian_arc(lat: Floats) -> Floats:
    """Metres along the meridian from the equator, negative in the south."""
    equator = np.zeros_like(lat)
    return np.asarray(np.copysign(WGS84.inv(equator, equator, equator, lat)[2], lat))


def latitude_of_arc(arc: Floats) -> Floats:
    """Inverse of `meridian_arc`; degrees."""
    equator = np.zeros_like(arc)
    return np.asarray(WGS84.fwd(equator, equator, equator, arc)[1])


def degree_length(lat: Floats) -> Floats:
    """Metres per degree of longitude at a latitude."""
    phi = np.radians(lat)
    return np.asarray(math.radians(1) * WGS84.a * np.cos(phi) / np.sqrt(1 - WGS84.es * np.sin(phi) ** 2))


def axis_distances(lon: Floats, lat: Floats, other_lon: Floats, other_lat: Floats) -> tuple[Floats, Floats]:
    """Metres between points along east and along north."""
    across = abs((lon - other_lon + 180) % 360 - 180)
    east = across * (degree_length(lat) + degree_length(other_lat)) / 2
    return east, abs(meridian_arc(lat) - meridian_arc(other_lat))


def is_usable(lon: Floats, lat: Floats) -> Bool[np.ndarray, " point"]:
    """Whether points can be put into cells: on Earth, not NaN, not near a pole, and not (0, 0), which means unknown."""
    return np.asarray((abs(lat) < MOST_LATITUDE) & (abs(lon) <= 180) & ((lon != 0) | (lat != 0)))


@dataclass(frozen=True)
class SpatialHash:
    """Cells of `side_m` metres."""

    side_m: float

    def cell_of(self, lon: Floats, lat: Floats) -> Ids:
        """The cell of each point. Two points of one cell are less than `side_m` apart along both axes."""
        row = np.floor(meridian_arc(lat) / self.side_m).astype(np.int64)
        return self._ids(row, np.floor(self._turns(lon) * self._cells_in_row(row)).astype(np.int64))

    def cells_around(self, lon: Floats, lat: Floats, reach_m: float) -> Int[np.ndarray, "point cell"]:
        """All cells that may hold points less than `reach_m` away along both axes; padded with -1."""
        arc, reach = meridian_arc(lat), math.ceil(reach_m / self.side_m)
        narrowest = degree_length(np.minimum(abs(lat) + reach_m / 110_000.0, 89.0))
        half = reach_m / narrowest / 360 * (1 + 1e-9)
        own, turns = np.floor(arc / self.side_m).astype(np.int64), self._turns(lon)
        columns = []
        for row in (own + step for step in range(-reach, reach + 1)):
            cells = self._cells_in_row(row)
            first, last = (np.floor((turns + side * half) * cells).astype(np.int64) for side in (-1, 1))
            for step in range(int((last - first).max(initial=0)) + 1):
                columns.append(np.where(first + step <= last, self._ids(row, (first + step) % cells), -1))
        return np.stack(columns, axis=1)

    def _turns(self, lon: Floats) -> Floats:
        return np.asarray((lon + 180) / 360 % 1)

    def _cells_in_row(self, row: Ids) -> Ids:
        lower = np.where(row >= 0, row, row + 1) * self.side_m  # the edge nearer to the equator
        return np.asarray(np.maximum(1, np.ceil(360 * degree_length(latitude_of_arc(lower)) / self.side_m)), np.int64)

    def _ids(self, row: Ids, col: Ids) -> Ids:
        return np.asarray(row * _ROW + col + (_ROW << 28))  # never negative


def find_neighbours(
    cells: SpatialHash, lon: Floats, lat: Floats, others: Int[np.ndarray, " other"], reach_m: float
) -> Pairs:
    """All pairs (point, other) within reach, and some beyond it; `others` are the cells of the other points."""
    return next(iterate_neighbours(cells, lon, lat, others, reach_m, np.iinfo(np.int64).max))


def iterate_neighbours(
    cells: SpatialHash, lon: Floats, lat: Floats, others: Int[np.ndarray, " other"], reach_m: float, most: int
) -> Iterator[Pairs]:
    """`find_neighbours` in the order of the points, about `most` pairs at a time, since popular spots have billions.

    All pairs of a point come together.
    """
    order = np.argsort(others, kind="stable")
    ranked, ids = others[order], cells.cells_around(lon, lat, reach_m)
    first, last = (np.searchsorted(ranked, ids, side) for side in ("left", "right"))
    counts = np.where(ids >= 0, last - first, 0)
    each = counts.sum(axis=1)
    borders = (np.flatnonzero(np.diff(np.cumsum(each) // most)) + 1).tolist()
    for start, end in pairwise([0, *borders, len(lon)]):
        flat = counts[start:end].ravel()
        within = np.arange(flat.sum()) - np.repeat(np.cumsum(flat) - flat, flat)
        points = np.repeat(np.arange(start, end), each[start:end])
        yield points, order[np.repeat(first[start:end].ravel(), flat) + within]
