"""Where pixels lie on Earth: the grid of a raster, its windows, ground resolution, geodesic area. No I/O.

Pixel coordinates are (row, col): (0, 0) is the outer corner of the first pixel, (0.5, 0.5) its centre.
Map coordinates are (x, y) in the grid's CRS, x first whatever order the CRS itself declares.
Distances and areas are taken on the WGS 84 ellipsoid. An edge is straight in the CRS it is given in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyproj
import shapely
from affine import Affine
from jaxtyping import Float, Int
from pyproj.exceptions import ProjError

from geoglot.errors import GridError

_LONLAT = pyproj.CRS("OGC:CRS84")
_WGS84 = pyproj.Geod(ellps="WGS84")
_OUTLINE_STEPS = 64  # points along one edge of a grid, so that a bent edge keeps its bend
_SEGMENT_M = 2_000.0  # an edge of this length bends by less than a metre between two CRSs
_MAX_SCALE_ERROR = 0.005
_SAME_RESOLUTION = 0.01
_UTM_MAX_SPAN = 12.0  # degrees of longitude; farther than 6 from its meridian UTM stretches by over 0.5 %
_UTM_MAX_LATITUDE = 84.0
_UPS_MIN_LATITUDE = 60.0  # nearer to the equator polar stereographic stretches by over 7 %
_CAP_MIN_LATITUDE = 10.0  # corners of a square around a larger cap lie nearly on the other pole
UPS_NORTH, UPS_SOUTH = 32661, 32761  # EPSG


class Window(NamedTuple):
    """A block of pixels of a grid; it may reach beyond the grid, and what lies there is padding."""

    row: int
    col: int
    height: int
    width: int

    def intersection(self, other: Window) -> Window | None:
        """The pixels in both, None where there are none."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        height = min(self.row + self.height, other.row + other.height) - row
        width = min(self.col + self.width, other.col + other.width) - col
        return Window(row, col, height, width) if height > 0 and width > 0 else None

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns in an array of the whole grid, for a window inside the grid."""
        return slice(self.row, self.row + self.height), slice(self.col, self.col + self.width)

    def within(self, frame: Window) -> Window:
        """The same pixels, counted from the first of `frame`."""
        return self._replace(row=self.row - frame.row, col=self.col - frame.col)

    def rims(self, part: Window) -> tuple[tuple[int, int], tuple[int, int]]:
        """How many rows (above, below) and columns (left, right) are around a part of this window, as np.pad wants."""
        row, col, height, width = part.within(self)
        return (row, self.height - row - height), (col, self.width - col - width)


@dataclass(frozen=True)
class Grid:
    """A lattice of pixels and its place on Earth. Bottom-up, rotated and geographic grids are grids too."""

    crs: pyproj.CRS | None
    """None: not georeferenced. Everything in metres is then None or a GridError."""
    transform: Affine
    """Pixel corner (col, row) to map (x, y)."""
    shape: tuple[int, int]
    """(rows, cols)."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.transform.determinant) or self.transform.determinant == 0:
            raise GridError(
                f"The transform {tuple(self.transform)[:6]} has no inverse, so its pixels have no place; "
                "give the raster a right one, for instance with: rio edit-info --transform"
            )

    @property
    def whole(self) -> Window:
        """The window of all pixels."""
        return Window(0, 0, *self.shape)

    def window(self, window: Window) -> Grid:
        """The grid of a window of this one; it may reach beyond."""
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        x, y = self.to_map(window.row, window.col)
        return Grid(self.crs, Affine(a, b, float(x), d, e, float(y)), (window.height, window.width))

    def coarser(self, factor: int) -> Grid:
        """The grid in which factor x factor pixels are one; the last row and column may reach beyond."""
        rows, cols = (-(-side // factor) for side in self.shape)
        a, b, c, d, e, f = tuple(self.transform)[:6]
        transform = Affine(a * factor, b * factor, c, d * factor, e * factor, f)
        return Grid(self.crs, transform, (rows, cols))

    def resized(self, shape: tuple[int, int]) -> Grid:
        """The same extent in another number of pixels."""
        a, b, c, d, e, f = tuple(self.transform)[:6]
        down, across = self.shape[0] / shape[0], self.shape[1] / shape[1]
        return Grid(self.crs, Affine(a * across, b * down, c, d * across, e * down, f), shape)

    def to_map(self, rows: Any, cols: Any) -> tuple[np.ndarray, np.ndarray]:
        """Map (x, y) of pixel coordinates, in the grid's CRS."""
        return _apply(self.transform, cols, rows)

    def to_pixel(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Pixel (rows, cols) of map coordinates in the grid's CRS, with fractions."""
        cols, rows = _apply(~self.transform, x, y)
        return rows, cols

    def to_lonlat(self, rows: Any, cols: Any) -> tuple[np.ndarray, np.ndarray]:
        """Longitude and latitude (degrees, WGS 84) of pixel coordinates; GridError without a CRS."""
        return transform(*self._on_earth(rows, cols), self._known_crs(), _LONLAT)

    def from_lonlat(self, lon: Any, lat: Any) -> tuple[np.ndarray, np.ndarray]:
        """Pixel (rows, cols) of longitudes and latitudes in degrees, with fractions; GridError without a CRS."""
        return self.to_pixel(*transform(np.asarray(lon), np.asarray(lat), _LONLAT, self._known_crs()))

    def _on_earth(self, rows: Any, cols: Any) -> tuple[np.ndarray, np.ndarray]:
        """`to_map`; but the rows of a global grid that reach beyond a pole end there."""
        x, y = self.to_map(rows, cols)
        if self.crs is not None and self.crs.is_geographic:
            pole = math.pi / 2 / self.crs.axis_info[0].unit_conversion_factor
            y = y.clip(-pole, pole)
        return x, y

    def _known_crs(self) -> pyproj.CRS:
        if self.crs is None:
            raise GridError("The raster has no CRS, so its pixels have no longitude; assign one: rio edit-info --crs")
        return self.crs

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) of the four corners, in the grid's CRS."""
        rows, cols = self.shape
        x, y = self.to_map(np.array([0, 0, rows, rows]), np.array([0, cols, cols, 0]))
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    @property
    def is_metric(self) -> bool:
        """Whether map units are metres of a projection (which may still stretch: see `metric`)."""
        return (
            self.crs is not None
            and self.crs.is_projected
            and all(axis.unit_conversion_factor == 1.0 for axis in self.crs.axis_info[:2])
        )

    @property
    def is_north_up(self) -> bool:
        """Whether rows run south and columns east in the CRS, without rotation."""
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        return bool(b == d == 0 and a > 0 and e < 0)

    @property
    def resolution_m(self) -> float | None:
        """Ground metres a pixel at the centre, mean of both axes; None without a CRS."""
        return None if self.crs is None else float(np.mean(self._pixel_size_m()))

    def pixel_area_m2(self, window: Window | None = None) -> float | None:
        """Geodesic area of one pixel, the mean over a window (default all); None without a CRS."""
        if self.crs is None:
            return None
        part = self if window is None else self.window(window)
        outline = shapely.Polygon(np.column_stack(part.outline()))
        return float(geodesic_area_m2([outline], self.crs)[0] / math.prod(part.shape))

    def metric(self, resolution: float) -> Grid:
        """A north-up grid of square pixels of this ground resolution (metres) that covers this one.

        It is this grid itself where that fits already, to within 1 % of resolution. The CRS stays where it
        is projected in metres and stretches by less than 0.5 % at the centre; otherwise it is the UTM zone of
        the centre, UPS beyond 84 degrees, or an equal-area azimuthal one for what is wider than UTM can hold.
        """
        if self.crs is None:
            raise GridError("The raster has no CRS, so it has no metres; leave out the ground resolution")
        if not (math.isfinite(resolution) and resolution > 0):
            raise GridError(f"A ground resolution is a positive number of metres, not {resolution}")
        faithful = self._keeps_lengths()
        if faithful and self._is_square_at(resolution):
            if self.is_north_up:
                return self
            resolution = self._sides[0]
        x, y = self.outline()
        crs = self.crs
        if not faithful:
            crs = _metric_crs(*transform(x, y, self.crs, _LONLAT))
            x, y = transform(x, y, self.crs, crs)
        # The tolerance keeps rounding noise from adding a row or a column.
        rows, cols = (max(1, math.ceil(np.ptp(axis) / resolution - 1e-6)) for axis in (y, x))
        north_up = Affine(resolution, 0.0, float(x.min()), 0.0, -resolution, float(y.max()))
        return Grid(crs, north_up, (rows, cols))

    def outline(self) -> tuple[np.ndarray, np.ndarray]:
        """Map coordinates along the border, closed, clockwise from the first corner; not beyond a pole."""
        rows, cols = self.shape
        there = np.arange(_OUTLINE_STEPS) / _OUTLINE_STEPS
        start, end, back = np.zeros_like(there), np.ones_like(there), 1 - there
        return self._on_earth(
            rows * np.concatenate([start, there, end, back, [0]]),
            cols * np.concatenate([there, end, back, start, [0]]),
        )

    def _pixel_size_m(self) -> np.ndarray:
        """Ground lengths of one step along a row and along a column, at the centre."""
        assert self.crs is not None
        row, col = self.shape[0] / 2, self.shape[1] / 2
        lon, lat = self.to_lonlat(
            np.array([row, row, row - 0.5, row + 0.5]), np.array([col - 0.5, col + 0.5, col, col])
        )
        return np.asarray(_WGS84.inv(lon[::2], lat[::2], lon[1::2], lat[1::2])[2])

    def _keeps_lengths(self) -> bool:
        """Whether a map unit is a metre on the ground at the centre, along both axes."""
        scale = self._pixel_size_m() / self._sides
        return self.is_metric and bool((abs(scale - 1) < _MAX_SCALE_ERROR).all())

    def _is_square_at(self, resolution: float) -> bool:
        return bool((abs(self._sides / resolution - 1) < _SAME_RESOLUTION).all())

    @property
    def _sides(self) -> np.ndarray:
        """Map lengths of one pixel along a row and along a column."""
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        return np.array([math.hypot(a, d), math.hypot(b, e)])


def lonlat_bounds(grid: Grid) -> tuple[float, float, float, float]:
    """(west, south, east, north) in degrees; west > east across the antimeridian, as in RFC 7946."""
    lon, lat = transform(*grid.outline(), grid._known_crs(), _LONLAT)
    lon, south, north = np.unwrap(lon, period=360), float(lat.min()), float(lat.max())
    if abs(lon[-1] - lon[0]) > 180:  # the outline runs once around a pole
        return (-180.0, south, 180.0, 90.0) if lat.mean() > 0 else (-180.0, -90.0, 180.0, north)
    west, east = float(lon.min()), float(lon.max())
    if east - west >= 360:
        return -180.0, south, 180.0, north
    return _wrapped(west), south, east if east == 180 else _wrapped(east), north


def geodesic_area_m2(geometries: Sequence[Any] | np.ndarray, crs: pyproj.CRS) -> Float[np.ndarray, " geometry"]:
    """Area of (multi)polygons in a CRS on the WGS 84 ellipsoid, without holes, also across the antimeridian.

    Karney 2013, "Algorithms for geodesics", section 6, on edges densified in the CRS they are straight in.
    """
    polygons, owner = shapely.get_parts(np.asarray(geometries, dtype=object), return_index=True)
    rings, ring_polygon = shapely.get_rings(polygons, return_index=True)
    traced = _lonlat_rings(rings, crs)
    areas = np.array(
        [abs(_WGS84.polygon_area_perimeter(ring_lon, ring_lat)[0]) for ring_lon, ring_lat in traced if len(ring_lon)]
    )
    is_shell = np.diff(ring_polygon, prepend=-1) > 0  # get_rings gives the shell of a polygon first
    signed = np.where(is_shell, areas, -areas)
    totals = np.bincount(owner[ring_polygon], weights=signed, minlength=len(geometries))
    return totals.astype(np.float64)  # of no geometry at all numpy makes integers


def geodesic_distance_m(one: Any, other: Any, crs: pyproj.CRS) -> float:
    """Metres between the nearest points of two geometries in a CRS, on the WGS 84 ellipsoid; 0 where they touch."""
    points = shapely.get_coordinates(shapely.shortest_line(one, other))
    lon, lat = transform(points[:, 0], points[:, 1], crs, _LONLAT)
    return float(_WGS84.inv(lon[0], lat[0], lon[1], lat[1])[2])


def geodesic_perimeter_m(geometries: Sequence[Any] | np.ndarray, crs: pyproj.CRS) -> Float[np.ndarray, " geometry"]:
    """Length of all rings of (multi)polygons in a CRS on the WGS 84 ellipsoid, those of holes too."""
    rings, owner = shapely.get_rings(np.asarray(geometries, dtype=object), return_index=True)
    lengths = [_WGS84.line_length(lon, lat) for lon, lat in _lonlat_rings(rings, crs)]
    return np.bincount(owner, weights=lengths, minlength=len(geometries)).astype(np.float64)


def _lonlat_rings(rings: np.ndarray, crs: pyproj.CRS) -> list[tuple[np.ndarray, np.ndarray]]:
    """Longitudes and latitudes along each ring, dense enough that a straight edge of the CRS stays where it is."""
    if crs.is_geographic:
        rings = _unwrapped(rings)
    coordinates, ring_of_vertex = shapely.get_coordinates(
        shapely.segmentize(rings, segment_length(crs)), return_index=True
    )
    lon, lat = transform(coordinates[:, 0], coordinates[:, 1], crs, _LONLAT)
    ends = np.cumsum(np.bincount(ring_of_vertex, minlength=len(rings)))[:-1]
    return list(zip(np.split(lon, ends), np.split(lat, ends), strict=True))


def metric_epsg(lon: Float[np.ndarray, " point"], lat: Float[np.ndarray, " point"]) -> Int[np.ndarray, " point"]:
    """EPSG codes of the UTM zones of points, UPS beyond 84 degrees: metres true to 0.1 % around each."""
    zone = ((_wrapped(lon) + 180) // 6).astype(np.int64) + 1
    utm = np.where(lat >= 0, 32600, 32700) + zone
    return np.where(abs(lat) <= _UTM_MAX_LATITUDE, utm, np.where(lat > 0, UPS_NORTH, UPS_SOUTH))


def transform(x: np.ndarray, y: np.ndarray, source: pyproj.CRS, target: pyproj.CRS) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of one CRS in another, x first in both; GridError where a point has no place in one of them."""
    try:
        transformer = _transformer(source, target)
    except ProjError as error:
        raise GridError(
            f"No way from the CRS {source.name!r} to {target.name!r} ({error}); assign the "
            "right CRS with rio edit-info --crs EPSG:..., or take it away with --unset-crs to work in plain pixels"
        ) from error
    try:
        x, y = transformer.transform(x, y, errcheck=True)
    except ProjError as error:
        raise GridError(
            f"Some places in the CRS {source.name!r} have no place in {target.name!r} ({error}): the raster reaches "
            "beyond the Earth, or beyond where its CRS is valid; clip it, for instance with rio clip, or give it "
            "another CRS if this one is wrong: rio edit-info --crs EPSG:..."
        ) from error
    return np.asarray(x), np.asarray(y)


def split_at_antimeridian(geometries: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Lon/lat geometries with what crosses 180 degrees cut there, as RFC 7946 section 3.1.9 asks."""
    result = np.array(geometries, dtype=object)
    west, _, east, _ = shapely.bounds(result).T
    for index in np.flatnonzero((east - west > 180) | (west < -180) | (east > 180)):
        result[index] = _split(result[index])
    return result


def _unwrapped(rings: np.ndarray) -> np.ndarray:
    """Rings in degrees, of which an edge of over 180 degrees goes the other, short way."""
    west, _, east, _ = shapely.bounds(rings).T
    for index in np.flatnonzero(east - west > 180):
        lonlat = shapely.get_coordinates(rings[index])
        lonlat[:, 0] = np.unwrap(lonlat[:, 0], period=360)
        if abs(lonlat[-1, 0] - lonlat[0, 0]) < 180:  # else it winds around a pole, and is right as it is
            rings[index] = shapely.LinearRing(lonlat)
    return rings


def _split(geometry: Any) -> Any:
    """One geometry, less than half the globe wide, in parts within -180..180."""
    first = shapely.get_coordinates(geometry)[0, 0]
    whole = shapely.transform(
        geometry, lambda lonlat: np.column_stack([first + _wrapped(lonlat[:, 0] - first), lonlat[:, 1]])
    )
    turns = range(math.floor((whole.bounds[0] + 180) / 360), math.ceil((whole.bounds[2] + 180) / 360))
    parts = (
        shapely.transform(
            shapely.intersection(whole, shapely.box(360 * turn - 180, -90, 360 * turn + 180, 90)),
            lambda lonlat, turn=turn: lonlat - [360 * turn, 0],
        )
        for turn in turns
    )
    return shapely.union_all([part for part in parts if not part.is_empty])


def _apply(transform: Affine, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    a, b, c, d, e, f = tuple(transform)[:6]
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    return np.asarray(a * x + b * y + c), np.asarray(d * x + e * y + f)


def _wrapped(longitude: Any) -> Any:
    """A longitude in -180..180, 180 itself as -180."""
    return (longitude + 180) % 360 - 180


def segment_length(crs: pyproj.CRS) -> float:
    """The longest edge in units of a CRS that bends by less than a metre in another, away from the poles."""
    unit = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
    return float(_SEGMENT_M / (unit * _WGS84.a if crs.is_geographic else unit))


def _metric_crs(lon: np.ndarray, lat: np.ndarray) -> pyproj.CRS:
    """A CRS of metres that is true around the outline given in degrees."""
    lon = np.unwrap(lon, period=360)
    middle, latitude = _wrapped((lon.min() + lon.max()) / 2), (lat.min() + lat.max()) / 2
    pole, nearest = math.copysign(90, latitude), float(abs(lat).min())  # to the equator
    around_pole = bool(np.ptp(lon) > 180 or abs(lon[-1] - lon[0]) > 180)
    if np.ptp(lat) > 120 or (around_pole and (lat.min() * lat.max() < 0 or nearest < _CAP_MIN_LATITUDE)):
        raise GridError(
            "The raster covers more than a hemisphere, or about that, which no metric grid holds; cut a part out of "
            "it, for instance with: rio clip IN OUT --bounds 'WEST SOUTH EAST NORTH'"
        )
    if abs(lat).max() > _UTM_MAX_LATITUDE and nearest > _UPS_MIN_LATITUDE:
        return pyproj.CRS.from_epsg(UPS_NORTH if latitude > 0 else UPS_SOUTH)
    if around_pole:
        return pyproj.CRS.from_proj4(f"+proj=laea +lat_0={pole:g} +datum=WGS84")
    if np.ptp(lon) > _UTM_MAX_SPAN:
        return pyproj.CRS.from_proj4(f"+proj=laea +lat_0={latitude:.4f} +lon_0={middle:.4f} +datum=WGS84")
    return pyproj.CRS.from_epsg(int(metric_epsg(np.array([middle]), np.array([latitude]))[0]))


def with_x_first(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.CRS:
    """The source, or the target where they are one with x first: PROJ swaps UPS (E,N) and UPS (N,E)."""
    return target if source.equals(target, ignore_axis_order=True) else source


@lru_cache(maxsize=64)
def _transformer(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(with_x_first(source, target), target, always_xy=True)
