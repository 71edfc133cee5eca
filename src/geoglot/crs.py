"""Transforms coordinates between CRSs, always x before y, and chooses a metric CRS for a place on Earth."""

import math
import re
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
from jaxtyping import Float, Int
from pyproj.exceptions import ProjError

from geoglot.errors import GridError

LONLAT = pyproj.CRS("OGC:CRS84")
"""Longitude and latitude in degrees on WGS 84."""
WGS84 = pyproj.Geod(ellps="WGS84")
UPS_NORTH, UPS_SOUTH = 32661, 32761  # EPSG
_FILE = re.compile(
    r'(?:PARAMETERFILE\s*\[\s*"[^"]*"|PROJ4_GRIDS")\s*,\s*"[^"]*[/\\]|\b(?:[a-z]*grids|file|model|init)=[^\s"<\]]*[/\\]',
    re.IGNORECASE,
)
_SEGMENT_M = 2_000.0  # an edge of this length bends by less than a metre between two CRSs
_UTM_MAX_SPAN = 12.0  # degrees of longitude; over 6 from its meridian UTM stretches by over 0.5 %
_UTM_MAX_LATITUDE = 84.0
_UPS_MIN_LATITUDE = 60.0  # nearer to the equator polar stereographic stretches by over 7 %
_CAP_MIN_LATITUDE = 10.0  # corners of a square around a larger cap lie nearly on the other pole


def transform(x: np.ndarray, y: np.ndarray, source: pyproj.CRS, target: pyproj.CRS) -> tuple[np.ndarray, np.ndarray]:
    """Transform coordinates, x first in both CRSs; GridError for a point outside the domain of either CRS."""
    try:
        transformer = _transformer(source, target)
    except ProjError as error:
        raise GridError(
            f"PROJ knows no transformation from the CRS {source.name!r} to {target.name!r} ({error}); assign the right "
            "CRS with rio edit-info --crs EPSG:..., or remove it with --unset-crs to work in plain pixels"
        ) from error
    try:
        x, y = transformer.transform(x, y, errcheck=True)
    except ProjError as error:
        raise GridError(
            f"Some points in the CRS {source.name!r} do not exist in {target.name!r} ({error}): the raster reaches "
            "beyond the Earth, or beyond where its CRS is valid; clip it, for instance with rio clip, or give it "
            "another CRS if this one is wrong: rio edit-info --crs EPSG:..."
        ) from error
    return np.asarray(x), np.asarray(y)


@lru_cache(maxsize=64)
def _transformer(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    check_names_no_file(source)
    return pyproj.Transformer.from_crs(with_x_first(source, target), target, always_xy=True)


def check_names_no_file(crs: pyproj.CRS) -> None:
    """GridError for a CRS that names a file by its path, for instance of shifts between datums: PROJ opens it."""
    if names_file(crs.to_wkt()):
        raise GridError(f"the CRS {crs.name!r} names a file by its path, and none is opened; give it by an EPSG code")


def names_file(text: str) -> bool:
    """Whether the text of a CRS names a file by its path. PROJ looks for other names in its own folders only."""
    return bool(_FILE.search(text))


def with_x_first(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.CRS:
    """The target if only the axis order differs, else the source: PROJ would swap UPS (E,N) and UPS (N,E)."""
    return target if source.equals(target, ignore_axis_order=True) else source


def segment_length(crs: pyproj.CRS) -> float:
    """The longest edge, in units of a CRS, that bends by less than a metre in another CRS, away from the poles."""
    unit = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
    return float(_SEGMENT_M / (unit * WGS84.a if crs.is_geographic else unit))


def wrap_longitude(longitude: Any) -> Any:
    """A longitude in [-180, 180)."""
    return (longitude + 180) % 360 - 180


def metric_epsg(lon: Float[np.ndarray, " point"], lat: Float[np.ndarray, " point"]) -> Int[np.ndarray, " point"]:
    """EPSG codes of the UTM zones of points, or of UPS beyond 84 degrees; lengths around each are true to 0.1 %."""
    zone = ((wrap_longitude(lon) + 180) // 6).astype(np.int64) + 1
    utm = np.where(lat >= 0, 32600, 32700) + zone
    return np.where(abs(lat) <= _UTM_MAX_LATITUDE, utm, np.where(lat > 0, UPS_NORTH, UPS_SOUTH))


def metric_crs(lon: np.ndarray, lat: np.ndarray) -> pyproj.CRS:
    """A CRS in metres with little distortion inside a closed outline in degrees.

    It is the UTM zone of the centre, UPS near a pole, or an equal-area azimuthal CRS for an outline that is too wide
    for UTM; GridError beyond a hemisphere.
    """
    lon = np.unwrap(lon, period=360)
    middle, latitude = wrap_longitude((lon.min() + lon.max()) / 2), (lat.min() + lat.max()) / 2
    pole, to_equator = math.copysign(90, latitude), float(abs(lat).min())
    around_pole = bool(np.ptp(lon) > 180 or abs(lon[-1] - lon[0]) > 180)
    if np.ptp(lat) > 120 or (around_pole and (lat.min() * lat.max() < 0 or to_equator < _CAP_MIN_LATITUDE)):
        raise GridError(
            "The raster covers about a hemisphere or more, which no metric grid can hold; cut a part out of it, for "
            "instance with: rio clip IN OUT --bounds 'WEST SOUTH EAST NORTH'"
        )
    if abs(lat).max() > _UTM_MAX_LATITUDE and to_equator > _UPS_MIN_LATITUDE:
        return pyproj.CRS.from_epsg(UPS_NORTH if latitude > 0 else UPS_SOUTH)
    if around_pole:
        return pyproj.CRS.from_proj4(f"+proj=laea +lat_0={pole:g} +datum=WGS84")
    if np.ptp(lon) > _UTM_MAX_SPAN:
        return pyproj.CRS.from_proj4(f"+proj=laea +lat_0={latitude:.4f} +lon_0={middle:.4f} +datum=WGS84")
    return pyproj.CRS.from_epsg(int(metric_epsg(np.array([middle]), np.array([latitude]))[0]))
