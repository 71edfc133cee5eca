"""Points on Earth by cells of some metres, so that neighbours are found without looking at all points.

Rows of cells are of one length along the meridian; a row has as many cells as go around the Earth on its parallel
nearer to the equator, so no cell is wider than it is high, and none ends at a border of bins. Distances along the axes
are in metres on the WGS 84 ellipsoid: north by the arc of the meridian, east by the mean of the two parallels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyproj
from jaxtyping import Bool, Float, Int

_WGS84 = pyproj.Geod(ellps="WGS84")
_N = _WGS84.f / (2 - _WGS84.f)  # third flattening
MOST_LATITUDE = 85.0  # beyond it parallels shrink faster than cells are high, and no satellite here looks
_ROW = 1 << 27  # ids of one row; the equator has 40 million metres

Floats = Float[np.ndarray, " point"]
Ids = Int[np.ndarray, " point"]


def northing(lat: Floats) -> Floats:
    """Metres along the meridian from the equator (Helmert's series; Karney 2011, arXiv 1002.1417, equation 29)."""
    phi, n = np.radians(lat), _N
    series = (
        (1 + n**2 / 4 + n**4 / 64) * phi
        - 3 / 2 * (n - n**3 / 8) * np.sin(2 * phi)
        + 15 / 16 * (n**2 - n**4 / 4) * np.sin(4 * phi)
        - 35 / 48 * n**3 * np.sin(6 * phi)
        + 315 / 512 * n**4 * np.sin(8 * phi)
    )
    return np.asarray(_WGS84.a / (1 + n) * series)


def latitude(north: Floats) -> Floats:
    """Degrees of metres along the meridian, by Newton's method on `northing`."""
    lat = np.degrees(north / _WGS84.a)
    for _ in range(4):
        step = northing(lat + 5e-5) - northing(lat - 5e-5)
        lat = lat - (northing(lat) - north) / step * 1e-4
    return np.asarray(lat)


def parallel(lat: Floats) -> Floats:
    """Metres a degree of longitude is long."""
    phi = np.radians(lat)
    return np.asarray(math.radians(1) * _WGS84.a * np.cos(phi) / np.sqrt(1 - _WGS84.es * np.sin(phi) ** 2))


def apart(lon: Floats, lat: Floats, other_lon: Floats, other_lat: Floats) -> tuple[Floats, Floats]:
    """Metres between points along east and along north."""
    across = abs((lon - other_lon + 180) % 360 - 180)
    return across * (parallel(lat) + parallel(other_lat)) / 2, abs(northing(lat) - northing(other_lat))


@dataclass(frozen=True)
class Cells:
    """Cells of `side_m` metres."""

    side_m: float

    def of(self, lon: Floats, lat: Floats) -> Ids:
        """The cell of each point. Two points of one cell are less than `side_m` apart along both axes."""
        row = np.floor(northing(lat) / self.side_m).astype(np.int64)
        return self._ids(row, np.floor(self._turns(lon) * self._across(row)).astype(np.int64))

    def around(self, lon: Floats, lat: Floats, reach_m: float) -> Int[np.ndarray, "point cell"]:
        """Cells in which points lie that are less than `reach_m` away along both axes; -1 fills up."""
        north, rows = northing(lat), range(-math.ceil(reach_m / self.side_m), math.ceil(reach_m / self.side_m) + 1)
        narrowest = parallel(np.minimum(abs(lat) + reach_m / 110_000.0, 89.0))
        half = reach_m / narrowest / 360 * (1 + 1e-9)
        own, turns = np.floor(north / self.side_m).astype(np.int64), self._turns(lon)
        found = []
        for step in rows:
            across = self._across(own + step)
            first, last = (np.floor((turns + side * half) * across).astype(np.int64) for side in (-1, 1))
            for col in range(int((last - first).max(initial=0)) + 1):
                ids = self._ids(own + step, (first + col) % across)
                found.append(np.where(first + col <= last, ids, -1))
        return np.stack(found, axis=1)

    def _turns(self, lon: Floats) -> Floats:
        return np.asarray((lon + 180) / 360 % 1)

    def _across(self, row: Ids) -> Ids:
        """Cells around the Earth in a row."""
        lower = np.where(row >= 0, row, row + 1) * self.side_m  # the edge nearer to the equator
        return np.asarray(np.maximum(1, np.ceil(360 * parallel(latitude(lower)) / self.side_m)), np.int64)

    def _ids(self, row: Ids, col: Ids) -> Ids:
        return np.asarray(row * _ROW + col + (_ROW << 28))  # never negative


Pairs = tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]


def near(cells: Cells, lon: Floats, lat: Floats, others: Int[np.ndarray, " other"], reach_m: float) -> Pairs:
    """Pairs (point, other) of which the others lie in cells around the points; `others` are their cells.

    All that are within reach are among them, and some that are not.
    """
    points, found = zip(*near_parts(cells, lon, lat, others, reach_m, np.iinfo(np.int64).max), strict=True)
    return np.concatenate(points), np.concatenate(found)


def near_parts(
    cells: Cells, lon: Floats, lat: Floats, others: Int[np.ndarray, " other"], reach_m: float, most: int
) -> Iterator[Pairs]:
    """As `near`, in the order of the points and about `most` pairs at a time: a spot that everybody photographs has
    billions. All pairs of a point come together.
    """
    order = np.argsort(others, kind="stable")
    ranked, ids = others[order], cells.around(lon, lat, reach_m)
    first, last = (np.searchsorted(ranked, ids, side) for side in ("left", "right"))
    counts = np.where(ids >= 0, last - first, 0)
    each = counts.sum(axis=1)
    borders = (np.flatnonzero(np.diff(np.cumsum(each) // most)) + 1).tolist()
    for start, end in pairwise([0, *borders, len(lon)]):
        flat = counts[start:end].ravel()
        within = np.arange(flat.sum()) - np.repeat(np.cumsum(flat) - flat, flat)
        yield (
            np.repeat(np.arange(start, end), each[start:end]),
            order[np.repeat(first[start:end].ravel(), flat) + within],
        )


def in_reach(lon: Floats, lat: Floats) -> Bool[np.ndarray, " point"]:
    """Whether points are places that cells can hold."""
    known = np.isfinite(lon) & np.isfinite(lat)
    return np.asarray(known & (abs(lat) < MOST_LATITUDE) & (abs(lon) <= 180) & ((lon != 0) | (lat != 0)))
