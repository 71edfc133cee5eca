"""What images of an archive look like, whatever they show: that from which a concept has to stand out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from geoglot.errors import InputError
from geoglot.index.store.archive import Archive
from geoglot.index.store.live import live_rows

_RIDGE = 3.0  # share of the mean variance that every direction has at least
#: Images that the mean and the covariance are made of
SAMPLE = 4096

Vectors = Float[np.ndarray, "_image dim"]
Vector = Float[np.ndarray, " dim"]


@dataclass(frozen=True, eq=False)
class Background:
    """What images of an archive look like: mean and covariance of their vectors."""

    mean: Vector
    covariance: Float[np.ndarray, "dim dim"]

    @classmethod
    def of(cls, vectors: Iterable[Vectors]) -> Background:
        """From blocks of vectors; InputError for fewer than two."""
        rows = np.concatenate([np.asarray(block, np.float64) for block in vectors])
        if len(rows) < 2:
            raise InputError(f"a concept needs an archive of at least 2 chips to compare with, got {len(rows)}")
        return cls(rows.mean(0), np.cov(rows.T))

    @cached_property
    def factor(self) -> tuple[np.ndarray, bool]:
        """Cholesky factor of the covariance, with a ridge, since an archive may have fewer chips than dimensions."""
        ridge = _RIDGE * max(float(np.trace(self.covariance)) / len(self.mean), 1e-9)
        import scipy.linalg

        factor: tuple[np.ndarray, bool] = scipy.linalg.cho_factor(self.covariance + ridge * np.eye(len(self.mean)))
        return factor

    @cached_property
    def freedom(self) -> float:
        """Effective number of directions in which images differ: tr C (C + ridge)^-1."""
        import scipy.linalg

        return float(np.trace(scipy.linalg.cho_solve(self.factor, self.covariance)))

    @cached_property
    def idle(self) -> Vector:
        """The unit direction in which images reach least."""
        direction = np.linalg.eigh(self.covariance + np.outer(self.mean, self.mean))[1][:, 0]
        return np.asarray(direction * np.sign(direction[np.abs(direction).argmax()]))

    def spread(self, direction: Vector) -> float:
        """Standard deviation of the scores of a direction."""
        return float(np.sqrt(max(direction @ self.covariance @ direction, 1e-12)))


def background_of(archive: Archive) -> Background:
    """What images of an archive look like, from chips that are spread evenly over it."""
    step, first, parts = max(1, archive.rows / SAMPLE), 0.0, []
    for shard in archive.shards:
        rows = live_rows(shard)
        chosen = np.arange(first, len(rows), step)
        first = (chosen[-1] + step if len(chosen) else first) - len(rows)
        parts.append(np.asarray(shard.vectors[rows[chosen.astype(np.int64)]], np.float64))
    return Background.of(parts)
