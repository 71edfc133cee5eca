"""The vectors of a shard as a search reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float16

from geoglot.index.store.codes import Codes

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


def first(scores: Scores) -> Float[np.ndarray, " row"]:
    """The fusion of a single query."""
    row: np.ndarray = scores[0]
    return row
