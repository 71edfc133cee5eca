"""Rows that may be among the best, by the codes of all vectors: a byte a dimension, multiplied by torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from threading import Lock

import numpy as np
import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor

from geoglot.index.search.block import Block, Fuse, Scores
from geoglot.index.store.codes import Estimate, estimate
from geoglot.silence import ignore_library_warnings

_ROWS = 32_768  # whose codes are scored at a time
_FEW = 8  # if a filter leaves less than one row in so many, only those are read
_ROUNDING = 1e-6  # of a fused score in float32


def find_candidates(
    blocks: Sequence[Block], queries: Float[np.ndarray, "query dim"], k: int, fuse: Fuse
) -> Int[np.ndarray, " row"]:
    """Some rows, sorted, that hold the k best of those that count. A row is left out only if k others score at least as
    high, even if its code is wrong by all its error."""
    best = _Candidates(k, fuse)
    _run(best.add, _split(blocks, queries))
    return np.sort(best.rows)


@dataclass(frozen=True, eq=False)
class _Part:
    """Some rows of a block."""

    block: Block
    estimates: Sequence[Estimate]
    """Of the block, for each query."""
    rows: slice
    before: int
    """Rows of all blocks before this one."""


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
        line[:] = (
            _multiply(tensor, torch.from_numpy(each.weights)[:, None])[:, 0]
            .float()
            .mul_(each.factor)
            .add_(each.offset + each.error)
        )
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
