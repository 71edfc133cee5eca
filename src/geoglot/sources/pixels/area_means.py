"""Means by area over what is data, as GDAL takes them, for numbers of which GDAL does not know what they mean."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Num
from scipy import sparse

_LEAST_SHARE = 0.499  # of a mean's area that is data; half, less rounding


def area_means(
    values: Num[np.ndarray, "band rows cols"], known: Bool[np.ndarray, "band rows cols"], shape: tuple[int, int]
) -> tuple[Num[np.ndarray, "band out_rows out_cols"], Bool[np.ndarray, "band out_rows out_cols"]]:
    """Reduced to a shape; the type of the numbers stays, and of whole numbers means are rounded."""
    down, across = (_shares(small, large) for small, large in zip(shape, values.shape[1:], strict=True))
    weights = np.stack([down @ band.astype(np.float32) @ across.T for band in known])
    sums = np.stack([
        down @ np.where(there, band, 0).astype(np.float64) @ across.T for band, there in zip(values, known, strict=True)
    ])  # fmt: skip
    means = sums / np.where(weights > 0, weights, 1)
    return (np.floor(means + 0.5) if values.dtype.kind in "ui" else means).astype(values.dtype), weights >= _LEAST_SHARE


def _shares(small: int, large: int) -> sparse.csr_array:
    """Which share of each of `small` pixels each of `large` pixels is, along one axis."""
    edges = np.arange(small + 1) * large / small
    first, last = np.floor(edges[:-1]).astype(int), np.minimum(np.ceil(edges[1:]).astype(int), large)
    rows = np.repeat(np.arange(small), last - first)
    cols = np.concatenate([np.arange(start, stop) for start, stop in zip(first, last, strict=True)])
    overlap = np.minimum(edges[rows + 1], cols + 1) - np.maximum(edges[rows], cols)
    return sparse.csr_array((overlap * small / large, (rows, cols)), shape=(small, large))
