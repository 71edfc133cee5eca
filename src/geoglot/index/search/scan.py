"""The best k of any number of vectors, exactly: all codes are scored, and those that may be among the best are scored
again by their float16 vectors.

A vector is dropped only if its score cannot reach the k-th best even with the whole error of its code, so nothing is
left to chance: if the codes do not tell, more vectors are scored exactly. Of few vectors all are.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float16, Int

from geoglot.index.search.block import Block, Fuse, first

#: Vectors that are all scored exactly: that takes no longer than a million by their codes, which need torch
FEW = 16_384
_EXACT = 4096  # that are scored exactly at a time


@dataclass(frozen=True, eq=False)
class Ranked:
    """The best rows, best first; of equal scores the lower row is first."""

    rows: Int[np.ndarray, " hit"]
    """Counted through all blocks."""
    scores: Float[np.ndarray, " hit"]


def scan(blocks: Sequence[Block], queries: Float[np.ndarray, "query dim"], k: int, fuse: Fuse = first) -> Ranked:
    """The k rows with the highest fused score, fewer if fewer count.

    Scores are dot products of the stored float16 vectors and the queries, in float64.
    """
    parts = [block.vectors for block in blocks]
    if sum(map(len, parts)) <= FEW:
        candidates = _rows_that_count(blocks)
    else:
        from geoglot.index.search.scan_codes import find_candidates  # imports torch

        candidates = find_candidates(blocks, queries, k, fuse)
    scores = fuse(score_rows(parts, candidates, queries)) if len(candidates) else np.zeros(0)
    for vectors in parts:
        _let_go(vectors)
    order = np.lexsort((candidates, -scores))[:k]
    return Ranked(candidates[order], scores[order])


def _rows_that_count(blocks: Sequence[Block]) -> Int[np.ndarray, " row"]:
    masks = [np.ones(len(block.vectors), bool) if block.mask is None else block.mask for block in blocks]
    return np.flatnonzero(np.concatenate([np.zeros(0, bool), *masks]))


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
