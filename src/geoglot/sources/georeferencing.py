"""Finds where the pixels of a file lie: by a transform, by control points, or by files beside it.

A transform with a CRS comes first, then control points with a CRS, to which an affine transform is fitted. If none fits
to within a pixel (radar, a bent scan, a satellite's camera with RPCs), the file is refused with the command that warps
it: a map in a wrong place is worse than none.
"""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
from affine import Affine
from pyproj.exceptions import CRSError

from geoglot.crs import LONLAT, metric_epsg, transform
from geoglot.errors import GridError
from geoglot.figures import format_number
from geoglot.geo import Grid
from geoglot.lonlat import lonlat_bounds
from geoglot.sources.sidecars import Sidecars

_MAX_OFF = 1.0  # pixels that a control point may be off the fitted grid
_OWN_PIXELS = "it is read in its own pixels, and maps and objects have no areas in square metres"


@dataclass(frozen=True)
class Place:
    """The grid of a file, and notes for the user about it."""

    grid: Grid
    notes: tuple[str, ...] = ()


def locate(dataset: Any, uri: str) -> Place:
    """Find where an open file lies on Earth, if it says so; GridError for a file that must be warped first."""
    beside = find_sidecars(dataset, uri)
    own = dataset.transform if not dataset.transform.is_identity else beside.transform()
    points, points_crs = dataset.gcps
    crs = _read_crs(dataset.crs, uri) or (beside.crs() if own is not None or points else None)
    points_crs = _read_crs(points_crs, uri) or crs
    if own is not None and crs is not None:
        return _check_place(Grid(crs, own, dataset.shape), uri)
    if points and points_crs is not None:
        return _fit_control_points(points, points_crs, dataset.shape, uri)
    if centre := _rpc_centre(dataset, uri):
        raise GridError(
            f"{uri} is placed by rational polynomials (RPC), which need the height of the ground; warp it first: "
            f"gdalwarp -rpc -to RPC_DEM=heights.tif -t_srs EPSG:{_epsg(*centre)} "
            f"-dstalpha {shlex.quote(uri)} {_name_warped(uri)} (without heights leave out -to RPC_DEM=heights.tif)"
        )
    return Place(Grid(None, own or dataset.transform, dataset.shape), (_missing_place(uri, crs, bool(points)),))


def _rpc_centre(dataset: Any, uri: str) -> tuple[float, float] | None:
    """Longitude and latitude of the middle of a file that has RPCs; GridError for RPCs that are damaged."""
    try:
        rpcs = dataset.rpcs
        if rpcs is None or math.isfinite(rpcs.long_off + rpcs.lat_off):
            return rpcs and (rpcs.long_off, rpcs.lat_off)
    except (ValueError, KeyError):  # rasterio parses the texts of the file
        pass
    raise GridError(
        f"{uri} has rational polynomials (RPC) that are damaged; remove them, or the file beside it with them"
    )


def find_sidecars(dataset: Any, uri: str) -> Sidecars:
    """Files beside an image that does not say itself where it lies; none, without a look at the folder, otherwise."""
    is_complete = dataset.crs is not None and not dataset.transform.is_identity
    return Sidecars() if is_complete else Sidecars.of(uri)


def _read_crs(crs: Any, uri: str) -> pyproj.CRS | None:
    if not crs:
        return None
    try:
        return pyproj.CRS.from_user_input(crs.to_wkt())
    except CRSError as error:
        raise GridError(
            f"{uri} has a CRS that PROJ cannot read; assign one with: rio edit-info --crs EPSG:... {shlex.quote(uri)}"
        ) from error


