"""Compares the overviews of a raster with its pixels: a file may be replaced while the overviews beside it stay.

Stretches and thumbnails come from overviews, so a few places of each level are compared with the image's own pixels.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from geoglot.errors import SourceError
from geoglot.geo import Window
from geoglot.sources.gdal import GDAL_ERRORS, open_dataset
from geoglot.sources.pixels.band_reader import BandReader
from geoglot.sources.raster_guard import is_local

_PLACES = ((0.5, 0.5), (0.15, 0.2), (0.25, 0.8), (0.8, 0.15), (0.85, 0.75))  # down and across the image, 0..1
_MAX_LEVELS = 64  # halving a side that often leaves nothing of any raster
_SIDE = 512  # pixels of a place that are read
_MIN_INSIDE = 0.75  # share of an overview's pixels between the lowest and the highest pixel that they stand for
_OVERSHOOT = 0.1  # of the standard deviation of the pixels, by which cubic kernels overshoot them
_MAX_SHIFT = 0.3  # of the standard deviation: between the means of a level and of the pixels
_MIN_CORRELATION = 0.4  # of a level with the means of its pixels, if these vary enough to be more than noise
_MIN_VARIATION = 0.5  # of those means, as a share of the standard deviation of the pixels


_MOST_KNOWN = 1000  # rasters
_known = dict[str, bool]()


class _Cells(NamedTuple):
    """The pixels of an overview whose image pixels are all valid, with statistics of these."""

    lowest: np.ndarray
    mean: np.ndarray
    highest: np.ndarray
    overview: np.ndarray
    """NaN where the overview has no data."""
    pixels: np.ndarray
    """All valid pixels of the image."""


def overviews_match(dataset: Any, uri: str, reader: BandReader, state: Mapping[str, Any]) -> bool:
    """Whether all overviews show the pixels of the image; True if there are none, or nothing to compare.

    `state` is `source_state` of the raster: one that is opened again unchanged is not compared again.
    """
    key = json.dumps([uri, state, reader.indexes, reader.nodata], default=str)
    if key not in _known:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[key] = _compare(dataset, uri, reader)
    return _known[key]


def _compare(dataset: Any, uri: str, reader: BandReader) -> bool:
    count = len(dataset.overviews(reader.indexes[0]))
    beside = is_local(uri) and any(Path(uri + suffix).exists() for suffix in (".ovr", ".OVR"))
    if not count or not (dataset.driver == "GTiff" or beside):  # other formats reduce the picture itself
        return True
    if count > _MAX_LEVELS:
        raise SourceError(
            f"{uri} has {count:,} overviews, and at most {_MAX_LEVELS} are read; remove them: gdaladdo -clean {uri}"
        )
    with open_dataset(uri, level="NONE") as image:
        return all(_level_matches(image, uri, level, reader) for level in range(count))


def _level_matches(image: Any, uri: str, level: int, reader: BandReader) -> bool:
    try:
        with open_dataset(uri, level=level) as overview:
            places = list(_read_places(image, overview, reader))
    except (*GDAL_ERRORS, SourceError):
        return False
    if not places:
        return True
    cells = _Cells(*(np.concatenate(parts) for parts in zip(*places, strict=True)))
    spread, count = cells.pixels.std(), len(cells.mean)
    room = _OVERSHOOT * spread + 1e-6 * np.abs(cells.pixels).max()
    inside = (cells.overview >= cells.lowest - room) & (cells.overview <= cells.highest + room)
    if inside.mean() < _MIN_INSIDE:
        return False
    has_data = np.isfinite(cells.overview)
    mean, overview = cells.mean[has_data], cells.overview[has_data]
    if abs(mean.mean() - overview.mean()) > (_MAX_SHIFT + 3 / np.sqrt(count)) * spread + room:
        return False
    has_structure = count > 100 and mean.std() > _MIN_VARIATION * spread > 0 and overview.std() > 0
    return not has_structure or float(np.corrcoef(mean, overview)[0, 1]) > _MIN_CORRELATION


def _read_places(image: Any, overview: Any, reader: BandReader) -> Iterator[_Cells]:
    """Read a few places of a level and of the image, except damaged ones, which the read of a window reports."""
    rows, cols = ((big / small, small) for big, small in zip(image.shape, overview.shape, strict=True))
    for place in _PLACES:
        down, across = (_cell_edges(start, *axis) for start, axis in zip(place, (rows, cols), strict=True))
        below = Window(down[0], across[0], down[-1] - down[0], across[-1] - across[0])
        try:
            values, has_data = reader.read(image, below)
        except GDAL_ERRORS:
            continue
        top, left = (round(edges[0] / axis[0]) for edges, axis in ((down, rows), (across, cols)))
        shown, shown_data = reader.read(overview, Window(top, left, len(down) - 1, len(across) - 1))
        starts = [[edge - edges[0] for edge in edges[:-1]] for edges in (down, across)]
        valid = np.asarray(has_data.all(axis=0))
        full = _reduce_cells(np.minimum, valid[None], *starts)[0]
        if full.any():
            numbers = values.astype(np.float64)
            sizes = np.outer(np.diff(down), np.diff(across))
            yield _Cells(
                _with_neighbours(np.fmin, _reduce_cells(np.minimum, values, *starts))[:, full].ravel(),
                (_reduce_cells(np.add, numbers, *starts) / sizes)[:, full].ravel(),
                _with_neighbours(np.fmax, _reduce_cells(np.maximum, values, *starts))[:, full].ravel(),
                np.where(shown_data, shown.astype(np.float64), np.nan)[:, full].ravel(),
                numbers[:, valid].ravel(),
            )


def _cell_edges(start: float, step: float, count: int) -> list[int]:
    """Image positions of the edges of a run of overview pixels, along one axis."""
    length = max(1, min(count, round(_SIDE / step)))
    first = int(start * (count - length))
    return [round(index * step) for index in range(first, first + length + 1)]


def _reduce_cells(reduce: np.ufunc, values: np.ndarray, rows: Sequence[int], cols: Sequence[int]) -> np.ndarray:
    """Reduce each cell to one value; cells begin at these rows and columns."""
    return _reduce_axis(reduce, _reduce_axis(reduce, values, rows, 1), cols, 2)


def _with_neighbours(reduce: np.ufunc, cells: np.ndarray) -> np.ndarray:
    """Reduce each cell and the eight around it, since resampling kernels blur over them."""
    for axis in (1, 2):
        lanes = np.moveaxis(cells, axis, 0)
        reduced = lanes.copy()
        reduce(reduced[1:], lanes[:-1], out=reduced[1:])
        reduce(reduced[:-1], lanes[1:], out=reduced[:-1])
        cells = np.moveaxis(reduced, 0, axis)
    return cells


def _reduce_axis(reduce: np.ufunc, values: np.ndarray, starts: Sequence[int], axis: int) -> np.ndarray:
    """`reduce.reduceat`, but several times as fast for short cells: it takes the next pixel of all cells at once."""
    first, lanes = np.asarray(starts), np.moveaxis(values, axis, 0)
    lengths = np.diff(first, append=len(lanes))
    reduced = lanes[first]
    for offset in range(1, int(lengths.min())):
        reduce(reduced, lanes[first + offset], out=reduced)
    for offset in range(max(1, int(lengths.min())), int(lengths.max())):
        longer = lengths > offset
        reduced[longer] = reduce(reduced[longer], lanes[first[longer] + offset])
    return np.moveaxis(reduced, 0, axis)
