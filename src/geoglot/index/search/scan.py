"""The best k of any number of vectors, exactly: all codes are scored, and those that may be among the best are scored
again by their float16 vectors.

A vector is dropped only if its score cannot reach the k-th best even with the whole error of its code, so nothing is
left to chance: if the codes do not tell, more vectors are scored exactly.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Int, Int8
from torch import Tensor

from geoglot.index.store.codes import Codes, Estimate, estimate
from geoglot.silence import ignore_library_warnings

_ROWS = 65_536  # whose codes are scored at a time
_EXACT = 4096  # that are scored exactly at a time
_FEW = 8  # if a filter leaves less than one row in so many, only those are read
_ROUNDING = 1e-6  # of a fused score in float32
Scores = Float[np.ndarray, "query row"]
#: From the scores by each query to one score, which must not fall when any of them rises
Fuse = Callable[[Scores], Float[np.ndarray, " row"]]


@dataclass(frozen=True, eq=False)
class Block:
    """The vectors of one shard, their codes, and the rows that count."""

    codes: Codes
    vectors: Float16[np.ndarray, "row dim"]
    """May be mapped from a file."""
    mask: Bool[np.ndarray, " row"] | None = None
    """True for rows that count; None if all do."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """The best rows, best first; of equal scores the lower row is first."""

    rows: Int[np.ndarray, " hit"]
    """Counted through all blocks."""
    scores: Float[np.ndarray, " hit"]


def first(scores: Scores) -> Float[np.ndarray, " row"]:
    """The fusion of a single query."""
    row: np.ndarray = scores[0]
    return row


def scan(blocks: Sequence[Block], queries: Float[np.ndarray, "query dim"], k: int, fuse: Fuse = first) -> Ranked:
    """The k rows with the highest fused score, fewer if fewer count.

    Scores are dot products of the stored float16 vectors and the queries, in float64.
    """
    best = _Candidates(k, fuse)
    start = 0
    for block in blocks:
        estimates = [estimate(block.codes, query) for query in queries]
        errors = np.array([[each.error] for each in estimates], np.float32)
        for rows, most in _chunks(block, estimates):
            best.add(rows + start, most, errors)
        start += len(block.vectors)
    parts = [block.vectors for block in blocks]
    scores = fuse(score_rows(parts, best.rows, queries)) if len(best.rows) else np.zeros(0)
    for vectors in parts:
        _let_go(vectors)
    order = np.lexsort((best.rows, -scores))[:k]
    return Ranked(best.rows[order], scores[order])


def score_rows(
    parts: Sequence[Float16[np.ndarray, "_row dim"]],
    rows: Int[np.ndarray, " row"],
    queries: Float[np.ndarray, "query dim"],
) -> Float[np.ndarray, "query row"]:
    """The exact scores of some rows, which are counted through all parts and sorted.

    They are rounded at 1e-12, so that equal vectors have equal scores in whatever order their products are summed.
    """
    scores = np.empty((len(queries), len(rows)))
    exact = queries.astype(np.float64)
    start = 0
    for vectors in parts:
        first_row, end = np.searchsorted(rows, (start, start + len(vectors)))
        for low in range(first_row, end, _EXACT):
            some = slice(low, min(low + _EXACT, end))
            scores[:, some] = (vectors[rows[some] - start].astype(np.float64) @ exact.T).T.round(12)
        start += len(vectors)
    return scores


def _let_go(vectors: Float16[np.ndarray, "_row dim"]) -> None:
    """Unmap the pages of a file that were read here and there: the system maps many around each, which adds up."""
    mapped = getattr(vectors, "_mmap", None)
    if isinstance(vectors, np.memmap) and vectors.mode == "r" and mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


class _Candidates:
    """Rows that may be among the best, by what is known so far."""

    def __init__(self, k: int, fuse: Fuse) -> None:
        self._k, self._fuse = k, fuse
        self.rows = np.zeros(0, np.int64)
        self._low, self._high = np.zeros(0), np.zeros(0)

    @property
    def _bar(self) -> float:
        """k rows score at least this."""
        return float(np.partition(self._low, -self._k)[-self._k]) if len(self._low) >= self._k else -np.inf

    def add(self, rows: Int[np.ndarray, " row"], most: Scores, error: Float[np.ndarray, "query 1"]) -> None:
        """Add rows with the most that each may score by each query, which is by at most twice the error too much."""
        high = self._fuse(most)
        may = np.flatnonzero(high >= self._bar - _ROUNDING)
        self.rows = np.concatenate([self.rows, rows[may]])
        self._high = np.concatenate([self._high, high[may] + _ROUNDING])
        self._low = np.concatenate([self._low, self._fuse(most[:, may] - 2 * error) - _ROUNDING])
        keep = self._high >= self._bar
        self.rows, self._low, self._high = self.rows[keep], self._low[keep], self._high[keep]


def _chunks(block: Block, estimates: Sequence[Estimate]) -> Iterator[tuple[Int[np.ndarray, " row"], Scores]]:
    """The rows that count, in parts, and the most that they may score, by their codes."""
    for start in range(0, len(block.vectors), _ROWS):
        codes = block.codes.values[start : start + _ROWS]
        if block.mask is None:
            yield np.arange(start, start + len(codes)), _score(codes, estimates)
            continue
        rows = np.flatnonzero(block.mask[start : start + _ROWS])
        if not len(rows):
            continue
        if len(rows) * _FEW < len(codes):
            yield rows + start, _score(codes[rows], estimates)
        else:
            yield rows + start, _score(codes, estimates)[:, rows]


def _score(codes: Int8[np.ndarray, "row dim"], estimates: Sequence[Estimate]) -> Scores:
    with ignore_library_warnings(__name__):  # about a file that is mapped to be read only
        tensor = torch.from_numpy(codes)
    scores = np.empty((len(estimates), len(codes)), np.float32)
    for line, each in zip(scores, estimates, strict=True):
        np.multiply(_multiply(tensor, each.weights)[:, 0].numpy(), np.float32(each.factor), out=line)
        line += np.float32(each.offset + each.error)
    return scores


def _multiply(codes: Tensor, weights: Tensor) -> Tensor:
    """Sums of products of bytes: by torch's product for bytes, which is private, or slower in float32."""
    if _bytes_multiply():
        return torch._int_mm(codes, weights)
    return codes.float() @ weights.float()


@cache
def _bytes_multiply() -> bool:
    """Whether bytes are multiplied right here: without VNNI, a processor may cut sums of two products at 16 bits."""
    codes, weights = torch.full((64, 64), 127, dtype=torch.int8), torch.full((64, 1), 127, dtype=torch.int8)
    codes[1::2] = -127
    expected = (codes.long() @ weights.long()).int()
    try:
        return torch.equal(torch._int_mm(codes, weights), expected)
    except (RuntimeError, AttributeError):
        return False
