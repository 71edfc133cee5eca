"""Vectors as one byte a dimension, half of their float16, with a proof of how far a score by the bytes can be off.

A vector x is mean + step * code + rest, number by number. The mean is that of its shard, so what all vectors share
costs no precision, and the step of a dimension is its largest deviation / 127. By Cauchy-Schwarz, the score q.x differs
from q.mean + (q * step).code by at most |q| times the longest rest. The weights q * step are bytes times a factor too;
what that rounds away, times the longest code, is the other part of the error (`Estimate.error`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float16, Int8

_ROWS = 2048  # coded at a time, in the processor's own cache, which makes it twice as fast
_LARGEST = 127
_ROUNDING = 1e-6  # relative error of sums in float32, several times over


@dataclass(frozen=True, eq=False)
class Codes:
    """The codes of the vectors of a shard."""

    values: Int8[np.ndarray, "chip dim"]
    mean: Float[np.ndarray, " dim"]
    step: Float[np.ndarray, " dim"]
    error: float
    """Length of the longest rest."""
    longest: float
    """Length of the longest code."""

    @property
    def scale(self) -> Float[np.ndarray, "2 _columns"]:
        """All but the codes as one array: mean and step, behind which stand error and longest."""
        return np.array([[*self.mean, self.error], [*self.step, self.longest]])

    @classmethod
    def of(cls, values: Int8[np.ndarray, "chip dim"], scale: Float[np.ndarray, "2 _columns"]) -> Codes:
        """The reverse of `scale`. ValueError if it does not fit the codes."""
        if scale.shape != (2, values.shape[1] + 1) or values.dtype != np.int8 or not np.isfinite(scale).all():
            raise ValueError(f"codes of {values.shape[1]} dimensions do not fit a scale of {scale.shape}")
        return cls(values, scale[0, :-1], scale[1, :-1], float(scale[0, -1]), float(scale[1, -1]))


@dataclass(frozen=True, eq=False)
class Estimate:
    """A query as weights of the codes of one shard: a score is weights . code * factor + offset, give or take error."""

    weights: Int8[np.ndarray, " dim"]
    factor: float
    offset: float
    error: float


def encode(vectors: Float16[np.ndarray, "chip dim"]) -> Codes:
    """Code vectors, which may be mapped from a file: they are read twice, in blocks."""
    dim = vectors.shape[1]
    total, low, high = np.zeros(dim), np.full(dim, np.inf), np.full(dim, -np.inf)
    for _, block in _blocks(vectors):
        total += block.sum(0)
        low, high = np.minimum(low, block.min(0)), np.maximum(high, block.max(0))
    mean = total / max(1, len(vectors))
    step = np.maximum(high - mean, mean - low) / _LARGEST if len(vectors) else np.zeros(dim)
    values = np.empty(vectors.shape, np.int8)
    error = longest = 0.0
    for start, block in _blocks(vectors):
        code = np.rint((block - mean) / np.where(step > 0, step, 1))
        values[start : start + len(block)] = code
        error = max(error, float(np.linalg.norm(block - (mean + step * code), axis=1).max()))
        longest = max(longest, float(np.linalg.norm(code, axis=1).max()))
    return Codes(values, mean, step, error * (1 + _ROUNDING), longest * (1 + _ROUNDING))


def estimate(codes: Codes, query: Float[np.ndarray, " dim"]) -> Estimate:
    """How to score the codes by a query of any length."""
    exact = query.astype(np.float64) * codes.step
    factor = float(np.abs(exact).max()) / _LARGEST or 1.0
    weights = np.rint(exact / factor)
    offset = float(query @ codes.mean)
    rounded = float(np.linalg.norm(exact - factor * weights)) * codes.longest
    summed = _ROUNDING * (abs(offset) + factor * float(np.linalg.norm(weights)) * codes.longest)
    error = float(np.linalg.norm(query)) * codes.error + rounded + summed
    return Estimate(weights.astype(np.int8), factor, offset, error)


def _blocks(vectors: Float16[np.ndarray, "chip dim"]) -> Iterator[tuple[int, Float[np.ndarray, "_some dim"]]]:
    for start in range(0, len(vectors), _ROWS):
        yield start, vectors[start : start + _ROWS].astype(np.float64)
