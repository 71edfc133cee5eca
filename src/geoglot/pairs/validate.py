"""Whether a pair set is what its schema says, before any time is spent on it."""

from __future__ import annotations

import numpy as np

from geoglot.errors import InputError, SourceError
from geoglot.pairs.pair_store import PairSet, Shard
from geoglot.pairs.schema import check_links

_ROWS = 4096
_UNIT = 2e-2  # float16 keeps three digits


def validate(pairs: PairSet, sha256: str | None = None) -> None:
    """Look at every link and vector; InputError or SourceError with the first thing that is wrong.

    `sha256`: of the ground tower whose vectors must be there; None looks at places only.
    """
    if not pairs.shards:
        raise InputError(f"{pairs.place} holds no tiles; collect some first")
    for shard in pairs.shards:
        shape = (len(pairs.bands), pairs.side, pairs.side)
        if shard.pixels.shape[1:] != shape or shard.pixels.dtype != np.uint8:
            raise SourceError(
                f"the tiles of {shard.folder} are {shard.pixels.dtype} {shard.pixels.shape[1:]}, and the index says "
                f"uint8 {shape}; restore them from a copy"
            )
        shard.check_tiles()
        check_links(shard.links, shard.tiles, pairs.side, str(shard.folder))
    if sha256 is not None:
        validate_vectors(pairs, sha256)


def validate_vectors(pairs: PairSet, sha256: str) -> None:
    """Look at every vector by one ground tower; SourceError with the first that is no direction, or not there."""
    for shard in pairs.shards:
        check_vectors(shard, sha256)


def check_vectors(shard: Shard, sha256: str, dim: int | None = None) -> None:
    """Look at the vectors of one shard; `dim` is the length that the ground tower gives, None takes any."""
    vectors = shard.vectors(sha256)
    if vectors.ndim != 2 or vectors.dtype != np.float16 or dim not in (None, vectors.shape[-1]):
        raise SourceError(
            f"{shard.vectors_path(sha256)} holds {vectors.dtype} {vectors.shape[1:]}, not float16 vectors of "
            f"{dim or 'one length'}; remove the file, and it is made anew"
        )
    for first in range(0, len(vectors), _ROWS):
        lengths = np.linalg.norm(vectors[first : first + _ROWS].astype(np.float32), axis=1)
        wrong = ~(abs(lengths - 1) < _UNIT)  # NaN is wrong too
        if wrong.any():
            row = first + int(wrong.argmax())
            raise SourceError(
                f"the vector of photo {shard.links.photo[row]!r} in {shard.vectors_path(sha256)} is not of unit length "
                f"({lengths[row - first]:.3g}); remove the file, and it is made anew"
            )
