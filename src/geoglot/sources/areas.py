"""The area and days of a search: boxes in degrees, which are split into quarters when they hold too much."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from geoglot.crs import WGS84
from geoglot.sources.photos.photo import Photo, Query, drop_repeated

T = TypeVar("T")
METRES_PER_DEGREE = 110_574.0  # a degree of latitude at the equator, the shortest: boxes are never too small
_SMALLEST = 1e-5  # degrees: services do not distinguish closer places


@dataclass(frozen=True)
class Box:
    """A box with west < east; across the antimeridian there are two."""

    west: float
    south: float
    east: float
    north: float

    @property
    def square_degrees(self) -> float:
        return (self.east - self.west) * (self.north - self.south)

    def quarters(self) -> tuple[Box, Box, Box, Box]:
        lon, lat = (self.west + self.east) / 2, (self.south + self.north) / 2
        return (
            Box(self.west, self.south, lon, lat), Box(lon, self.south, self.east, lat),
            Box(self.west, lat, lon, self.north), Box(lon, lat, self.east, self.north),
        )  # fmt: skip


def boxes_around(query: Query) -> list[Box]:
    """Boxes that contain the circle of a query."""
    up = query.radius_m / METRES_PER_DEGREE
    south, north = max(-90.0, query.lat - up), min(90.0, query.lat + up)
    narrowest = math.cos(math.radians(min(89.9, max(abs(south), abs(north)))))
    across = min(180.0, up / narrowest)
    return boxes_between(query.lon - across, south, query.lon + across, north)


def boxes_between(west: float, south: float, east: float, north: float) -> list[Box]:
    """The box with these edges, or two if west or east lies beyond the antimeridian (-180 or 180)."""
    if west < -180:
        return [Box(-180.0, south, east, north), Box(west + 360, south, 180.0, north)]
    if east > 180:
        return [Box(west, south, 180.0, north), Box(-180.0, south, east - 360, north)]
    return [Box(west, south, east, north)]


def search_around(
    query: Query, read: Callable[[Box], Sequence[Photo | None]], ceiling: int, largest: float = math.inf
) -> Iterator[Photo]:
    """Photos in the circle of a query, each once; `read` reads a box as in `read_in_quarters`."""
    photos = (photo for box in boxes_around(query) for photo in read_in_quarters(box, read, ceiling, largest))
    return drop_repeated(photo for photo in photos if photo and is_near(query, photo.lon, photo.lat))


def read_in_quarters(box: Box, read: Callable[[Box], Sequence[T]], ceiling: int, largest: float) -> Iterator[T]:
    """Read the records of a box; a box with `ceiling` records or `largest` square degrees is read in quarters."""
    if box.square_degrees < largest:
        records = read(box)
        if len(records) < ceiling or box.north - box.south <= _SMALLEST:
            yield from records
            return
    for quarter in box.quarters():
        yield from read_in_quarters(quarter, read, ceiling, largest)


def is_near(query: Query, lon: float, lat: float) -> bool:
    """Whether a point lies in the circle of a query."""
    return bool(WGS84.inv(query.lon, query.lat, lon, lat)[2] <= query.radius_m)


def is_between(time: str, first: date | None, last: date | None) -> bool:
    """Whether an ISO 8601 time is on or between two days."""
    return (first or date.min).isoformat() <= time[:10] <= (last or date.max).isoformat()
