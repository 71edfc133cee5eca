"""Converts polygons to longitude and latitude by RFC 7946: within -180..180, with its winding, poles included.

Away from the poles a polygon that crosses 180 degrees is cut there (section 3.1.9). Near a pole longitudes change by
many degrees within a few metres. There a polygon is cut on the polar map into its parts east and west of Greenwich,
each with a plain range of longitudes, and the pole becomes an edge at latitude 90.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pyproj
import shapely
from jaxtyping import Float, Num
from shapely.geometry.base import BaseGeometry

from geoglot.crs import LONLAT, UPS_NORTH, UPS_SOUTH, segment_length, transform, wrap_longitude
from geoglot.errors import GridError
from geoglot.geo import Grid

_NEAR_M = 1_200_000.0  # polygons this near to a pole are cut on the polar map
_POLE_XY = 2_000_000.0  # false easting and northing of UPS
_WIDE = 5e7  # metres, wider than any polar map
_TOUCH = 1e-6  # metres; a nearer point lies on the line or on the pole
_TURN = math.radians(1)  # an edge that turns more around the pole gets vertices between
_SAME = 1e-9  # degrees below which two points are one

_Degrees = TypeVar("_Degrees", float, np.ndarray)


def to_map(geometries: Sequence[shapely.Geometry] | np.ndarray, grid: Grid) -> np.ndarray:
    """Transform geometries from pixel coordinates (x = column, y = row) to map coordinates."""
    a, b, c, d, e, f = grid.transform[:6]
    matrix, offset = np.array([[a, b], [d, e]]), np.array([c, f])
    moved: np.ndarray = shapely.transform(np.array(geometries, object), lambda xy: xy @ matrix.T + offset)
    return moved


def to_pixels(geometries: Sequence[shapely.Geometry] | np.ndarray, grid: Grid) -> np.ndarray:
    """Transform geometries from map coordinates in the grid's CRS to pixels (x = column, y = row), without z."""
    moved: np.ndarray = shapely.transform(
        np.array(geometries, object), lambda xy: np.column_stack(grid.to_pixel(xy[:, 0], xy[:, 1])[::-1])
    )
    return moved


def project_to_lonlat(geometries: Sequence[Any] | np.ndarray, crs: pyproj.CRS) -> np.ndarray:
    """Convert (multi)polygons of a CRS to degrees; outer rings are counterclockwise, holes clockwise.

    Edges of a projected CRS, which bend in degrees, get vertices between; polygons in degrees keep their corners.
    """
    result = np.array(geometries, object)
    if not len(result):
        return result
    pole = _nearby_pole(result, crs)
    dense = result if crs.is_geographic else shapely.segmentize(result, segment_length(crs))
    plain = pole == 0
    if plain.any():
        result[plain] = split_at_antimeridian(_project(dense[plain], crs, LONLAT))
    for index in np.flatnonzero(~plain):
        result[index] = _split_at_pole(dense[index], crs, int(pole[index]))
    return orient_rings(shapely.transform(result, lambda lonlat: lonlat.clip([-180, -90], [180, 90])))


def outline_boxes(boxes: Num[np.ndarray, "box 4"], grid: Grid) -> np.ndarray:
    """Polygons in degrees of boxes (top, left, bottom, right) in pixels of a grid; GridError without a CRS."""
    top, left, bottom, right = boxes.T
    return project_to_lonlat(to_map(shapely.box(left, top, right, bottom), grid), grid.known_crs)


def orient_rings(geometries: np.ndarray) -> np.ndarray:
    """Polygons with outer rings counterclockwise and holes clockwise (RFC 7946, section 3.1.6)."""
    wound: np.ndarray = shapely.orient_polygons(geometries, exterior_cw=False)
    return wound


def bound_in_lonlat(geometries: Sequence[Any] | np.ndarray, crs: pyproj.CRS) -> list[tuple[float, float, float, float]]:
    """(west, south, east, north) in degrees of each geometry; west > east across the antimeridian."""
    return [west_east_bounds(geometry) for geometry in project_to_lonlat(geometries, crs)]


def lonlat_bounds(grid: Grid) -> tuple[float, float, float, float]:
    """(west, south, east, north) of a grid in degrees; west > east across the antimeridian, as in RFC 7946."""
    lon, lat = transform(*grid.outline(), grid.known_crs, LONLAT)
    lon, south, north = np.unwrap(lon, period=360), float(lat.min()), float(lat.max())
    if abs(lon[-1] - lon[0]) > 180:  # the outline runs once around a pole
        return (-180.0, south, 180.0, 90.0) if lat.mean() > 0 else (-180.0, -90.0, 180.0, north)
    west, east = float(lon.min()), float(lon.max())
    if east - west >= 360:
        return -180.0, south, 180.0, north
    return wrap_longitude(west), south, east if east == 180 else wrap_longitude(east), north


