"""How much of a map each class covers: pixels, and square metres of ground."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from geoglot.footprint import Footprint
from geoglot.geo import Grid, Window
from geoglot.outputs.legend import Legend
from geoglot.outputs.shapes import ClassStrip

_BLOCK_M = 50_000.0  # side of a block, in which the ground area of a pixel hardly varies
_BLOCK_PIXELS = 4_000_000  # bounds memory


@dataclass(frozen=True)
class ClassShare:
    """How much of the map a class covers."""

    name: str
    pixels: int
    area_m2: float | None
    """Geodesic; a pixel that hangs over the scene's edge counts with the part inside."""
    share: float
    """Fraction of the valid pixels."""


def class_shares(
    strips: Iterator[ClassStrip], grid: Grid, footprint: Footprint, legend: Legend
) -> tuple[ClassShare, ...]:
    """The shares of "other" and each class. The area of a pixel varies, so it is computed block by block."""
    pixels = np.zeros(len(legend.names) + 1, np.int64)
    areas = np.zeros(len(pixels))
    for window, classes in _blocks(strips, grid):
        counts = np.bincount(classes, minlength=legend.nodata + 1)[: len(pixels)]
        pixels += counts
        if grid.crs:
            inside = footprint.coverage(window)
            if inside is not None:
                counts = np.bincount(classes, inside.ravel(), legend.nodata + 1)[: len(pixels)]
            areas += counts * (grid.pixel_area_m2(window) or 0)
    total = max(1, int(pixels.sum()))
    named = list(zip((legend.rest, *legend.names), pixels.tolist(), areas.tolist(), strict=True))
    return tuple(
        ClassShare(name, count, round(area, 2) if grid.crs else None, count / total)
        for name, count, area in (named if pixels[0] else named[1:])
    )


def _blocks(strips: Iterator[ClassStrip], grid: Grid) -> Iterator[tuple[Window, np.ndarray]]:
    """Windows of the map and the classes of their pixels."""
    for strip in strips:
        height, width = strip.classes.shape
        for window in even_windows(grid, Window(strip.row, 0, height, width)):
            yield window, strip.classes[:, window.col : window.col + window.width].ravel()


def even_windows(grid: Grid, rows: Window) -> Iterator[Window]:
    """Cut full rows of a grid into windows in which the ground area of a pixel hardly varies."""
    across = max(1, int(_BLOCK_M / (grid.resolution_m or 1.0)))
    step = min(across, max(1, _BLOCK_PIXELS // rows.height))
    for col in range(0, rows.width, step):
        yield rows._replace(col=col, width=min(step, rows.width - col))
