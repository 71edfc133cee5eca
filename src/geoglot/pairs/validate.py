"""Checks of stored pair sets: each is what its schema says, and no two share a photo or any ground.

Both look only at what is stored, not at how the split was made. A model must not be tested on what it was trained on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import shapely

from geoglot.errors import InputError, SourceError
from geoglot.pairs.pair_store import PairSet, Shard
from geoglot.pairs.schema import check_links

_ROWS = 4096
_UNIT = 2e-2  # float16 keeps three digits
_SHARE = 1e-6  # of a tile: by rounding, tiles that only touch overlap by so much
_STEPS = 8  # points along an edge: a straight edge of a tile is curved in degrees


def validate(pairs: PairSet, sha256: str | None = None) -> None:
    """InputError or SourceError for the first faulty tile, link or embedding.

    sha256: hash of the ground tower whose embeddings must be there; None leaves embeddings aside.
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
    """SourceError for the first embedding by a ground tower that is missing or not of unit length."""
    for shard in pairs.shards:
        check_vectors(shard, sha256)


def check_vectors(shard: Shard, sha256: str, dim: int | None = None) -> None:
    """`validate_vectors` for one shard; `dim` is the length of the ground tower's embeddings, None accepts any."""
    vectors = shard.vectors(sha256)
    if vectors.ndim != 2 or vectors.dtype != np.float16 or dim not in (None, vectors.shape[-1]):
        raise SourceError(
            f"{shard.vectors_path(sha256)} holds {vectors.dtype} {vectors.shape[1:]}, not float16 vectors of "
            f"{dim or 'one length'}; remove the file, and the next run makes it again"
        )
    for first in range(0, len(vectors), _ROWS):
        lengths = np.linalg.norm(vectors[first : first + _ROWS].astype(np.float32), axis=1)
        wrong = ~(abs(lengths - 1) < _UNIT)  # True for NaN
        if wrong.any():
            row = first + int(wrong.argmax())
            raise SourceError(
                f"the vector of photo {shard.links.photo[row]!r} in {shard.vectors_path(sha256)} is not of unit length "
                f"({lengths[row - first]:.3g}); remove the file, and the next run makes it again"
            )


def check_disjoint(sets: Sequence[PairSet]) -> None:
    """InputError for the first photo or ground that two of the sets share."""
    photos = [{photo for shard in pairs.shards for photo in shard.links.photo} for pairs in sets]
    for (first, own), (second, other) in combinations(zip(sets, photos, strict=True), 2):
        if shared := own & other:
            raise InputError(f"{first.place} and {second.place} share {len(shared)} photos, such as {min(shared)!r}")
    grounds = [np.array(list(_outlines(pairs)), dtype=object) for pairs in sets]
    for (first, own_ground), (second, other_ground) in combinations(zip(sets, grounds, strict=True), 2):
        if overlap := _find_overlap(own_ground, other_ground):
            raise InputError(f"tile {overlap[0]} of {first.place} and tile {overlap[1]} of {second.place} share ground")


def _outlines(pairs: PairSet) -> Iterator[shapely.Polygon]:
    """Outlines of all tiles in degrees; one across the antimeridian goes on beyond 180."""
    along = np.arange(_STEPS) / _STEPS
    zeros, ones = np.zeros_like(along), np.ones_like(along)
    rows, cols = (np.concatenate(parts) for parts in ([zeros, along, ones, 1 - along], [along, ones, 1 - along, zeros]))
    for shard in pairs.shards:
        for grid in shard.grids:
            lon, lat = grid.to_lonlat(rows * grid.shape[0], cols * grid.shape[1])
            yield shapely.Polygon(np.column_stack([np.unwrap(lon, period=360), lat]))


def _find_overlap(own: np.ndarray, other: np.ndarray) -> tuple[int, int] | None:
    """Numbers of the first two outlines that overlap by more than rounding."""
    tree = shapely.STRtree(other)
    for turn in (0, -360, 360):
        moved = own if not turn else shapely.transform(own, lambda lonlat, turn=turn: lonlat + np.array([turn, 0]))
        here, there = tree.query(moved, predicate="intersects")
        shared = shapely.area(shapely.intersection(moved[here], other[there])) > _SHARE * shapely.area(moved[here])
        if shared.any():
            first = int(shared.argmax())
            return int(here[first]), int(there[first])
    return None
