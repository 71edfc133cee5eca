"""Resamples pixels to another grid: they are averaged where it is coarser, then interpolated, in bounded memory.

To the last bit, a pixel does not depend on the window it is read in: source pixels are averaged in blocks that are
counted from the source's corner, and positions are interpolated between nodes that are counted from the target's
corner. GDAL's warper promises neither (its scale and its approximation follow the window).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Num

from geoglot.crs import transform
from geoglot.geo import Grid, Window

Read = Callable[[Window], tuple[np.ndarray, np.ndarray]]
"""Gives the values (bands, rows, cols) of a window inside the source, and its valid mask (rows, cols)."""
_STEP = 16  # target pixels between nodes; over 16 pixels of 10 m a map projection bends by half a millimetre
_MAX_PIXELS = 2**22  # source pixels that are averaged at once
_HALF = 0.499  # a half, less rounding errors


@dataclass(frozen=True)
class Resampler:
    """Reads windows of a target grid from a source grid. Both lie on Earth (have a CRS), or share one that is None."""

    source: Grid
    target: Grid
    bands: int = 3
    """The number of bands of a window that does not touch the source."""

    def read(
        self, read: Read, window: Window
    ) -> tuple[Float[np.ndarray, "bands rows cols"], Bool[np.ndarray, "rows cols"]]:
        """Values (float32) and valid mask of a window of the target.

        A pixel is valid where its centre lies in the source and at least half of its weight comes from valid pixels. If
        the target is coarser and the source less than 50 target pixels high or wide, a pixel whose centre lies outside
        may be valid too: the mean of its part inside.
        """
        rows, cols = self._source_positions(window)
        height, width = self.source.shape
        below, beside = self._overhang
        inside = (rows >= -below) & (rows <= height + below) & (cols >= -beside) & (cols <= width + beside)
        if not inside.any():
            return np.zeros((self.bands, *inside.shape), np.float32), inside
        row_factor, col_factor = self._factors
        down = _find_neighbours(rows / row_factor, -(-height // row_factor), inside)
        across = _find_neighbours(cols / col_factor, -(-width // col_factor), inside)
        box = Window(down.start, across.start, down.length, across.length)
        return _interpolate(*self._read_means(read, box), down, across, inside)

    @cached_property
    def _factors(self) -> tuple[int, int]:
        """Source (rows, cols) that are averaged into one before interpolation: the scale at the target's centre."""
        row, col = self.target.shape[0] / 2, self.target.shape[1] / 2
        rows, cols = self.to_source(
            np.array([row - 0.5, row + 0.5, row, row]), np.array([col, col, col - 0.5, col + 0.5])
        )
        steps = (max(abs(axis[1] - axis[0]), abs(axis[3] - axis[2])) for axis in (rows, cols))
        row_factor, col_factor = (max(1, round(step)) for step in steps)
        return row_factor, col_factor

    def count_source_pixels(self, window: Window) -> int:
        """The pixels of the source that a window inside it is averaged from, by the scale at the target's centre."""
        return window.height * window.width * math.prod(self._factors)

    @property
    def _overhang(self) -> tuple[float, float]:
        """How far outside the source (rows, cols) a centre may lie: its pixel still covers 1 % of the source's side."""
        rows, cols = (
            max(0.0, factor / 2 - side / 100) if factor > 1 else 0.0
            for factor, side in zip(self._factors, self.source.shape, strict=True)
        )
        return rows, cols

    def _source_positions(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Source (rows, cols) of the centres of a window's pixels."""
        row_nodes, row, row_weight = _nodes(window.row, window.height)
        col_nodes, col, col_weight = _nodes(window.col, window.width)
        nodes = self.to_source(*np.meshgrid(row_nodes, col_nodes, indexing="ij"))
        down = [_interpolate_nodes(axis, row, row_weight[:, None]) for axis in nodes]
        rows, cols = (_interpolate_nodes(axis.T, col, col_weight[:, None]).T for axis in down)
        return rows, cols

    def to_source(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixel (rows, cols) of the source at pixel coordinates of the target."""
        x, y = self.target.to_map(rows, cols)
        if self.source.crs is not None and self.target.crs is not None and self.source.crs != self.target.crs:
            x, y = transform(x, y, self.target.crs, self.source.crs)
            if self.source.crs.is_geographic:  # the same meridian within the range of the source
                turn = 2 * math.pi / self.source.crs.axis_info[0].unit_conversion_factor
                left, _, right, _ = self.source.bounds
                x = x - turn * np.round((x - (left + right) / 2) / turn)
        return self.source.to_pixel(x, y)

    def _read_means(self, read: Read, box: Window) -> tuple[np.ndarray, np.ndarray]:
        """Means and valid shares (0..1) of a box that is counted in blocks, read in parts of bounded size."""
        most = max(1, _MAX_PIXELS // math.prod(self._factors))
        width = min(box.width, most)
        height = max(1, most // width)
        rows = range(box.row, box.row + box.height, height)
        cols = range(box.col, box.col + box.width, width)
        parts = [
            [
                self._read_part(read, Window(row, col, min(height, rows.stop - row), min(width, cols.stop - col)))
                for col in cols
            ]
            for row in rows
        ]
        values, weights = (np.block([[part[which] for part in across] for across in parts]) for which in (0, 1))
        return values, weights

    def _read_part(self, read: Read, part: Window) -> tuple[np.ndarray, np.ndarray]:
        row_factor, col_factor = self._factors
        row, col, height, width = part
        pixels = Window(row * row_factor, col * col_factor, height * row_factor, width * col_factor)
        inside = pixels.intersection(self.source.whole)
        assert inside is not None  # `read` took the part from positions inside the source
        return _block_means(*read(inside), row_factor, col_factor)


class _Neighbours(NamedTuple):
    """The two pixels along one axis that each position lies between, counted from `start`."""

    first: np.ndarray
    second: np.ndarray
    weight: np.ndarray
    """Of the second pixel."""
    start: int
    length: int


def _find_neighbours(positions: np.ndarray, size: int, inside: np.ndarray) -> _Neighbours:
    below = np.floor(positions - 0.5)
    weight = (positions - 0.5 - below).astype(np.float32)
    first, second = (np.clip(np.where(inside, index, 0), 0, size - 1).astype(np.intp) for index in (below, below + 1))
    start, stop = int(first[inside].min()), int(second[inside].max()) + 1
    # Positions outside may take any pixel, since the valid mask hides them.
    first, second = (np.clip(index - start, 0, stop - start - 1) for index in (first, second))
    return _Neighbours(first, second, weight, start, stop - start)


def _interpolate(
    values: np.ndarray, weights: np.ndarray, down: _Neighbours, across: _Neighbours, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bilinear means over the valid pixels."""
    # Bands lie side by side, the weight last, so that one look-up fetches them all.
    planes = np.concatenate([values * weights, weights[None]])
    table = np.ascontiguousarray(planes.reshape(len(planes), -1).T)
    sums = np.zeros((*inside.shape, len(planes)), np.float32)
    for row, row_weight in ((down.first, 1 - down.weight), (down.second, down.weight)):
        for col, col_weight in ((across.first, 1 - across.weight), (across.second, across.weight)):
            sums += (row_weight * col_weight)[..., None] * table.take(row * across.length + col, axis=0)
    result, total = np.moveaxis(sums[..., :-1], -1, 0), sums[..., -1]
    valid = inside & (total >= _HALF)
    return np.where(valid, result / np.where(valid, total, 1), 0), valid


def _nodes(start: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of nodes around pixel centres; for each centre the index of the node before, the weight of the next."""
    centres = np.arange(start, start + count) + 0.5
    before = np.floor(centres / _STEP)
    nodes = np.arange(before[0], before[-1] + 2) * _STEP
    return nodes, (before - before[0]).astype(np.intp), centres / _STEP - before


def _interpolate_nodes(nodes: np.ndarray, index: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Linear interpolation along the first axis."""
    return np.asarray(nodes[index] * (1 - weight) + nodes[index + 1] * weight)


def _block_means(
    values: np.ndarray, mask: np.ndarray, row_factor: int, col_factor: int
) -> tuple[np.ndarray, np.ndarray]:
    """Means over the valid pixels of each block, and their share of the block; the last blocks may be smaller."""
    values = np.where(mask, values, 0).astype(np.float32)
    if row_factor == col_factor == 1:
        return values, mask.astype(np.float32)
    sums, counts = _block_sums(values, row_factor, col_factor), _block_sums(mask[None], row_factor, col_factor)
    sizes = _block_sums(np.ones_like(mask)[None], row_factor, col_factor)
    return sums / np.maximum(counts, 1), (counts / sizes)[0]


def _block_sums(values: np.ndarray, row_factor: int, col_factor: int) -> np.ndarray:
    _, height, width = values.shape
    padded = np.pad(values, ((0, 0), (0, -height % row_factor), (0, -width % col_factor)))
    # Slice by slice, so that the order of summation, and with it the last bit, is the same in every window.
    down = reduce(np.add, (padded[:, row::row_factor].astype(np.float32) for row in range(row_factor)))
    return np.asarray(reduce(np.add, (down[:, :, col::col_factor] for col in range(col_factor))))


def area_means(
    values: Num[np.ndarray, "band rows cols"], has_data: Bool[np.ndarray, "band rows cols"], shape: tuple[int, int]
) -> tuple[Num[np.ndarray, "band out_rows out_cols"], Bool[np.ndarray, "band out_rows out_cols"]]:
    """Resize bands to `shape`: each value is the mean of the data that its pixel covers, weighted by area.

    An output pixel has data if at least half of it does. The dtype stays, and means of integers are rounded. GDAL
    averages in the same way, but does not always know which values are data (see `BandReader`).
    """
    down, across = (_axis_weights(small, large) for small, large in zip(shape, values.shape[1:], strict=True))
    weights = np.stack([down @ mask.astype(np.float32) @ across.T for mask in has_data])
    data = np.where(has_data, values, 0).astype(np.float64)
    means = np.stack([down @ band @ across.T for band in data]) / np.where(weights > 0, weights, 1)
    return (np.floor(means + 0.5) if values.dtype.kind in "ui" else means).astype(values.dtype), weights >= _HALF


def _axis_weights(small: int, large: int) -> Any:
    """Matrix (small, large): the share of each of `small` pixels that each of `large` pixels covers, along one axis."""
    from scipy import sparse

    edges = np.arange(small + 1) * large / small
    first, last = np.floor(edges[:-1]).astype(int), np.minimum(np.ceil(edges[1:]).astype(int), large)
    rows = np.repeat(np.arange(small), last - first)
    cols = np.concatenate([np.arange(start, stop) for start, stop in zip(first, last, strict=True)])
    overlap = np.minimum(edges[rows + 1], cols + 1) - np.maximum(edges[rows], cols)
    return sparse.csr_array((overlap * small / large, (rows, cols)), shape=(small, large))