def bound_boxes(boxes: Float[np.ndarray, "box 4"]) -> tuple[float, float, float, float]:
    """(west, south, east, north) in degrees of boxes in this form, at least one: of all ways around, the shortest.

    West > east across the antimeridian, in the boxes and in the result.
    """
    west, south, east, north = boxes.T
    cut = (east < west) & (east > -180)  # at 180 degrees into two
    begins = np.concatenate([west, np.full(cut.sum(), -180.0)])
    ends = np.concatenate([np.where(east < west, 180.0, east), east[cut]])
    order = np.argsort(begins)
    begins, reach = begins[order], np.maximum.accumulate(ends[order])
    gaps = np.append(begins[1:], begins[0] + 360) - reach
    widest = int(gaps.argmax())
    first, last = (begins[(widest + 1) % len(begins)], reach[widest]) if gaps[widest] > 0 else (-180, 180)
    return float(first), float(south.min()), float(last), float(north.max())


def bound_geometries(geometries: Sequence[Any] | np.ndarray) -> tuple[float, float, float, float] | None:
    """`bound_boxes` of geometries in degrees that are cut at 180 degrees; None if none of them has coordinates."""
    boxes = shapely.bounds(shapely.get_parts(np.asarray(geometries, object)))
    placed = boxes[np.isfinite(boxes).all(1)]
    return bound_boxes(placed) if len(placed) else None


