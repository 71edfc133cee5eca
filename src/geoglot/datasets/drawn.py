"""Shapes in an image's pixels as labels: boxes, outlines and masks, as detectors and labelling programs keep them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jaxtyping import Bool, Int32

from geoglot.errors import SourceError

BOXES = "shapes that are boxes, filled whole: what is learned and scored there are boxes, not outlines"


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

    ids, frame = np.full(shape, rest, np.int32), shapely.box(0, 0, shape[1], shape[0])
    for is_mask, some in groupby(things, lambda thing: isinstance(thing.area, np.ndarray)):
        areas: list[tuple[Any, int]] = [(thing.area, thing.index) for thing in some]
        if is_mask:
            for area, index in areas:
                ids[area] = index
            continue
        for area, _ in areas:
            if not shapely.intersects(frame, area):
                raise _outside(area, shape, path)
        if burnt := [(area, index) for area, index in areas if area.area]:
            rasterize(burnt, out=ids)
    return ids, Counter({BOXES: sum(thing.is_box for thing in things)})


def _outside(area: shapely.Geometry, shape: tuple[int, int], path: Path) -> SourceError:
    west, north, east, south = (round(float(edge), 1) for edge in area.bounds)
    return SourceError(
        f"{path} has a shape from {west}, {north} to {east}, {south} px, outside of its image of {shape[1]} x "
        f"{shape[0]} px; are the labels of another image or size?"
    )
