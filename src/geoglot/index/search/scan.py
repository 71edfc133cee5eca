"""The best k of any number of vectors, exactly: all codes are scored, and those that may be among the best are scored
again by their float16 vectors.

A vector is dropped only if its score cannot reach the k-th best even with the whole error of its code, so nothing is
left to chance: if the codes do not tell, more vectors are scored exactly.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from threading import Lock

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Int, Int8
from torch import Tensor

from geoglot.index.store.codes import Codes, Estimate, estimate
from geoglot.silence import ignore_library_warnings

_ROWS = 32_768  # whose codes are scored at a time
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

    @property
    def count(self) -> int:
        """Rows that count."""
        return len(self.vectors) if self.mask is None else int(self.mask.sum())


@dataclass(frozen=True, eq=False)
class _Part:
    """Some rows of a block."""

    block: Block
    estimates: Sequence[Estimate]
    """Of the block, for each query."""
    rows: slice
    before: int
    """Rows of all blocks before this one."""


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
    _run(best.add, _split(blocks, queries))
    parts, candidates = [block.vectors for block in blocks], np.sort(best.rows)
    scores = fuse(score_rows(parts, candidates, queries)) if len(candidates) else np.zeros(0)
    for vectors in parts:
        _let_go(vectors)
    order = np.lexsort((candidates, -scores))[:k]
    return Ranked(candidates[order], scores[order])


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


def _split(blocks: Sequence[Block], queries: Float[np.ndarray, "query dim"]) -> list[_Part]:
    parts, before = list[_Part](), 0
    for block in blocks:
        estimates = [estimate(block.codes, query) for query in queries]
        count = len(block.vectors)
        parts += [_Part(block, estimates, slice(start, start + _ROWS), before) for start in range(0, count, _ROWS)]
        before += count
    return parts


def _run(add: Callable[[_Part], None], parts: Sequence[_Part]) -> None:
    """Add parts on as many threads as torch has, each of which multiplies alone.

    Several threads for each product would wait for one another at its end, for long if the cores have other work.
    """
    threads = torch.get_num_threads()
    if min(threads, len(parts)) < 2:
        for part in parts:
            add(part)
        return
    try:
        with ThreadPoolExecutor(threads, "geoglot-scan", torch.set_num_threads, (1,)) as pool:
            for _ in pool.map(add, parts):
                pass
    finally:
        torch.set_num_threads(threads)


class _Candidates:
    """Rows that may be among the best, by what is known so far; threads add to them."""

    def __init__(self, k: int, fuse: Fuse) -> None:
        self._k, self._fuse, self._lock = k, fuse, Lock()
        self.rows = np.zeros(0, np.int64)
        self._low, self._high = np.zeros(0), np.zeros(0)
        self._bar = -np.inf
        """k rows score at least this."""

    def add(self, part: _Part) -> None:
        """Add the rows of a part that may reach the bar."""
        rows, most = _score_part(part)
        may = np.flatnonzero(self._fuse(most) >= self._bar - _ROUNDING)
        if not len(may):
            return
        found = (may if rows is None else rows[may]) + (part.before + part.rows.start)
        error = np.array([[each.error] for each in part.estimates], np.float32)
        high, low = self._fuse(most[:, may]), self._fuse(most[:, may] - 2 * error)
        with self._lock:
            self.rows = np.concatenate([self.rows, found])
            self._high = np.concatenate([self._high, high + _ROUNDING])
            self._low = np.concatenate([self._low, low - _ROUNDING])
            if len(self._low) >= self._k:
                self._bar = float(np.partition(self._low, -self._k)[-self._k])
            keep = self._high >= self._bar
            self.rows, self._low, self._high = self.rows[keep], self._low[keep], self._high[keep]


def _score_part(part: _Part) -> tuple[Int[np.ndarray, " row"] | None, Scores]:
    """The rows of a part that count, None if all do, and the most that they may score, by their codes."""
    codes = part.block.codes.values[part.rows]
    if part.block.mask is None:
        return None, _score(codes, part.estimates)
    rows = np.flatnonzero(part.block.mask[part.rows])
    if len(rows) * _FEW < len(codes):
        return rows, _score(codes[rows], part.estimates)
    return rows, _score(codes, part.estimates)[:, rows]


def _score(codes: Int8[np.ndarray, "row dim"], estimates: Sequence[Estimate]) -> Scores:
    with ignore_library_warnings(__name__):  # about a file that is mapped to be read only
        tensor = torch.from_numpy(codes)
    scores = np.empty((len(estimates), len(codes)), np.float32)
    for line, each in zip(scores, estimates, strict=True):
        line[:] = _multiply(tensor, each.weights)[:, 0].float().mul_(each.factor).add_(each.offset + each.error)
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
