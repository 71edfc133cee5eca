"""Whether the overviews of a raster show its pixels: a file may be replaced, and the overviews beside it stay.

They decide stretches and pictures, so a few places of each level are compared with means of the pixels themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from geoglot.errors import SourceError
from geoglot.geo import Window
from geoglot.sources.gdal import GDAL_ERRORS, is_local, open_dataset
from geoglot.sources.pixels.band_reader import BandReader

_PLACES = ((0.5, 0.5), (0.15, 0.2), (0.25, 0.8), (0.8, 0.15), (0.85, 0.75))  # shares of rows and cols
_SIDE = 512  # pixels of a place that are read
_LEAST_INSIDE = 0.75  # of an overview's pixels between the least and the largest of those that they stand for
_REACH = (1, 3, 3)  # kernels blur over the pixels beside
_ROOM = 0.1  # of the spread of the pixels, by which cubic kernels go beyond them
_MOST_APART = 0.3  # of the spread: between the means of a level and of the pixels
_LEAST_ALIKE = 0.4  # correlation, where a level shows more than noise
_STRUCTURE = 0.5


class _Cells(NamedTuple):
    """What each pixel of an overview stands for, and what it shows; of whole, valid cells alone."""

    least: np.ndarray
    mean: np.ndarray
    largest: np.ndarray
    shown: np.ndarray
    """NaN where the overview has no data."""
    pixels: np.ndarray
    """All that the cells are of."""


def overviews_match(dataset: Any, uri: str, stored: BandReader) -> bool:
    """Whether all overviews show the pixels; True where there are none, or where there is nothing to compare."""
    count = len(dataset.overviews(stored.indexes[0]))
    beside = is_local(uri) and any(Path(uri + suffix).exists() for suffix in (".ovr", ".OVR"))
    if not count or not (dataset.driver == "GTiff" or beside):  # the others reduce the picture itself
        return True
    with open_dataset(uri, level="NONE") as whole:
        return all(_shows(whole, uri, level, stored) for level in range(count))


def _shows(whole: Any, uri: str, level: int, stored: BandReader) -> bool:
    try:
        with open_dataset(uri, level=level) as overview:
            places = list(_places(whole, overview, stored))
    except (*GDAL_ERRORS, SourceError):
        return False
    if not places:
        return True
    cells = _Cells(*(np.concatenate(parts) for parts in zip(*places, strict=True)))
    spread, count = cells.pixels.std(), len(cells.mean)
    room = _ROOM * spread + 1e-6 * np.abs(cells.pixels).max()
    if ((cells.shown >= cells.least - room) & (cells.shown <= cells.largest + room)).mean() < _LEAST_INSIDE:
        return False
    seen = np.isfinite(cells.shown)
    mean, shown = cells.mean[seen], cells.shown[seen]
    if abs(mean.mean() - shown.mean()) > (_MOST_APART + 3 / np.sqrt(count)) * spread + room:
        return False
    judges = count > 100 and mean.std() > _STRUCTURE * spread > 0 and shown.std() > 0
    return not judges or float(np.corrcoef(mean, shown)[0, 1]) > _LEAST_ALIKE


def _places(whole: Any, overview: Any, stored: BandReader) -> Iterator[_Cells]:
    """A few places of a level, and the pixels below; places that are damaged are told when they are read."""
    rows, cols = ((big / small, small) for big, small in zip(whole.shape, overview.shape, strict=True))
    for place in _PLACES:
        down, across = (_edges(share, *axis) for share, axis in zip(place, (rows, cols), strict=True))
        below = Window(down[0], across[0], down[-1] - down[0], across[-1] - across[0])
        try:
            values, known = stored.read(whole, below)
        except GDAL_ERRORS:
            continue
        top, left = (round(edges[0] / axis[0]) for edges, axis in ((down, rows), (across, cols)))
        shown, seen = stored.read(overview, Window(top, left, len(down) - 1, len(across) - 1))
        starts = [[edge - edges[0] for edge in edges[:-1]] for edges in (down, across)]
        every = np.asarray(known.all(axis=0))
        full = _over(np.minimum, every[None], *starts)[0]
        if full.any():
            numbers = values.astype(np.float64)
            sizes = np.outer(np.diff(down), np.diff(across))
            yield _Cells(
                ndimage.minimum_filter(_over(np.minimum, values, *starts), _REACH)[:, full].ravel(),
                (_over(np.add, numbers, *starts) / sizes)[:, full].ravel(),
                ndimage.maximum_filter(_over(np.maximum, values, *starts), _REACH)[:, full].ravel(),
                np.where(seen, shown.astype(np.float64), np.nan)[:, full].ravel(),
                numbers[:, every].ravel(),
            )


def _edges(share: float, step: float, count: int) -> list[int]:
    """Of the pixels that a run of an overview's pixels stands for, along one axis."""
    length = max(1, min(count, round(_SIDE / step)))
    first = int(share * (count - length))
    return [round(index * step) for index in range(first, first + length + 1)]


def _over(reduce: np.ufunc, values: np.ndarray, rows: Sequence[int], cols: Sequence[int]) -> np.ndarray:
    """Over the cells that begin at some rows and cols."""
    return _along(reduce, _along(reduce, values, rows, 1), cols, 2)


def _along(reduce: np.ufunc, values: np.ndarray, starts: Sequence[int], axis: int) -> np.ndarray:
    """`reduce.reduceat`, several times as fast for short cells: takes the next pixel of all cells at once."""
    first, lanes = np.asarray(starts), np.moveaxis(values, axis, 0)
    lengths = np.diff(first, append=len(lanes))
    found = lanes[first]
    for offset in range(1, int(lengths.min())):
        reduce(found, lanes[first + offset], out=found)
    for offset in range(max(1, int(lengths.min())), int(lengths.max())):
        longer = lengths > offset
        found[longer] = reduce(found[longer], lanes[first[longer] + offset])
    return np.moveaxis(found, 0, axis)
