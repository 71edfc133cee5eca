"""The part of a grid that a scene fills. Pixels at the edge of a coarse, rotated or reprojected grid reach beyond it.

Areas count only the ground inside the scene, and only this file knows how much of a pixel that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from geoglot.crs import transform
from geoglot.geo import Grid, Window


@dataclass(frozen=True, eq=False)
class Footprint:
    """The outline of a scene on a grid."""

    outline: BaseGeometry | None
    """In pixels of the grid (x = column, y = row); None if the scene fills the grid to its edge."""

    @classmethod
    def of(cls, scene: Grid, grid: Grid) -> Footprint:
        """The part of `grid` that `scene` covers. Either both have a CRS, or they are the same grid."""
        if scene is grid:
            return cls(None)
        x, y = scene.outline()
        if scene.crs is not None and grid.crs is not None and scene.crs != grid.crs:
            x, y = transform(x, y, scene.crs, grid.crs)
        rows, cols = grid.to_pixel(x, y)
        outline = shapely.make_valid(shapely.Polygon(np.column_stack([cols, rows])))
        whole = shapely.box(0, 0, *grid.shape[::-1])
        if shapely.difference(whole, outline).area < 1e-6 * whole.area / max(grid.shape):
            return cls(None)
        shapely.prepare(outline)
        return cls(outline)

    def coverage(self, window: Window) -> Float[np.ndarray, "rows cols"] | None:
        """The share of each pixel of a window that is inside, 0..1; None if the whole window is inside."""
        frame = shapely.box(window.col, window.row, window.col + window.width, window.row + window.height)
        if self.outline is None or self.outline.covers(frame):
            return None
        return _rasterize(shapely.intersection(self.outline, frame), window)

    def clip(self, polygons: Sequence[shapely.Polygon] | np.ndarray) -> np.ndarray:
        """Each polygon (in pixels) cut to its largest part inside; a polygon that lies outside stays as it is."""
        clipped = np.array(polygons, object)
        if self.outline is None or not len(clipped):
            return clipped
        for index in np.flatnonzero(~shapely.covers(self.outline, clipped)):
            parts = shapely.get_parts(shapely.intersection(self.outline, clipped[index]))
            areas = shapely.area(parts)
            if areas.any():
                clipped[index] = shapely.normalize(parts[areas.argmax()])
        return clipped


def _rasterize(shape: BaseGeometry, window: Window) -> Float[np.ndarray, "rows cols"]:
    """The exact share of each pixel of a window that a shape inside the window covers.

    Every edge is cut where it passes from pixel to pixel, and adds the area to its right up to the border. A running
    sum along each row then gives the area inside.
    """
    total = np.zeros((window.height, window.width + 1))
    polygons = [part for part in shapely.get_parts(shape) if isinstance(part, shapely.Polygon)]
    for ring in shapely.get_rings(shapely.orient_polygons(polygons)):
        vertices = shapely.get_coordinates(ring) - [window.col, window.row]
        for start, end in pairwise(vertices):
            _add_edge(total, start, end)
    covered: np.ndarray = abs(np.cumsum(total, axis=1)[:, :-1])
    return covered.clip(0, 1)


def _add_edge(total: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Add an edge from one (column, row) to another."""
    step = end - start
    crossings = [
        (np.arange(np.ceil(min(a, b)), np.floor(max(a, b)) + 1) - a) / (b - a)
        for a, b in zip(start, end, strict=True)
        if a != b
    ]
    shares = np.unique(np.concatenate([[0.0, 1.0], *crossings]).clip(0, 1))
    points = start + shares[:, None] * step
    middle, height = (points[:-1] + points[1:]) / 2, np.diff(points[:, 1])
    col, row = (
        np.clip(np.floor(middle[:, axis]).astype(np.intp), 0, most)
        for axis, most in ((0, total.shape[1] - 1), (1, total.shape[0] - 1))
    )
    left = middle[:, 0] - col
    np.add.at(total, (row, col), height * (1 - left))
    inside = col + 1 < total.shape[1]
    np.add.at(total, (row[inside], col[inside] + 1), (height * left)[inside])
