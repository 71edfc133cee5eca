"""Boxes in degrees around a place, and their quarters: how a search is split that finds more than a service shows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from geoglot.crs import WGS84
from geoglot.sources.photos.photo import Query

_METRES_A_DEGREE = 110_574.0  # of latitude, where it is shortest: boxes are never too small


@dataclass(frozen=True)
class Box:
    """west < east always: one across the antimeridian is two."""

    west: float
    south: float
    east: float
    north: float

    @property
    def square_degrees(self) -> float:
        """As services count the size of a search."""
        return (self.east - self.west) * (self.north - self.south)

    def quarters(self) -> tuple[Box, Box, Box, Box]:
        """Four boxes that are this one together."""
        lon, lat = (self.west + self.east) / 2, (self.south + self.north) / 2
        return (
            Box(self.west, self.south, lon, lat), Box(lon, self.south, self.east, lat),
            Box(self.west, lat, lon, self.north), Box(lon, lat, self.east, self.north),
        )  # fmt: skip


def boxes_around(query: Query) -> list[Box]:
    """Boxes that hold the circle of a query."""
    up = query.radius_m / _METRES_A_DEGREE
    south, north = max(-90.0, query.lat - up), min(90.0, query.lat + up)
    narrowest = math.cos(math.radians(min(89.9, max(abs(south), abs(north)))))
    across = min(180.0, up / narrowest)
    return boxes_between(query.lon - across, south, query.lon + across, north)


def boxes_between(west: float, south: float, east: float, north: float) -> list[Box]:
    """The boxes that are one whose west or east may pass the antimeridian (-180 or 180)."""
    if west < -180:
        return [Box(-180.0, south, east, north), Box(west + 360, south, 180.0, north)]
    if east > 180:
        return [Box(west, south, 180.0, north), Box(-180.0, south, east - 360, north)]
    return [Box(west, south, east, north)]


def is_near(query: Query, lon: float, lat: float) -> bool:
    """Whether a point lies in the circle."""
    return bool(WGS84.inv(query.lon, query.lat, lon, lat)[2] <= query.radius_m)
