"""Paint boxes, outlines and masks of objects as labels of an image."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import shapely
from jaxtyping import Bool

from geoglot.datasets.labels import LabelMap
from geoglot.errors import InputError, SourceError
from geoglot.sources.mending import mend

BOXES = "boxes, filled: training and scores use boxes, not outlines"
CROSSED = "outlines that cross themselves, mended"
FLAT = "shapes without an area, passed over"
CUT = "shapes that reach beyond their image, cut at its edge"
_ROUNDING = 1.0  # pixels at the image's edge


@dataclass(frozen=True)
class Shape:
    """An object."""

    index: int
    """Index of its class."""
    area: shapely.Geometry | Bool[np.ndarray, "rows cols"]
    """In pixels (x = column, y = row), or a mask of the whole image."""
    is_box: bool = False


def paint(shapes: Sequence[Shape], size: tuple[int, int], rest: int, path: Path) -> LabelMap:
    """Paint shapes on the class `rest`, later shapes on top; SourceError for a shape outside the image."""
    from rasterio.features import rasterize

    ids, remarks = np.full(size, rest, np.int32), Counter({BOXES: sum(shape.is_box for shape in shapes)})
    for is_mask, group in groupby(shapes, lambda shape: isinstance(shape.area, np.ndarray)):
        if is_mask:
            for shape in group:
                ids[shape.area] = shape.index
        elif areas := _prepare(list(group), size, path, remarks):
            rasterize(areas, out=ids)
    return LabelMap(ids, +remarks)


def _prepare(
    shapes: Sequence[Shape], size: tuple[int, int], path: Path, remarks: Counter[str]
) -> list[tuple[shapely.Geometry, int]]:
    """Valid areas with their classes, for rasterize; counts repairs in `remarks`."""
    rows, cols = size
    areas = np.array([shape.area for shape in shapes], object)
    if (outside := ~shapely.intersects(shapely.box(0, 0, cols, rows), areas)).any():
        west, north, east, south = (round(float(edge), 1) for edge in areas[outside.argmax()].bounds)
        raise SourceError(
            f"{path} has a shape from {west}, {north} to {east}, {south} px, outside its image of {cols} x {rows} "
            "px; are the labels of another image or size?"
        )
    crossed = ~shapely.is_valid(areas) & (shapely.get_dimensions(areas) == 2)
    try:
        areas[crossed] = mend(areas[crossed], "structure")
    except InputError as error:
        raise SourceError(f"{path}: {error}") from error
    flat = shapely.area(areas) == 0
    bounds = shapely.bounds(areas) * (-1, -1, 1, 1)
    remarks[CROSSED] += int((crossed & ~flat).sum())
    remarks[FLAT] += int(flat.sum())
    remarks[CUT] += int((bounds > np.array([0, 0, cols, rows]) + _ROUNDING).any(axis=1).sum())
    return [(area, shape.index) for area, shape, is_flat in zip(areas, shapes, flat, strict=True) if not is_flat]
