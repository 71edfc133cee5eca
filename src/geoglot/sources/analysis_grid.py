"""Chooses the grid that a raster is read on: its own, or a metric grid at the requested ground resolution."""

import math

from geoglot.errors import InputError
from geoglot.figures import format_number
from geoglot.geo import Grid

ResolutionLike = float | tuple[float, float] | None
_MAX_ENLARGED = 100  # times finer than the scene; beyond that the resolution must be a mistake
_OBLONG = 3.0  # times longer than wide; in degrees, pixels are so from 70 degrees of latitude on


def analysis_grid(native: Grid, resolution: ResolutionLike, uri: str) -> Grid:
    """The grid of a raster at a resolution as `open_raster` takes it; InputError if it is absurdly coarse or fine."""
    own = native.resolution_m
    if own is None or resolution is None:
        return native if own is None else native.metric(own)
    if isinstance(resolution, tuple):
        finest, coarsest = resolution
        resolution = min(max(own, finest), coarsest)
    if resolution > own * min(native.shape):
        width = format_number(own * min(native.shape))
        raise InputError(
            f"{uri} is only {width} m wide, less than one pixel of {format_number(resolution)} m; choose a finer "
            "resolution, or, if the scene is really wider, assign the CRS that its coordinates are in"
        )
    if resolution * _MAX_ENLARGED < own:
        raise InputError(
            f"the pixels of {uri} are {format_number(own)} m, over {_MAX_ENLARGED} times as coarse as the "
            f"{format_number(resolution)} m at which it would be read; choose a resolution yourself: --gsd"
        )
    return native.metric(resolution)


def oblong_notes(native: Grid, uri: str) -> tuple[str, ...]:
    """A note on pixels that are far from square on the ground."""
    if native.crs is None or (sides := native.pixel_size_m).max() <= _OBLONG * sides.min():
        return ()
    across, down = map(format_number, sides)
    return (f"the pixels of {uri} are {across} m wide and {down} m high; it is read in square ones",)


def shrink(grid: Grid, side: int) -> Grid:
    """The same extent in at most side x side pixels."""
    step = max(1.0, max(grid.shape) / side)
    rows, cols = (max(1, math.floor(length / step)) for length in grid.shape)
    return grid.resized((rows, cols))
