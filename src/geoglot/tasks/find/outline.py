"""Masks to polygons of one part each, and whose a place is that several want."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from jaxtyping import Bool
from shapely import Polygon

from geoglot.geo import Window
from geoglot.outputs.shapes import ClassStrip, trace
from geoglot.scene.score_field import ScoreField
from geoglot.tasks.find.regions import Region

_TOLERANCE = 0.5  # pixels: the corners of pixels go, nothing else
_SAME = 0.5  # who keeps less than this of its area is the same thing by another name
_PIXELS = 4_000_000


@dataclass(frozen=True)
class Found:
    """One thing with its outline."""

    name: str
    polygon: Polygon
    """In pixels of the scene (x = column, y = row)."""
    score: float
    how: str
    """What made the outline."""


def outline(mask: Bool[np.ndarray, "rows cols"], window: Window) -> Polygon:
    """The largest 4-connected part of a mask in `window`, with its holes, simplified by half a pixel at most."""
    place = Affine.translation(window.col, window.row)
    shapes = rasterio.features.shapes(mask.astype(np.uint8), mask=mask, connectivity=4, transform=place)
    return _plain([shapely.geometry.shape(geometry) for geometry, _ in shapes])


def _plain(parts: Sequence[Polygon]) -> Polygon:
    largest = max(parts, key=lambda part: (part.area, -part.bounds[1], -part.bounds[0]))
    return shapely.normalize(shapely.simplify(largest, _TOLERANCE))


def outline_of_large(region: Region, field: ScoreField, extent: float) -> Found:
    """A region too large to be held at once, traced strip by strip as a class map is; neither split nor refined."""
    core = shapely.Point(region.at[1] + 0.5, region.at[0] + 0.5)

    def strips() -> Iterator[ClassStrip]:
        rows = max(1, _PIXELS // region.box.width)
        for row in range(region.top, region.bottom, rows):
            window = Window(row, region.left, min(rows, region.bottom - row), region.box.width)
            scores = field.read(window)
            yield ClassStrip(row, (scores >= extent).astype(np.uint8), scores)

    for shape in trace(strips(), frozenset({0})):
        polygon = shapely.transform(shape.geometry(), lambda xy: xy + np.array([region.left, 0]))
        if polygon.contains(core):
            return Found(field.name, _plain([polygon]), shape.confidence / shape.pixels, "none")
    raise AssertionError("a region holds its core")


def settle(things: Sequence[Found]) -> list[Found]:
    """Nothing overlaps any more: the higher score keeps what two want, and what loses over half of itself goes."""
    order = sorted(range(len(things)), key=lambda i: (-things[i].score, i))
    rank = {index: place for place, index in enumerate(order)}
    polygons: dict[int, Polygon] = {}
    near = _neighbours([thing.polygon for thing in things])
    for index in order:
        above = [polygons[other] for other in near[index] if rank[other] < rank[index] and other in polygons]
        rest = _less(things[index].polygon, above)
        if rest is not None:
            polygons[index] = rest
    return [replace(thing, polygon=polygons[i]) for i, thing in enumerate(things) if i in polygons]


def _neighbours(polygons: Sequence[Polygon]) -> list[list[int]]:
    pairs = shapely.STRtree(polygons).query(np.array(polygons, object), predicate="intersects")
    near: list[list[int]] = [[] for _ in polygons]
    for one, other in pairs.T.tolist():
        near[one].append(other)
    return near


def _less(polygon: Polygon, others: Sequence[Polygon]) -> Polygon | None:
    """The largest part of what the others leave, None if that is too little."""
    if not others:
        return polygon
    parts = shapely.get_parts(shapely.difference(polygon, shapely.union_all(others)))
    parts = [part for part in parts if isinstance(part, Polygon) and not part.is_empty]
    largest = max(parts, key=lambda part: part.area, default=None)
    return largest if largest is not None and largest.area >= _SAME * polygon.area else None
