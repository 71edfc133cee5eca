"""Polygons of a map in longitude and latitude as RFC 7946 wants them: within -180..180, wound right, poles and all.

Away from the poles a polygon that crosses 180 degrees is cut there (section 3.1.9). Around a pole longitudes turn round
within a few metres, so there a polygon is cut on the polar map, into the hemispheres east and west, where each has a
plain range of longitudes, and the pole becomes the edge at latitude 90 that it is in degrees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj
import shapely
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from geoglot.errors import GridError
from geoglot.geo import UPS_NORTH, UPS_SOUTH, segment_length, split_at_antimeridian, transform

_LONLAT = pyproj.CRS("OGC:CRS84")
_NEAR_M = 1_200_000.0  # of a pole: polygons this near are cut on the polar map
_POLE_XY = 2_000_000.0  # false easting and northing of UPS
_WIDE = 5e7  # metres, wider than any polar map
_TOUCH = 1e-6  # metres: on the line, or on the pole
_TURN = math.radians(1)  # an edge that turns more around the pole gets vertices between
_SAME = 1e-9  # degrees: what is this near is one


def project_to_lonlat(geometries: Sequence[Any] | np.ndarray, crs: pyproj.CRS) -> np.ndarray:
    """(Multi)polygons in a CRS as (multi)polygons in degrees, outer rings counterclockwise, holes clockwise."""
    found = np.array(geometries, object)
    if not len(found):
        return found
    polar = _near_poles(found, crs)
    dense = shapely.segmentize(found, segment_length(crs))
    plain = polar == 0
    if plain.any():
        found[plain] = split_at_antimeridian(_moved(dense[plain], crs, _LONLAT))
    for index in np.flatnonzero(~plain):
        found[index] = _around_pole(dense[index], crs, int(polar[index]))
    return orient_rings(shapely.transform(found, lambda lonlat: lonlat.clip([-180, -90], [180, 90])))


def orient_rings(geometries: np.ndarray) -> np.ndarray:
    """With the winding that RFC 7946 section 3.1.6 asks for."""
    wound: np.ndarray = shapely.orient_polygons(geometries, exterior_cw=False)
    return wound


def bound_in_lonlat(geometries: Sequence[Any] | np.ndarray, crs: pyproj.CRS) -> list[tuple[float, float, float, float]]:
    """(west, south, east, north) in degrees of each; west > east across the antimeridian."""
    return [_box(geometry) for geometry in project_to_lonlat(geometries, crs)]


def _box(geometry: BaseGeometry) -> tuple[float, float, float, float]:
    west, south, east, north = geometry.bounds
    if west == -180 and east == 180:
        ends = shapely.bounds(shapely.get_parts(geometry))
        if not ((ends[:, 0] == -180) & (ends[:, 2] == 180)).any():  # all around
            return float(ends[ends[:, 2] == 180, 0].min()), south, float(ends[ends[:, 0] == -180, 2].max()), north
    return west, south, east, north


def _near_poles(geometries: np.ndarray, crs: pyproj.CRS) -> np.ndarray:
    """1 for each geometry at the north pole, -1 at the south pole, else 0."""
    near = np.zeros(len(geometries), int)
    if not crs.is_projected:
        return near
    hulls = shapely.convex_hull(geometries)
    reach = _NEAR_M / crs.axis_info[0].unit_conversion_factor
    for side in (1, -1):
        try:
            x, y = transform(np.array([0.0]), np.array([90.0 * side]), _LONLAT, crs)
        except GridError:  # a pole that this CRS cannot show
            continue
        if np.isfinite([x, y]).all():
            near[shapely.dwithin(hulls, shapely.Point(float(x[0]), float(y[0])), reach)] = side
    return near


def _moved(geometries: np.ndarray, source: pyproj.CRS, target: pyproj.CRS) -> np.ndarray:
    def moved(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(transform(xy[:, 0], xy[:, 1], source, target))

    found: np.ndarray = shapely.transform(geometries, moved)
    return found


def _around_pole(geometry: BaseGeometry, crs: pyproj.CRS, side: int) -> BaseGeometry:
    """One geometry near the north (1) or south (-1) pole in degrees, cut along 0 and 180 and joined again along 0."""
    ups = pyproj.CRS.from_epsg(UPS_NORTH if side == 1 else UPS_SOUTH)
    flat = shapely.make_valid(_moved(np.array([geometry]), crs, ups)[0])
    flat = shapely.transform(flat, lambda xy: xy - _POLE_XY)
    parts = []
    for east, half in ((1, shapely.box(0, -_WIDE, _WIDE, _WIDE)), (-1, shapely.box(-_WIDE, -_WIDE, 0, _WIDE))):
        for polygon in shapely.get_parts(shapely.intersection(flat, half)):
            if isinstance(polygon, shapely.Polygon) and not polygon.is_empty:
                rings = [_ring(ring, ups, side, east) for ring in shapely.get_rings(polygon)]
                # A hole that touches the pole shares the edge at latitude 90 with the shell, so it is taken out of it.
                shell, *holes = shapely.make_valid(np.array([shapely.Polygon(ring) for ring in rings], object))
                parts.append(shapely.difference(shell, shapely.union_all(holes)))
    return _areas(shapely.union_all(parts, grid_size=_SAME))


def _areas(geometry: BaseGeometry) -> BaseGeometry:
    """Without the lines and points that are left where parts touch."""
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, shapely.Polygon)]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _ring(ring: BaseGeometry, ups: pyproj.CRS, side: int, east: int) -> Float[np.ndarray, "vertex 2"]:
    """A ring on the polar map, its pole at (0, 0), in degrees: 0..180 east (1), or -180..0 (-1)."""
    xy = _turning(shapely.get_coordinates(ring)[:-1])
    x, y = (xy + _POLE_XY).T
    lon, lat = transform(x, y, ups, _LONLAT)
    beyond = xy[:, 1] * side > 0  # the half of the line that is at 180 degrees
    lon = np.where(abs(xy[:, 0]) < _TOUCH, np.where(beyond, 180, 0), abs(lon)) * east
    vertices: list[tuple[float, float]] = []
    for index, at_pole in enumerate(np.hypot(*xy.T) < _TOUCH):
        if at_pole:  # in degrees the pole is a line, from where the ring comes to where it goes
            vertices += [(lon[index - 1], 90.0 * side), (lon[(index + 1) % len(lon)], 90.0 * side)]
        else:
            vertices.append((lon[index], lat[index]))
    return np.array(vertices)


def _turning(xy: Float[np.ndarray, "vertex 2"]) -> Float[np.ndarray, "more 2"]:
    """An open ring with a vertex for every degree that an edge turns around the pole, and one where it meets it."""
    ends = np.roll(xy, -1, axis=0)
    turn = abs(np.arctan2(xy[:, 0] * ends[:, 1] - xy[:, 1] * ends[:, 0], (xy * ends).sum(axis=1)))
    parts, done = list[np.ndarray](), 0
    for index in np.flatnonzero(turn > _TURN).tolist():
        parts += [xy[done : index + 1], _between(xy[index], ends[index], math.ceil(turn[index] / _TURN))]
        done = index + 1
    return np.concatenate([*parts, xy[done:]])


def _between(start: np.ndarray, end: np.ndarray, pieces: int) -> Float[np.ndarray, "vertex 2"]:
    """Points of an edge at even angles as seen from the pole; the pole itself where the edge passes through it."""
    along = (end - start) / math.dist(start, end)
    gap = abs(along[0] * start[1] - along[1] * start[0])
    if gap < _TOUCH:
        return np.zeros((1, 2))
    first, last = (math.atan2(along @ point, gap) for point in (start, end))
    way = gap * np.tan(np.linspace(first, last, pieces + 1)[1:-1])
    nearest = start - (along @ start) * along
    return np.asarray(nearest + way[:, None] * along)