def split_at_antimeridian(geometries: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Lon/lat geometries, cut at 180 degrees where they cross it (RFC 7946, section 3.1.9).

    An edge over more than half the globe means the short way round, unless it is that of a belt around all of it.
    """
    result = np.array(geometries, dtype=object)
    west, _, east, _ = shapely.bounds(result).T
    for index in np.flatnonzero((east - west > 180) | (west < -180) | (east > 180)):
        result[index] = _split(result[index])
    return result


def _split(geometry: Any) -> Any:
    """Split a geometry into parts within -180..180."""
    whole = geometry
    if geometry.bounds[2] - geometry.bounds[0] < 360:
        whole = shapely.transform(geometry, lambda lonlat: lonlat + np.outer(_turns(lonlat[:, 0]), [360, 0]))
    turns = range(math.floor((whole.bounds[0] + 180) / 360), math.ceil((whole.bounds[2] + 180) / 360))
    parts = (
        shapely.transform(
            shapely.intersection(whole, shapely.box(360 * turn - 180, -90, 360 * turn + 180, 90)),
            lambda lonlat, turn=turn: lonlat - [360 * turn, 0],
        )
        for turn in turns
    )
    return shapely.union_all([part for part in parts if not part.is_empty])


def _turns(longitudes: Float[np.ndarray, " vertex"]) -> Float[np.ndarray, " vertex"]:
    """How many times around the Earth bring each longitude next to the one before; whole, so that rings stay closed."""
    return np.asarray(np.round((np.unwrap(longitudes, period=360) - longitudes) / 360))


def ground_of(bounds: Sequence[float]) -> BaseGeometry:
    """The ground within (west, south, east, north) in degrees; two parts, cut at 180 degrees, if west > east."""
    west, south, east, north = bounds
    if west <= east:
        return shapely.box(west, south, east, north)
    return shapely.MultiPolygon([shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)])


def width_of(west: _Degrees, east: _Degrees) -> _Degrees:
    """Degrees from west to east; west > east across the antimeridian."""
    width: _Degrees = east - west + 360 * (east < west)
    return width


def west_east_bounds(geometry: BaseGeometry) -> tuple[float, float, float, float]:
    """(west, south, east, north) of a geometry in degrees; west > east across the antimeridian."""
    west, south, east, north = geometry.bounds
    if west == -180 and east == 180:
        ends = shapely.bounds(shapely.get_parts(geometry))
        if not ((ends[:, 0] == -180) & (ends[:, 2] == 180)).any():  # no part spans the globe
            return float(ends[ends[:, 2] == 180, 0].min()), south, float(ends[ends[:, 0] == -180, 2].max()), north
    return west, south, east, north


def middles(geometries: Sequence[Any] | np.ndarray) -> Float[np.ndarray, "geometry 2"]:
    """Longitude and latitude of the centroids of geometries in degrees, cut at 180 degrees or not; NaN for none."""
    shapes = np.array(geometries, dtype=object)
    west, _, east, _ = shapely.bounds(shapes).reshape(-1, 4).T
    for index in np.flatnonzero((west == -180) & (east == 180)):
        ends = west_east_bounds(shapes[index])
        if ends[0] > ends[2]:
            shapes[index] = shapely.transform(shapes[index], lambda lonlat: lonlat + [360, 0] * (lonlat[:, :1] < 0))
    points = shapely.centroid(shapes)
    lon, lat = shapely.get_x(points), shapely.get_y(points)
    return np.column_stack([np.where(lon > 180, wrap_longitude(lon), lon), lat])


def _nearby_pole(geometries: np.ndarray, crs: pyproj.CRS) -> np.ndarray:
    """1 for each geometry near the north pole, -1 near the south pole, else 0."""
    near = np.zeros(len(geometries), int)
    if not crs.is_projected:
        return near
    hulls = shapely.convex_hull(geometries)
    reach = _NEAR_M / crs.axis_info[0].unit_conversion_factor
    for side in (1, -1):
        try:
            x, y = transform(np.array([0.0]), np.array([90.0 * side]), LONLAT, crs)
        except GridError:  # this CRS has no coordinates for the pole
            continue
        if np.isfinite([x, y]).all():
            near[shapely.dwithin(hulls, shapely.Point(float(x[0]), float(y[0])), reach)] = side
    return near


def _project(geometries: np.ndarray, source: pyproj.CRS, target: pyproj.CRS) -> np.ndarray:
    projected: np.ndarray = shapely.transform(
        geometries, lambda xy: np.column_stack(transform(xy[:, 0], xy[:, 1], source, target))
    )
    return projected


def _split_at_pole(geometry: BaseGeometry, crs: pyproj.CRS, side: int) -> BaseGeometry:
    """Convert a geometry near the north (1) or south (-1) pole to degrees; cut along 0 and 180, joined along 0."""
    ups = pyproj.CRS.from_epsg(UPS_NORTH if side == 1 else UPS_SOUTH)
    flat = shapely.make_valid(_project(np.array([geometry]), crs, ups)[0])
    flat = shapely.transform(flat, lambda xy: xy - _POLE_XY)
    parts = []
    for east, half in ((1, shapely.box(0, -_WIDE, _WIDE, _WIDE)), (-1, shapely.box(-_WIDE, -_WIDE, 0, _WIDE))):
        for polygon in _polygons(shapely.intersection(flat, half)):
            rings = [_polar_ring_to_lonlat(ring, ups, side, east) for ring in shapely.get_rings(polygon)]
            # A hole that touches the pole shares the edge at latitude 90 with the shell, so it is subtracted.
            shell, *holes = shapely.make_valid(np.array([shapely.Polygon(ring) for ring in rings], object))
            parts.append(shapely.difference(shell, shapely.union_all(holes)))
    polygons = _polygons(shapely.union_all(parts, grid_size=_SAME))
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _polygons(geometry: BaseGeometry) -> list[shapely.Polygon]:
    """The polygons of a geometry, without the lines and points that remain where parts touch."""
    parts = shapely.get_parts(geometry)
    return [part for part in parts if isinstance(part, shapely.Polygon) and not part.is_empty]


def _polar_ring_to_lonlat(ring: BaseGeometry, ups: pyproj.CRS, side: int, east: int) -> Float[np.ndarray, "vertex 2"]:
    """Convert a ring around the pole at (0, 0) to degrees: 0..180 if `east` is 1, -180..0 if it is -1."""
    xy = _add_turning_vertices(shapely.get_coordinates(ring)[:-1])
    x, y = (xy + _POLE_XY).T
    lon, lat = transform(x, y, ups, LONLAT)
    beyond = xy[:, 1] * side > 0  # the half of the line that is at 180 degrees
    lon = np.where(abs(xy[:, 0]) < _TOUCH, np.where(beyond, 180, 0), abs(lon)) * east
    vertices: list[tuple[float, float]] = []
    for index, at_pole in enumerate(np.hypot(*xy.T) < _TOUCH):
        if at_pole:  # in degrees the pole is a line, from where the ring arrives to where it leaves
            vertices += [(lon[index - 1], 90.0 * side), (lon[(index + 1) % len(lon)], 90.0 * side)]
        else:
            vertices.append((lon[index], lat[index]))
    return np.array(vertices)


def _add_turning_vertices(xy: Float[np.ndarray, "vertex 2"]) -> Float[np.ndarray, "more 2"]:
    """Add to an open ring a vertex for every degree that an edge turns around the pole, and one where it meets it."""
    ends = np.roll(xy, -1, axis=0)
    turn = abs(np.arctan2(xy[:, 0] * ends[:, 1] - xy[:, 1] * ends[:, 0], (xy * ends).sum(axis=1)))
    parts, done = list[np.ndarray](), 0
    for index in np.flatnonzero(turn > _TURN).tolist():
        parts += [xy[done : index + 1], _divide(xy[index], ends[index], math.ceil(turn[index] / _TURN))]
        done = index + 1
    return np.concatenate([*parts, xy[done:]])


def _divide(start: np.ndarray, end: np.ndarray, pieces: int) -> Float[np.ndarray, "vertex 2"]:
    """Points that divide an edge at even angles as seen from the pole; the pole if the edge passes through it."""
    along = (end - start) / math.dist(start, end)
    gap = abs(along[0] * start[1] - along[1] * start[0])
    if gap < _TOUCH:
        return np.zeros((1, 2))
    first, last = (math.atan2(along @ point, gap) for point in (start, end))
    way = gap * np.tan(np.linspace(first, last, pieces + 1)[1:-1])
    nearest = start - (along @ start) * along
    return np.asarray(nearest + way[:, None] * along)
