"""Zarr stores of a vector per pixel by the convention geoemb, as TESSERA has them.

The convention is https://github.com/geo-embeddings/embeddings-zarr-convention, v1. A store has groups with `embeddings`
(time, band, y, x) or (band, y, x), and `scales` (time, y, x) or (y, x) if its numbers are quantised pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
from affine import Affine
from pyproj.exceptions import CRSError

from geoglot.errors import MissingExtraError, SourceError
from geoglot.geo import Grid, Window
from geoglot.index.exchange import alphaearth
from geoglot.index.exchange.pixel_products import PixelProduct, Pixels, unpack
from geoglot.index.store.archive import LONGEST, ModelFacts

_MOST_CHUNK_BYTES = 2**29  # a chunk is decoded as a whole
_SAMPLE = 256  # pixels a side whose lengths are measured
_NANOSECONDS = 10**12  # larger numbers of an axis of time are no years


def open_store(path: str) -> Any:
    """The root group of a store; SourceError if it is none."""
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError("zarr", "zarr") from error
    if not (Path(path) / "zarr.json").is_file():
        raise SourceError(f"{path} is not a Zarr store of format 3: it holds no zarr.json")
    with zarr_errors(path):
        return zarr.open_group(path, mode="r", zarr_format=3)


def read_pixel_store(path: str) -> Iterator[PixelProduct]:
    """The rasters of vectors of a store: one for each group that has them, and each time."""
    root = open_store(path)
    with zarr_errors(path):
        facts = dict(root.attrs)
        groups = [(name, group) for name, group in [("", root), *root.groups()] if "embeddings" in group]
        products = [each for name, group in groups for each in _read_group(f"{path}/{name}".rstrip("/"), group, facts)]
    if not products:
        raise SourceError(f"{path} holds no array `embeddings`, in its root or its groups")
    yield from products


@contextmanager
def zarr_errors(path: str) -> Iterator[None]:
    """Turn what zarr and its codecs raise for a damaged store into a SourceError."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, IndexError, ArithmeticError,
            MemoryError) as error:  # fmt: skip
        raise SourceError(f"{path} cannot be read as Zarr ({error!r}); get it again") from error


def _read_group(source: str, group: Any, above: Mapping[str, Any]) -> Iterator[PixelProduct]:
    facts = {**above, **group.attrs}
    vectors = check_chunks(group["embeddings"], source)
    scales = _scales(group, facts, source)
    times = np.asarray(group["time"][:]) if "time" in group else np.array([])
    if vectors.ndim not in (3, 4):
        raise SourceError(f"the embeddings of {source} must be (time, band, y, x), got {vectors.shape}")
    count = vectors.shape[0] if vectors.ndim == 4 else 1
    dim = int(vectors.shape[-3])
    if not 0 < dim <= LONGEST:
        raise SourceError(f"the embeddings of {source} must have from 1 to {LONGEST:,} bands, got {dim:,}")
    model = ModelFacts(str(facts.get("geoemb:model") or "unknown")[:200], "", dim)
    grid = _grid(facts, (int(vectors.shape[-2]), int(vectors.shape[-1])), source)
    for index in range(count):
        at = (index,) if vectors.ndim == 4 else ()
        read = _Reader(vectors, scales, at, source)
        if "alphaearth" in model.name.lower().replace("_", "").replace("-", "") or "AEF" in model.name:
            _check_alphaearth(read, grid)
        yield PixelProduct(model, source, grid, _time(times, index), read)


class _Reader:
    """Reads a window of one time."""

    def __init__(self, vectors: Any, scales: Any, at: tuple[int, ...], source: str) -> None:
        self._vectors, self._scales, self._at, self._source = vectors, scales, at, source

    def __call__(self, window: Window) -> Pixels:
        rows, cols = window.slices
        with zarr_errors(self._source):
            return self._decode(rows, cols)

    def _decode(self, rows: slice, cols: slice) -> Pixels:
        stored = np.asarray(self._vectors[(*self._at, slice(None), rows, cols)])
        if self._scales is None:
            return unpack(stored)
        if isinstance(self._scales, tuple):
            values, known = unpack(stored, *self._scales)
            return values, known & (stored != np.iinfo(stored.dtype).min).all(0)
        return unpack(stored, self._scales[(*self._at, rows, cols)])


def _scales(group: Any, facts: Mapping[str, Any], source: str) -> Any:
    """The array of scales, one scale and offset for all, or None for numbers as they are."""
    scale = (facts.get("geoemb:quantization") or {}).get("scale") or {}
    if scale.get("type") == "scalar":
        return float(scale["scale"]), float(scale.get("offset", 0.0))
    name = str(scale.get("array_name", "scales"))
    if name in group:
        return check_chunks(group[name], source)
    if np.issubdtype(group["embeddings"].dtype, np.integer):
        raise SourceError(f"{source} holds whole numbers and no array `{name}` of scales, so they mean nothing")
    return None


def check_chunks(array: Any, source: str) -> Any:
    """The array; SourceError if one of its chunks would not fit in memory."""
    if (size := int(np.prod(array.chunks, dtype=np.float64)) * array.dtype.itemsize) > _MOST_CHUNK_BYTES:
        raise SourceError(f"{source} has chunks of {size / 2**20:,.0f} MB, which must have at most 512 MB")
    return array


def _check_alphaearth(read: _Reader, grid: Grid) -> None:
    rows, cols = (min(_SAMPLE, side) for side in grid.shape)
    values, known = read(Window((grid.shape[0] - rows) // 2, (grid.shape[1] - cols) // 2, rows, cols))
    if known.any():
        alphaearth.check_length(values, known, "its own metadata says")


def _grid(facts: Mapping[str, Any], shape: tuple[int, int], source: str) -> Grid:
    try:
        crs = pyproj.CRS(facts["proj:code"])
        transform = Affine(*(float(number) for number in facts["spatial:transform"][:6]))
    except (KeyError, TypeError, ValueError, CRSError) as error:
        raise SourceError(f"{source} must say proj:code and spatial:transform, to have a place ({error!r})") from error
    return Grid(crs, transform, shape)


def _time(times: np.ndarray, index: int) -> datetime | None:
    """The first moment of a year, or a date in nanoseconds."""
    if index >= len(times):
        return None
    value = times[index]
    if np.issubdtype(times.dtype, np.datetime64) or abs(int(value)) > _NANOSECONDS:
        return datetime.fromtimestamp(int(np.datetime64(int(value), "ns").astype("datetime64[s]").astype(int)), UTC)
    return datetime(int(value), 1, 1, tzinfo=UTC) if 1900 <= int(value) <= 2200 else None
