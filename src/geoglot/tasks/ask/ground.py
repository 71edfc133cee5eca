"""Areas and lengths on the ground, and the parts of a scene by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from geoglot.errors import InputError
from geoglot.geo import Grid, Window
from geoglot.geodesy import geodesic_area_m2, geodesic_distance_m, geodesic_perimeter_m
from geoglot.tasks.ask.grammar.parts import DIRECTIONS, PARTS
from geoglot.tasks.ask.scene_things import Scene

_METRES = (
    "the scene has no CRS, so nothing is known in metres; give its ground resolution with --gsd, "
    "or ask for counts, shares and positions"
)
_EDGES = (1 / 3 + 1e-9, 2 / 3 + 1e-9)  # of the ninths of a scene; a position on an edge lies before it
_OBLONG = 1.2  # a rectangle this much longer than wide is no square
_ALL = 0.99  # share of the ground of a date from which the other date shows all of it


@dataclass(frozen=True)
class Ground:
    """Measures on the grid of a scene: geodesic if it has a CRS, else by the size of a pixel."""

    grid: Grid
    pixel_m: float | None = None
    """Ground resolution of a scene without a CRS."""
    outline: shapely.Geometry | None = None
    """The ground of the scene within the grid, in map coordinates; None: all of it."""

    @classmethod
    def of(cls, scene: Scene) -> Ground:
        """The ground that a scene shows."""
        return cls(scene.grid, scene.pixel_m, scene.outline)

    def shared_with(self, other: Ground) -> Ground:
        """The part that another date shows too, on this grid; InputError if there is none."""
        both = shapely.intersection(self.whole, other.whole)
        return replace(self, grid=self.grid.window(self.window(both)), outline=both)

    @property
    def whole(self) -> shapely.Geometry:
        return self.box(0.0, 0.0, 1.0, 1.0)

    def box(self, top: float, left: float, bottom: float, right: float) -> shapely.Geometry:
        """A rectangle in fractions of the scene's height and width; (0, 0) is the upper left."""
        rows, cols = self.grid.shape
        x, y = self.grid.to_map(
            rows * np.array([top, top, bottom, bottom]), cols * np.array([left, right, right, left])
        )
        box = shapely.Polygon(np.column_stack([x, y]))
        return box if self.outline is None else shapely.intersection(box, self.outline)

    def part(self, name: str) -> shapely.Geometry:
        """The part with this name; InputError for an unknown name."""
        if name not in PARTS:
            raise InputError(f"{name!r} is not a part of a scene; name one such as {', '.join(list(PARTS)[:6])}")
        return self.box(*PARTS[name])

    def areas(self, geometries: Sequence[Any]) -> np.ndarray:
        """Square metres."""
        if self.grid.crs is not None:
            return geodesic_area_m2(geometries, self.grid.crs)
        return self.sizes(geometries) * self._pixel() ** 2

    def sizes(self, geometries: Sequence[Any]) -> np.ndarray:
        """Areas in pixels, which a scene without a CRS has too."""
        area: np.ndarray = shapely.area(np.asarray(geometries, object)).astype(np.float64)
        return area / abs(self.grid.transform.determinant)

    def lengths(self, geometries: Sequence[Any]) -> np.ndarray:
        """Metres of the longer side of the smallest rotated rectangle around each geometry."""
        sides = [
            max(_sides(shapely.minimum_rotated_rectangle(shape)), key=lambda side: np.hypot(*(side[1] - side[0])))
            for shape in geometries
        ]
        return np.array([self.distance(shapely.Point(start), shapely.Point(end)) for start, end in sides], np.float64)

    def perimeters(self, geometries: Sequence[Any]) -> np.ndarray:
        """Metres of the outlines, holes included."""
        if self.grid.crs is not None:
            return geodesic_perimeter_m(geometries, self.grid.crs)
        length: np.ndarray = shapely.length(np.asarray(geometries, object)) / self._side * self._pixel()
        return length

    def distance(self, geometry: Any, other: Any) -> float:
        """Metres between the nearest points of two geometries; 0 if they touch."""
        if self.grid.crs is not None:
            return geodesic_distance_m(geometry, other, self.grid.crs)
        return float(shapely.distance(geometry, other)) / self._side * self._pixel()

    def units(self, metres: float) -> float:
        """Metres in map units of the grid."""
        if self.grid.crs is not None:
            resolution = self.grid.resolution_m
            assert resolution is not None
            return metres / resolution * self._side
        return metres / self._pixel() * self._side

    @property
    def beside(self) -> float:
        """The distance of "next to" in map units: 25 m, or 1/20 of a picture without metres."""
        if self.grid.crs is None and self.pixel_m is None:
            return max(self.grid.shape) / 20 * self._side
        return self.units(25.0)

    def positions(self, geometries: Sequence[Any]) -> np.ndarray:
        """Centres as rows of (down, across), in fractions of the scene's height and width."""
        centres = shapely.centroid(np.array(list(geometries), object))
        rows, cols = self.grid.to_pixel(shapely.get_x(centres), shapely.get_y(centres))
        return np.column_stack([rows / self.grid.shape[0], cols / self.grid.shape[1]])

    def ninth(self, down: float, across: float) -> str:
        """The name of the ninth of the scene in which a position lies."""
        row, col = np.searchsorted(_EDGES, (down, across))
        return DIRECTIONS["map" if self.grid.crs is not None else "picture"][row][col]

    def window(self, geometry: Any) -> Window:
        """The pixels around a geometry within the grid; InputError for none."""
        left, bottom, right, top = shapely.bounds(geometry)
        rows, cols = self.grid.to_pixel(np.array([left, left, right, right]), np.array([bottom, top, top, bottom]))
        row, col = (max(0, int(np.floor(axis.min() + 1e-6))) for axis in (rows, cols))
        end_row = min(self.grid.shape[0], int(np.ceil(rows.max() - 1e-6)))
        end_col = min(self.grid.shape[1], int(np.ceil(cols.max() - 1e-6)))
        if end_row <= row or end_col <= col:
            raise InputError("this region holds no pixel of the scene")
        return Window(row, col, end_row - row, end_col - col)

    @property
    def _side(self) -> float:
        return float(abs(self.grid.transform.determinant) ** 0.5)

    def _pixel(self) -> float:
        if self.pixel_m is None:
            raise InputError(_METRES)
        return self.pixel_m