def _check_place(grid: Grid, uri: str) -> Place:
    """Refuse coordinates that cannot be in the CRS: metres are no degrees, and degrees end at the poles."""
    crs = grid.crs
    if crs is not None and crs.is_geocentric:
        raise GridError(
            f"the CRS of {uri} is {crs.name}, which counts from the centre of the Earth and is no map CRS; assign "
            f"the right one: rio edit-info --crs EPSG:... {shlex.quote(uri)}"
        )
    if crs is None or not crs.is_geographic:
        lonlat_bounds(grid)  # raises if the outline lies outside the CRS
        return Place(grid)
    degree = math.radians(1) / crs.axis_info[0].unit_conversion_factor
    west, south, east, north = (number / degree for number in grid.bounds)
    if abs(south + north) > 180 or abs(west + east) > 1440:
        raise GridError(
            f"the CRS of {uri} is {crs.name}, in degrees, but its transform says x {west:,.6g} to {east:,.6g} and y "
            f"{south:,.6g} to {north:,.6g}; assign the CRS that these numbers are in: "
            f"rio edit-info --crs EPSG:... {shlex.quote(uri)}"
        )
    if abs(west + east) > 720:  # PROJ accepts no longitude beyond one and a half turns
        turns = round((west + east) / 720)
        a, b, c, d, e, f = grid.transform[:6]
        grid = Grid(crs, Affine(a, b, c - 360 * turns * degree, d, e, f), grid.shape)
    if max(-south, north) > 90 + 1e-9:
        reach = f"latitude {south:.8g} to {north:.8g}"
        return Place(grid, (f"{uri} reaches beyond a pole ({reach}); that part is not mapped",))
    return Place(grid)


def _fit_control_points(points: Sequence[Any], crs: pyproj.CRS, shape: tuple[int, int], uri: str) -> Place:
    """Fit an affine transform to control points by least squares."""
    pixels = np.array([(point.col, point.row) for point in points], np.float64)
    ground = np.array([(point.x, point.y) for point in points], np.float64)
    if crs.is_geographic and np.ptp(ground[:, 0]) > 180:  # across the antimeridian
        ground[:, 0] %= 360
    if not (np.isfinite(pixels).all() and np.isfinite(ground).all()):
        raise GridError(f"{uri} has a ground control point that is not a number; remove it")
    centre, origin = pixels.mean(axis=0), ground.mean(axis=0)
    known = np.column_stack([pixels - centre, np.ones(len(pixels))])
    if np.linalg.matrix_rank(known) < 3:
        raise GridError(
            f"{uri} is placed by {len(known)} ground control points, all on one line, which give no transform; "
            "add a point off the line, or assign a transform: rio edit-info --transform"
        )
    (a, d), (b, e), (c, f) = np.linalg.lstsq(known, ground - origin, rcond=None)[0]
    col, row = centre
    x, y = origin + np.array([c - a * col - b * row, f - d * col - e * row])
    grid = Grid(crs, Affine(a, b, x, d, e, y), shape)
    rows, cols = grid.to_pixel(*ground.T)
    off = float(np.hypot(cols - pixels[:, 0], rows - pixels[:, 1]).max())
    if off > _MAX_OFF:
        x, y = grid.to_map(shape[0] / 2, shape[1] / 2)
        raise GridError(
            f"{uri} is placed by {len(known)} ground control points that no straight grid fits "
            f"(up to {format_number(off)} px off); warp it first: rio warp {shlex.quote(uri)} {_name_warped(uri)} "
            f"--dst-crs EPSG:{_epsg(*transform(x, y, crs, LONLAT))}"
        )
    place = _check_place(grid, uri)
    note = f"{uri} is placed by {len(known)} ground control points, which fit a straight grid to {off:.1f} px"
    return Place(place.grid, (note, *place.notes))


def _epsg(lon: Any, lat: Any) -> int:
    return int(metric_epsg(np.atleast_1d(np.float64(lon)), np.atleast_1d(np.float64(lat)))[0])


def _name_warped(uri: str) -> str:
    """A name for the warped file, quoted for a shell."""
    return shlex.quote(str(Path(uri).with_name(f"{Path(uri).stem}-warped.tif")) if "://" not in uri else "warped.tif")


def _missing_place(uri: str, crs: pyproj.CRS | None, has_points: bool) -> str:
    if has_points:
        prj = Path(uri).with_suffix(".prj").name
        return f"{uri} has ground control points and no CRS for them (write it into {prj} as WKT): {_OWN_PIXELS}"
    if crs is not None:
        return f"{uri} has a CRS but no transform, so its pixels have no coordinates: {_OWN_PIXELS}"
    return f"{uri} has no CRS: {_OWN_PIXELS}"
