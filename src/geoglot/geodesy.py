"""Areas, perimeters and distances on the WGS 84 ellipsoid. Edges of a geometry are straight in its CRS."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj
import shapely
from jaxtyping import Float

from geoglot.crs import LONLAT, WGS84, segment_length, transform, wrap_longitude

_AREA_STEPS = 10  # of an edge that is straight enough for its ends: the area beside it shrinks by their cube
_POLAR = 85.0  # degrees of latitude


def geodesic_area_m2(geometries: Sequence[Any] | np.ndarray, crs: pyproj.CRS) -> Float[np.ndarray, " geometry"]:
    """Area of (multi)polygons without their holes, also across the antimeridian."""
    polygons, owner = shapely.get_parts(np.asarray(geometries, dtype=object), return_index=True)
    rings, ring_polygon = shapely.get_rings(polygons, return_index=True)
    kept = ~shapely.is_empty(rings)
    rings, ring_polygon = rings[kept], ring_polygon[kept]
    areas = _ring_areas(*_lonlat_vertices(rings, crs, segment_length(crs) / _AREA_STEPS))
    is_shell = np.diff(ring_polygon, prepend=-1) > 0  # get_rings gives the shell of a polygon first
    signed = np.where(is_shell, areas, -areas)
    totals = np.bincount(owner[ring_polygon], weights=signed, minlength=len(geometries))
    return totals.astype(np.float64)  # bincount gives integers for no geometries at all


def _ring_areas(lon: np.ndarray, lat: np.ndarray, starts: np.ndarray) -> Float[np.ndarray, " ring"]:
    """Area inside each closed ring, given all vertices and where each ring starts.

    On the cylindrical equal-area map (Snyder 1987, "Map projections", equation 3-12) it is half the integral of q along
    the ring, for all rings at once. Near a pole edges bend there, and rings around one do not close: those few by
    Karney 2013, "Algorithms for geodesics", section 6.
    """
    if not len(starts):
        return np.zeros(0)
    ends = np.append(starts[1:], len(lon))
    q = _authalic_q(np.sin(np.radians(lat)))
    q -= np.repeat(q[starts], ends - starts)  # small numbers, else rounding of longitudes would show in small areas
    turn = np.radians(wrap_longitude(np.diff(lon, append=lon[:1])))
    turn[ends - 1] = 0  # from the last vertex of a ring to the next ring
    areas: np.ndarray = abs(np.add.reduceat((q + np.roll(q, -1)) / 2 * turn, starts)) * WGS84.a**2 / 2
    polar = np.maximum.reduceat(abs(lat), starts) > _POLAR
    for ring in np.flatnonzero(polar | (abs(np.add.reduceat(turn, starts)) > 1)):
        part = slice(starts[ring], ends[ring])
        areas[ring] = abs(WGS84.polygon_area_perimeter(lon[part], lat[part])[0])
    return areas


def _authalic_q(sine: np.ndarray) -> np.ndarray:
    e = math.sqrt(WGS84.es)
    q: np.ndarray = (1 - WGS84.es) * (sine / (1 - WGS84.es * sine**2) + np.arctanh(e * sine) / e)
    return q


def geodesic_perimeter_m(geometries: Sequence[Any] | np.ndarray, crs: pyproj.CRS) -> Float[np.ndarray, " geometry"]:
    """Length of all rings of (multi)polygons, those of holes included."""
    rings, owner = shapely.get_rings(np.asarray(geometries, dtype=object), return_index=True)
    lon, lat, starts = _lonlat_vertices(rings, crs, segment_length(crs))
    lengths = [
        WGS84.line_length(*ring) for ring in zip(np.split(lon, starts[1:]), np.split(lat, starts[1:]), strict=True)
    ]
    return np.bincount(owner, weights=lengths, minlength=len(geometries)).astype(np.float64)


def geodesic_distance_m(geometry: Any, other: Any, crs: pyproj.CRS) -> float:
    """Metres between the nearest points of two geometries; 0 where they touch."""
    points = shapely.get_coordinates(shapely.shortest_line(geometry, other))
    lon, lat = transform(points[:, 0], points[:, 1], crs, LONLAT)
    return float(WGS84.inv(lon[0], lat[0], lon[1], lat[1])[2])


def _lonlat_vertices(rings: np.ndarray, crs: pyproj.CRS, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Longitudes and latitudes along all rings, so dense that an edge stays where it is in the CRS, and each start."""
    if crs.is_geographic:
        rings = _unwrap_rings(rings)
    coordinates, ring_of_vertex = shapely.get_coordinates(shapely.segmentize(rings, step), return_index=True)
    lon, lat = transform(coordinates[:, 0], coordinates[:, 1], crs, LONLAT)
    counts = np.bincount(ring_of_vertex, minlength=len(rings))
    return lon, lat, np.cumsum(counts) - counts


def _unwrap_rings(rings: np.ndarray) -> np.ndarray:
    """Rings in degrees whose edges all go the short way round, also across the antimeridian."""
    west, _, east, _ = shapely.bounds(rings).T
    for index in np.flatnonzero(east - west > 180):
        lonlat = shapely.get_coordinates(rings[index])
        lonlat[:, 0] = np.unwrap(lonlat[:, 0], period=360)
        if abs(lonlat[-1, 0] - lonlat[0, 0]) < 180:  # else the ring winds around a pole, and is right already
            rings[index] = shapely.LinearRing(lonlat)
    return rings
