"""Shapes in an image's pixels as labels: boxes, outlines and masks, as detectors and labelling programs keep them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import shapely
from jaxtyping import Bool, Int32

from geoglot.errors import SourceError

BOXES = "shapes that are boxes, filled whole: what is learned and scored there are boxes, not outlines"
CROSSED = "outlines that cross themselves, mended"
FLAT = "shapes without an area, passed over"
CUT = "shapes that reach beyond their image, cut at its edge"
_OVER = 1.0  # pixels: what rounding at the edge makes


@dataclass(frozen=True)
class Drawn:
    """A thing: its class, and an area in pixels (x = column, y = row) or a mask of all of the image."""

    index: int
    area: shapely.Geometry | Bool[np.ndarray, "rows cols"]
    is_box: bool = False


def paint(
    things: Sequence[Drawn], shape: tuple[int, int], rest: int, path: Path
) -> tuple[Int32[np.ndarray, "rows cols"], Counter[str]]:
    """The class of each pixel; of several things over a pixel the last one counts. SourceError for things outside."""
    from rasterio.features import rasterize

    ids, told = np.full(shape, rest, np.int32), Counter({BOXES: sum(thing.is_box for thing in things)})
    for is_mask, some in groupby(things, lambda thing: isinstance(thing.area, np.ndarray)):
        group = list(some)
        if is_mask:
            for thing in group:
                ids[thing.area] = thing.index
        elif burnt := _burnt(group, shape, path, told):
            rasterize(burnt, out=ids)
    return ids, +told


def _burnt(
    things: Sequence[Drawn], shape: tuple[int, int], path: Path, told: Counter[str]
) -> list[tuple[shapely.Geometry, int]]:
    """Outlines as they are burnt, each with its class; what is done to them is counted in `told`."""
    frame, areas = shapely.box(0, 0, shape[1], shape[0]), np.array([thing.area for thing in things], object)
    if (outside := ~shapely.intersects(frame, areas)).any():
        raise _outside(areas[outside.argmax()], shape, path)
    crossed = ~shapely.is_valid(areas) & (shapely.get_dimensions(areas) == 2)
    areas[crossed] = shapely.make_valid(areas[crossed], method="structure", keep_collapsed=False)
    flat = shapely.area(areas) == 0
    bounds = shapely.bounds(areas) * (-1, -1, 1, 1)
    told[CROSSED] += int((crossed & ~flat).sum())
    told[FLAT] += int(flat.sum())
    told[CUT] += int((bounds > np.array([0, 0, shape[1], shape[0]]) + _OVER).any(axis=1).sum())
    return [(area, thing.index) for area, thing, is_flat in zip(areas, things, flat, strict=True) if not is_flat]


def _outside(area: shapely.Geometry, shape: tuple[int, int], path: Path) -> SourceError:
    west, north, east, south = (round(float(edge), 1) for edge in area.bounds)
    return SourceError(
        f"{path} has a shape from {west}, {north} to {east}, {south} px, outside of its image of {shape[1]} x "
        f"{shape[0]} px; are the labels of another image or size?"
    )
