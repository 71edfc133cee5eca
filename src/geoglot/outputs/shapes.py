"""Trace a class map, strip by strip, to whole polygons."""

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

from geoglot.outputs.seams import Part, join_strips
from geoglot.silence import ignore_library_warnings

_ROWS = 64  # of labels that are counted at once
_PIXELS = 6_000_000  # of a strip that is traced at once


@dataclass(frozen=True)
class ClassStrip:
    """Full rows of a class map; `row` is the raster row of the first."""

    row: int
    classes: Shaped[np.ndarray, "rows cols"]
    confidence: Shaped[np.ndarray, "rows cols"]


@dataclass
class Shape(Part):
    """A 4-connected region of one class, in pixel coordinates (x = column, y = row)."""

    value: int
    pixels: int = 0
    confidence: float = 0.0
    """Sum over pixels, in the strip's units."""
    pieces: list[BaseGeometry] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.pieces)

    def absorb(self, other: Shape) -> None:
        self.pixels += other.pixels
        self.confidence += other.confidence
        self.pieces += other.pieces

    def geometry(self) -> BaseGeometry:
        """One polygon without the seams: no vertex is left on a straight line."""
        return self.pieces[0] if len(self.pieces) == 1 else shapely.simplify(shapely.union_all(self.pieces), 0)


def outlines(shapes: Iterable[Shape]) -> np.ndarray:
    """The polygon of each shape; its rings start at a fixed vertex, wherever strips met."""
    whole: np.ndarray = shapely.normalize(np.array([shape.geometry() for shape in shapes], object))
    return whole


def trace(strips: Iterable[ClassStrip], skip: frozenset[int]) -> Iterator[Shape]:
    """Yield every 4-connected region whose class is not in `skip`, as soon as it is whole."""
    return join_strips(_label(part, skip) for strip in strips for part in _cut(strip))


def _cut(strip: ClassStrip) -> Iterator[ClassStrip]:
    """Cut a strip to bound memory: polygons pass through Python, at a hundred bytes per vertex."""
    rows = max(1, _PIXELS // strip.classes.shape[1])
    for top in range(0, len(strip.classes), rows):
        part = slice(top, top + rows)
        yield ClassStrip(strip.row + top, strip.classes[part], strip.confidence[part])


def _label(strip: ClassStrip, skip: frozenset[int]) -> tuple[Int[np.ndarray, "rows cols"], dict[int, Shape]]:
    mask, transform = np.ones(strip.classes.shape, bool), Affine.translation(0, strip.row)
    for value in skip:
        mask &= strip.classes != value
    with ignore_library_warnings():  # rasterio ignores its warning of an identity transform, but in one thread only
        regions = list(rasterio.features.shapes(strip.classes, mask=mask, connectivity=4, transform=transform))
        if not regions:
            return np.zeros(strip.classes.shape, np.int32), {}
        numbered = ((geometry, label) for label, (geometry, _) in enumerate(regions, 1))
        labels = rasterio.features.rasterize(numbered, strip.classes.shape, transform=transform, dtype="int32")
    pixels, confidence = _totals(labels, strip.confidence, len(regions) + 1)
    polygons = build_polygons([geometry["coordinates"] for geometry, _ in regions])
    return labels, {
        label: Shape(int(value), pixels[label], confidence[label], [polygon])
        for label, ((_, value), polygon) in enumerate(zip(regions, polygons, strict=True), 1)
    }


def _totals(labels: np.ndarray, confidence: np.ndarray, count: int) -> tuple[list[int], list[float]]:
    """Pixels and summed confidence of each label; some rows at a time, since bincount works in 64 bits."""
    pixels, sums = np.zeros(count, np.int64), np.zeros(count)
    for top in range(0, len(labels), _ROWS):
        rows = labels[top : top + _ROWS].ravel()
        pixels += np.bincount(rows, minlength=count)
        sums += np.bincount(rows, weights=confidence[top : top + _ROWS].ravel(), minlength=count)
    return pixels.tolist(), sums.tolist()


def build_polygons(polygons: list[list[list[tuple[float, float]]]]) -> list[BaseGeometry]:
    """Polygons of GeoJSON coordinates (the outer ring first), built in one call: a strip has thousands."""
    rings = [ring for polygon in polygons for ring in polygon]
    numbers = np.fromiter(chain.from_iterable(chain.from_iterable(rings)), np.float64)  # np.array takes thrice as long
    ring_of_vertex = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    polygon_of_ring = np.repeat(np.arange(len(polygons)), [len(polygon) for polygon in polygons])
    closed = shapely.linearrings(numbers.reshape(-1, 2), indices=ring_of_vertex)
    return list(shapely.polygons(closed, indices=polygon_of_ring))
