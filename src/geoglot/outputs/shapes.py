"""A class map, strip by strip, to whole polygons: an object that crosses strips is one object.

Memory is bounded by a strip and the objects still open at its lower edge, never by the raster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from jaxtyping import Int, Shaped
from shapely.geometry.base import BaseGeometry

_ROWS = 64
_PIXELS = 6_000_000


@dataclass(frozen=True)
class ClassStrip:
    """Full rows of a class map, the first of them row `row` of the raster."""

    row: int
    classes: Shaped[np.ndarray, "rows cols"]
    confidence: Shaped[np.ndarray, "rows cols"]


@dataclass
class Shape:
    """A 4-connected region of one class, in pixel coordinates (x = column, y = row)."""

    value: int
    pixels: int = 0
    confidence: float = 0.0
    """Sum over pixels, in the strip's units."""
    pieces: list[BaseGeometry] = field(default_factory=list)
    _part_of: Shape | None = None

    def whole(self) -> Shape:
        """The shape that this one has become part of, or itself."""
        shape = self
        while shape._part_of is not None:
            shape = shape._part_of
        return shape

    def absorb(self, other: Shape) -> None:
        """Take over a region that turned out to be the same; the larger takes the smaller, or a comb takes for ever."""
        self.pixels += other.pixels
        self.confidence += other.confidence
        self.pieces += other.pieces
        other._part_of = self

    def geometry(self) -> BaseGeometry:
        """One polygon without the seams: no vertex is left on a straight line, and it starts at a fixed vertex."""
        whole = self.pieces[0] if len(self.pieces) == 1 else shapely.union_all(self.pieces)
        return shapely.normalize(shapely.simplify(whole, 0))


def trace(strips: Iterable[ClassStrip], skip: frozenset[int]) -> Iterator[Shape]:
    """Every 4-connected region whose class is not in `skip`, as soon as it is whole."""
    open_shapes: dict[int, Shape] = {}  # by label in the last row of the strip above
    above: tuple[np.ndarray, np.ndarray] | None = None
    for strip in chain.from_iterable(map(_parts, strips)):
        labels, shapes = _label(strip, skip)
        if above is not None:
            _join(above, (strip.classes[0], labels[0]), open_shapes, shapes)
        still_open = {label: shapes[label].whole() for label in np.unique(labels[-1]).tolist() if label}
        yield from _finished([*open_shapes.values(), *shapes.values()], still_open)
        open_shapes = still_open
        above = (strip.classes[-1], labels[-1])
    yield from _finished(list(open_shapes.values()), {})


def _parts(strip: ClassStrip) -> Iterator[ClassStrip]:
    """A strip cut into strips of few pixels: their polygons pass through Python, at a hundred bytes a vertex."""
    rows = max(1, _PIXELS // strip.classes.shape[1])
    for top in range(0, len(strip.classes), rows):
        cut = slice(top, top + rows)
        yield ClassStrip(strip.row + top, strip.classes[cut], strip.confidence[cut])


def _finished(shapes: list[Shape], still_open: dict[int, Shape]) -> Iterator[Shape]:
    """The whole shapes among these, each once, less those that go on below."""
    unique = {id(shape.whole()): shape.whole() for shape in shapes}
    going_on = {id(shape) for shape in still_open.values()}
    yield from (shape for key, shape in unique.items() if key not in going_on)


def _label(strip: ClassStrip, skip: frozenset[int]) -> tuple[Int[np.ndarray, "rows cols"], dict[int, Shape]]:
    """Regions of one strip: an image of labels from 1, and the shape of each label."""
    wanted = ~np.isin(strip.classes, list(skip))
    place = Affine.translation(0, strip.row)
    found = list(rasterio.features.shapes(strip.classes, mask=wanted, connectivity=4, transform=place))
    if not found:
        return np.zeros(strip.classes.shape, np.int32), {}
    numbered = ((geometry, label) for label, (geometry, _) in enumerate(found, 1))
    labels = rasterio.features.rasterize(numbered, strip.classes.shape, transform=place, dtype="int32")
    pixels, confidence = _totals(labels, strip.confidence, len(found) + 1)
    polygons = _polygons([geometry["coordinates"] for geometry, _ in found])
    return labels, {
        label: Shape(int(value), pixels[label], confidence[label], [polygons[label - 1]])
        for label, (_, value) in enumerate(found, 1)
    }


def _totals(labels: np.ndarray, confidence: np.ndarray, count: int) -> tuple[list[int], list[float]]:
    """Pixels and summed confidence of each label; some rows at a time, since bincount works in 64 bits."""
    pixels, sums = np.zeros(count, np.int64), np.zeros(count)
    for top in range(0, len(labels), _ROWS):
        rows = labels[top : top + _ROWS].ravel()
        pixels += np.bincount(rows, minlength=count)
        sums += np.bincount(rows, weights=confidence[top : top + _ROWS].ravel(), minlength=count)
    return pixels.tolist(), sums.tolist()


def _polygons(polygons: list[list[list[tuple[float, float]]]]) -> list[BaseGeometry]:
    """GeoJSON coordinates (the outer ring first) as polygons, built in one call: a strip has thousands."""
    rings = [ring for polygon in polygons for ring in polygon]
    vertices = np.array([vertex for ring in rings for vertex in ring])
    ring_of_vertex = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    polygon_of_ring = np.repeat(np.arange(len(polygons)), [len(polygon) for polygon in polygons])
    closed = shapely.linearrings(vertices, indices=ring_of_vertex)
    return list(shapely.polygons(closed, indices=polygon_of_ring))


def _join(
    above: tuple[np.ndarray, np.ndarray],
    below: tuple[np.ndarray, np.ndarray],
    open_shapes: dict[int, Shape],
    shapes: dict[int, Shape],
) -> None:
    """Make one shape of those that meet across the seam."""
    (upper_class, upper), (lower_class, lower) = above, below
    meets = (upper > 0) & (lower > 0) & (upper_class == lower_class)
    for up, low in np.unique(np.stack([upper[meets], lower[meets]], 1), axis=0).tolist():
        kept, gone = open_shapes[up].whole(), shapes[low].whole()
        if kept is not gone:
            larger, smaller = sorted((kept, gone), key=lambda shape: -len(shape.pieces))
            larger.absorb(smaller)
