"""Where pixels lie on Earth: windows and grids, without any I/O.

Pixel coordinates are (row, col): (0, 0) is the outer corner of the first pixel, (0.5, 0.5) its centre.
Map coordinates are (x, y) in the grid's CRS, x first whatever order the CRS itself declares.
Distances and areas are measured on the WGS 84 ellipsoid. An edge is straight in the CRS of its coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyproj
import shapely
from affine import Affine

from geoglot.crs import LONLAT, WGS84, metric_crs, transform
from geoglot.errors import GridError
from geoglot.geodesy import geodesic_area_m2

_OUTLINE_STEPS = 64  # points along one edge of a grid, so that a bent edge keeps its bend
_MAX_SCALE_ERROR = 0.005
_SAME_RESOLUTION = 0.01
_FRACTION = 1 - math.sqrt(0.5)  # no origin lies at this part of a pixel, where rounding errors would decide


class Window(NamedTuple):
    """A rectangle of pixels of a grid; pixels beyond the grid are padding."""

    row: int
    col: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """The number of its pixels."""
        return self.height * self.width

    def intersection(self, other: Window) -> Window | None:
        """The pixels in both, None where there are none."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        height = min(self.row + self.height, other.row + other.height) - row
        width = min(self.col + self.width, other.col + other.width) - col
        return Window(row, col, height, width) if height > 0 and width > 0 else None

    def around(self, other: Window) -> Window:
        """The smallest window that holds both."""
        row, col = min(self.row, other.row), min(self.col, other.col)
        bottom = max(self.row + self.height, other.row + other.height)
        right = max(self.col + self.width, other.col + other.width)
        return Window(row, col, bottom - row, right - col)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Slices of rows and columns in an array of the whole grid; the window must lie inside the grid."""
        return slice(self.row, self.row + self.height), slice(self.col, self.col + self.width)

    def within(self, frame: Window) -> Window:
        """The same pixels, counted from the first of `frame`."""
        return self._replace(row=self.row - frame.row, col=self.col - frame.col)

    def grown(self, margin: int) -> Window:
        """This window with `margin` more pixels on each side."""
        row, col, height, width = self
        return Window(row - margin, col - margin, height + 2 * margin, width + 2 * margin)

    def cut(self, height: int, width: int) -> Iterator[Window]:
        """Split this window along a lattice of `height` x `width` blocks that starts at pixel (0, 0)."""
        for row in range(self.row // height * height, self.row + self.height, height):
            for col in range(self.col // width * width, self.col + self.width, width):
                part = self.intersection(Window(row, col, height, width))
                assert part is not None, "the block touches the window"
                yield part

    def rims(self, part: Window) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows (above, below) and columns (left, right) around a part of this window, as np.pad takes them."""
        row, col, height, width = part.within(self)
        return (row, self.height - row - height), (col, self.width - col - width)