def shared_notes(dates: Sequence[Scene]) -> tuple[str, ...]:
    """A sentence for two dates that do not show the same ground; none if they do, or for one date."""
    wholes = [Ground.of(scene).whole for scene in dates]
    both = shapely.area(shapely.intersection_all(wholes))
    shares = [both / shapely.area(whole) for whole in wholes]
    if min(shares) >= _ALL:
        return ()
    parts = f"{shares[0]:.0%} of the first and {shares[1]:.0%} of the second"
    return (f"only ground that both dates show is counted and compared: {parts}",)


def is_shape(geometry: Any, shape: str) -> bool:
    """Is a polygon "square", "rectangular" or "circular", the three shapes of RSVQA (Lobry et al. 2020, section III)?

    A rectangle fills at least 0.85 of the smallest rotated rectangle around it. A square is a rectangle whose sides
    differ by at most a fifth. A circle has more than 0.8 of the area of a disc with its perimeter, and is no rectangle.
    """
    area, length = shapely.area(geometry), shapely.length(geometry)
    box = shapely.minimum_rotated_rectangle(geometry)
    if area <= 0 or shapely.area(box) <= 0:
        return False
    if shape == "circular":
        return bool(4 * np.pi * area / length**2 > 0.8 and area / shapely.area(box) < 0.85)
    fills = bool(area / shapely.area(box) >= 0.85)
    sides = [np.hypot(*(end - start)) for start, end in _sides(box)]
    return fills and (shape == "rectangular" or bool(max(sides) <= _OBLONG * min(sides)))


def _sides(rectangle: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Two adjacent sides, each as its two ends."""
    start, corner, end = shapely.get_coordinates(rectangle)[:3]
    return [(corner, end), (start, corner)]
