"""Noise that depends only on the place, so that all windows agree about a point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Numbers = Floats | NDArray[np.float64] | Ints


def uniform(seed: int, *keys: Ints) -> Floats:
    """Hash integer keys, which broadcast, to numbers in 0..1 (murmur3's finaliser, key by key)."""
    state = np.full(1, seed * 0x9E3779B1 & 0xFFFFFFFF, np.uint32)
    for key in keys:
        state = (state ^ np.asarray(key).astype(np.uint32)) * np.uint32(0x85EBCA6B)
        state = (state ^ (state >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        state = state ^ (state >> np.uint32(16))
    return (state >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def smooth(seed: int, rows: Numbers, cols: Numbers, cell: float) -> Floats:
    """Value noise in 0..1; its hills are about `cell` wide."""
    (row, down), (col, right) = (_split(axis, cell) for axis in (rows, cols))
    top = uniform(seed, row, col) * (1 - right) + uniform(seed, row, col + 1) * right
    bottom = uniform(seed, row + 1, col) * (1 - right) + uniform(seed, row + 1, col + 1) * right
    return np.asarray(top * (1 - down) + bottom * down, np.float32)


def nearest(seed: int, rows: Numbers, cols: Numbers, cell: float) -> tuple[Ints, Ints, Floats]:
    """Cell (row, col) of the nearest point, and its distance; every cell has one random point (Worley, 1996)."""
    row, col = (np.floor(np.asarray(axis, np.float64) / cell).astype(np.int64) for axis in (rows, cols))
    shape = np.broadcast_shapes(row.shape, col.shape)
    best = np.full(shape, np.inf, np.float32)
    found = [np.zeros(shape, np.int64), np.zeros(shape, np.int64)]
    for i in (row - 1, row, row + 1):
        for j in (col - 1, col, col + 1):
            down = (i + 0.1 + 0.8 * uniform(seed, i, j)) * cell - rows
            right = (j + 0.1 + 0.8 * uniform(seed + 1, i, j)) * cell - cols
            distance = np.hypot(down, right)
            closer = distance < best
            best = np.where(closer, distance, best).astype(np.float32)
            found = [np.where(closer, new, old) for new, old in zip((i, j), found, strict=True)]
    return found[0], found[1], best


def _split(axis: Numbers, cell: float) -> tuple[Ints, Floats]:
    """The lattice line before each coordinate, and the eased fraction of the way to the next."""
    scaled = np.asarray(axis, np.float64) / cell
    line = np.floor(scaled)
    way = (scaled - line).astype(np.float32)
    return line.astype(np.int64), np.asarray(way * way * (3 - 2 * way), np.float32)