@dataclass(frozen=True)
class Grid:
    """A lattice of pixels and its place on Earth; it may be bottom-up, rotated or geographic."""

    crs: pyproj.CRS | None
    """None: not georeferenced. Everything in metres is then None or a GridError."""
    transform: Affine
    """Pixel corner (col, row) to map (x, y)."""
    shape: tuple[int, int]
    """(rows, cols)."""

    def __post_init__(self) -> None:
        numbers = (*tuple(self.transform)[:6], self.transform.determinant)
        if not all(map(math.isfinite, numbers)) or self.transform.determinant == 0:
            raise GridError(
                f"The transform {tuple(self.transform)[:6]} has no inverse, so its pixels have no coordinates; "
                "assign the right one, for instance with: rio edit-info --transform"
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
        return Grid(self.crs, Affine(a * factor, b * factor, c, d * factor, e * factor, f), (rows, cols))

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
        return transform(*self._on_earth(rows, cols), self.known_crs, LONLAT)

    def from_lonlat(self, lon: Any, lat: Any) -> tuple[np.ndarray, np.ndarray]:
        """Pixel (rows, cols) of longitudes and latitudes in degrees, with fractions; GridError without a CRS."""
        return self.to_pixel(*transform(np.asarray(lon), np.asarray(lat), LONLAT, self.known_crs))

    @property
    def known_crs(self) -> pyproj.CRS:
        """The CRS; GridError without one."""
        if self.crs is None:
            raise GridError("The raster has no CRS, so its pixels have no longitude; assign one: rio edit-info --crs")
        return self.crs

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) of the four corners, in the grid's CRS."""
        rows, cols = self.shape
        x, y = self.to_map(np.array([0, 0, rows, rows]), np.array([0, cols, cols, 0]))
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    def outline(self) -> tuple[np.ndarray, np.ndarray]:
        """Map (x, y) along the border: closed, clockwise from the first corner, clipped at the poles."""
        rows, cols = self.shape
        there = np.arange(_OUTLINE_STEPS) / _OUTLINE_STEPS  # from 0 to 1 along an edge
        start, end, back = np.zeros_like(there), np.ones_like(there), 1 - there
        return self._on_earth(
            rows * np.concatenate([start, there, end, back, [0]]),
            cols * np.concatenate([there, end, back, start, [0]]),
        )

    @property
    def lattice_place(self) -> tuple[int, int] | None:
        """Row and column of the first pixel, counted from the origin of the map in pixels; None for a rotated grid.

        A crop of a grid counts its pixels as the grid does.
        """
        a, b, c, d, e, f = tuple(self.transform)[:6]
        return None if b or d else (math.floor(f / e + _FRACTION), math.floor(c / a + _FRACTION))

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
        """Ground metres per pixel at the centre, the mean of both axes; None without a CRS."""
        return None if self.crs is None else float(np.mean(self.pixel_size_m))

    def pixel_area_m2(self, window: Window | None = None) -> float | None:
        """Geodesic area of one pixel, the mean over a window (default all); None without a CRS."""
        if self.crs is None:
            return None
        part = self if window is None else self.window(window)
        outline = shapely.Polygon(np.column_stack(part.outline()))
        return float(geodesic_area_m2([outline], self.crs)[0] / math.prod(part.shape))

    def metric(self, resolution: float) -> Grid:
        """A north-up grid of square pixels of this ground resolution (metres) that covers this one.

        A grid that has this resolution already, to within 1 %, is returned unchanged. The CRS is kept if it is
        projected in metres and its scale at the centre is true to 0.5 %; otherwise it is `metric_crs` of the outline.
        """
        if self.crs is None:
            raise GridError("The raster has no CRS, so it has no metres; leave out the ground resolution")
        if not (math.isfinite(resolution) and resolution > 0):
            raise GridError(f"A ground resolution must be a positive number of metres, got {resolution}")
        keeps_lengths = self.is_metric and bool((abs(self.pixel_size_m / self._sides - 1) < _MAX_SCALE_ERROR).all())
        if keeps_lengths and bool((abs(self._sides / resolution - 1) < _SAME_RESOLUTION).all()):
            if self.is_north_up:
                return self
            resolution = self._sides[0]
        x, y = self.outline()
        return self.covering(self.crs if keeps_lengths else metric_crs(*transform(x, y, self.crs, LONLAT)), resolution)

    def covering(self, crs: pyproj.CRS, resolution: float) -> Grid:
        """A north-up grid in another CRS, with square pixels of `resolution` of its units, that covers this one."""
        x, y = self.outline()
        if crs != self.crs:
            x, y = transform(x, y, self.known_crs, crs)
        # The tolerance keeps rounding noise from adding a row or a column.
        rows, cols = (max(1, math.ceil(np.ptp(axis) / resolution - 1e-6)) for axis in (y, x))
        north_up = Affine(resolution, 0.0, float(x.min()), 0.0, -resolution, float(y.max()))
        return Grid(crs, north_up, (rows, cols))

    def _on_earth(self, rows: Any, cols: Any) -> tuple[np.ndarray, np.ndarray]:
        """`to_map`, but rows of a global grid that reach beyond a pole are clipped there."""
        x, y = self.to_map(rows, cols)
        if self.crs is not None and self.crs.is_geographic:
            pole = math.pi / 2 / self.crs.axis_info[0].unit_conversion_factor
            y = y.clip(-pole, pole)
        return x, y

    @property
    def pixel_size_m(self) -> np.ndarray:
        """Ground metres of one step along a row and along a column, at the centre."""
        row, col = self.shape[0] / 2, self.shape[1] / 2
        rows, cols = np.array([row, row, row - 0.5, row + 0.5]), np.array([col - 0.5, col + 0.5, col, col])
        lon, lat = self.to_lonlat(rows, cols)
        return np.asarray(WGS84.inv(lon[::2], lat[::2], lon[1::2], lat[1::2])[2])

    @property
    def _sides(self) -> np.ndarray:
        """Map lengths of one pixel along a row and along a column."""
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        return np.array([math.hypot(a, d), math.hypot(b, e)])


def _apply(transform: Affine, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    a, b, c, d, e, f = tuple(transform)[:6]
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    return np.asarray(a * x + b * y + c), np.asarray(d * x + e * y + f)
