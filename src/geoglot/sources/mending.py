"""Mends polygons that cross themselves, and unites polygons, within a time limit.

If every edge crosses every other, the time grows with the cube of the corners, so a small ring can take days. Where it
may be long, they are computed in a child process.
"""

import tempfile
from typing import Literal

import numpy as np
import shapely

from geoglot.sources.vector_child import compute

Method = Literal["linework", "structure"]
_QUICK = {"linework": 3e6, "structure": 1e8}  # cubes of the corners of polygons, mended in a second at the worst
_FEW = 5_000  # corners of polygons that are united in this process
_CORNER_BYTES = 16
_POLYGON = 3  # GEOS's number of the type; from 4 on they are collections
_PACE = 0.2  # MB of corners that are united or mended in a second of computing, at the least


def mend(geometries: np.ndarray, method: Method = "linework") -> np.ndarray:
    """`shapely.make_valid`; InputError if it takes too long. "structure" drops what has no area."""
    crossed = ~shapely.is_valid(geometries) & ~shapely.is_missing(geometries)
    corners = shapely.get_num_coordinates(geometries[crossed]).astype(float)
    if (corners**3).sum() <= _QUICK[method]:
        return _mend(geometries, method)
    mended = np.array(geometries, object)
    mended[~crossed] = _mend(mended[~crossed], method)
    mended[crossed] = _in_child(f"mend:{method}", mended[crossed], "mending polygons that cross themselves")
    return mended


def only_polygons(geometries: np.ndarray) -> np.ndarray:
    """The polygons among geometries and in collections of them, one by one; points and lines are left out."""
    parts = np.asarray(geometries, object)
    while (nested := shapely.get_type_id(parts) > _POLYGON).any():
        parts = np.concatenate([parts[~nested], shapely.get_parts(parts[nested])])
    return np.asarray(parts[shapely.get_type_id(parts) == _POLYGON])


def unite(geometries: np.ndarray) -> shapely.Geometry:
    """`shapely.union_all`; InputError if it takes too long."""
    if len(geometries) < 2 or shapely.get_num_coordinates(geometries).sum() <= _FEW:
        return shapely.union_all(geometries)
    return _in_child("unite", geometries, "uniting the polygons")[0]


def _mend(geometries: np.ndarray, method: Method) -> np.ndarray:
    options = {"keep_collapsed": False} if method == "structure" else {}
    mended: np.ndarray = shapely.make_valid(geometries, method=method, **options)
    return mended


def _in_child(work: str, geometries: np.ndarray, what: str) -> np.ndarray:
    size = int(shapely.get_num_coordinates(geometries).sum()) * _CORNER_BYTES
    with tempfile.TemporaryDirectory() as folder:
        _write(f"{folder}/given.parquet", geometries)
        compute(f"{__name__}:work_on", work, folder, size=size, pace=_PACE, what=what)
        return _read(f"{folder}/made.parquet")


def work_on(work: str, folder: str) -> str:
    """The work of the child."""
    geometries = _read(f"{folder}/given.parquet")
    name, _, method = work.partition(":")
    made = np.array([shapely.union_all(geometries)]) if name == "unite" else _mend(geometries, method)  # type: ignore[arg-type]
    _write(f"{folder}/made.parquet", made)
    return ""


def _write(path: str, geometries: np.ndarray) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"geometry": pa.array(shapely.to_wkb(geometries), pa.large_binary())}), path)


def _read(path: str) -> np.ndarray:
    import pyarrow.parquet as pq

    return np.asarray(shapely.from_wkb(pq.read_table(path)["geometry"].to_numpy()))
