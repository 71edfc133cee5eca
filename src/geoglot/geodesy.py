"""Areas, perimeters and distances on the WGS 84 ellipsoid. Edges of a geometry are straight in its CRS."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj
import shapely
from jaxtyping import Float

from geoglot.crs import LONLAT, WGS84, segment_length, transform


def geodesic_area_m2(geometries: Sequence[Any] | np.ndarray, crs: pyproj.CRS) -> Float[np.ndarray, " geometry"]:
    """Area of (multi)polygons without their holes, also across the antimeridian.

    Karney 2013, "Algorithms for geodesics", section 6, on edges densified in the CRS.
    """
    polygons, owner = shapely.get_parts(np.asarray(geometries, dtype=object), return_index=True)
    rings, ring_polygon = shapely.get_rings(polygons, return_index=True)
    areas = np.array(
        [abs(WGS84.polygon_area_perimeter(lon, lat)[0]) for lon, lat in _lonlat_rings(rings, crs) if len(lon)]
    )
    is_shell = np.diff(ring_polygon, prepend=-1) > 0  # get_rings gives the shell of a polygon first
    signed = np.where(is_shell, areas, -areas)
    totals = np.bincount(owner[ring_polygon], weights=signed, minlength=len(geometries))
    return totals.astype(np.float64)  # bincount gives integers for no geometries at all


def geodesic_perimeter_m(geometries: Sequence[Any] | np.ndarray, crs: pyproj.CRS) -> Float[np.ndarray, " geometry"]:
    """Length of all rings of (multi)polygons, those of holes included."""
    rings, owner = shapely.get_rings(np.asarray(geometries, dtype=object), return_index=True)
    lengths = [WGS84.line_length(lon, lat) for lon, lat in _lonlat_rings(rings, crs)]
    return np.bincount(owner, weights=lengths, minlength=len(geometries)).astype(np.float64)


def geodesic_distance_m(geometry: Any, other: Any, crs: pyproj.CRS) -> float:
    """Metres between the nearest points of two geometries; 0 where they touch."""
    points = shapely.get_coordinates(shapely.shortest_line(geometry, other))
    lon, lat = transform(points[:, 0], points[:, 1], crs, LONLAT)
    return float(WGS84.inv(lon[0], lat[0], lon[1], lat[1])[2])


def _lonlat_rings(rings: np.ndarray, crs: pyproj.CRS) -> list[tuple[np.ndarray, np.ndarray]]:
    """Longitudes and latitudes along each ring, so dense that an edge stays where it is in the CRS."""
    if crs.is_geographic:
        rings = _unwrap_rings(rings)
    dense = shapely.segmentize(rings, segment_length(crs))
    coordinates, ring_of_vertex = shapely.get_coordinates(dense, return_index=True)
    lon, lat = transform(coordinates[:, 0], coordinates[:, 1], crs, LONLAT)
    ends = np.cumsum(np.bincount(ring_of_vertex, minlength=len(rings)))[:-1]
    return list(zip(np.split(lon, ends), np.split(lat, ends), strict=True))


def _unwrap_rings(rings: np.ndarray) -> np.ndarray:
    """Rings in degrees whose edges all go the short way round, also across the antimeridian."""
    west, _, east, _ = shapely.bounds(rings).T
    for index in np.flatnonzero(east - west > 180):
        lonlat = shapely.get_coordinates(rings[index])
        lonlat[:, 0] = np.unwrap(lonlat[:, 0], period=360)
        if abs(lonlat[-1, 0] - lonlat[0, 0]) < 180:  # else the ring winds around a pole, and is right already
            rings[index] = shapely.LinearRing(lonlat)
    return rings
