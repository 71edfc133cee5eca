"""Checks that a stored pair set follows its schema, and that pair sets share neither photos nor ground.

They look only at the stored files, not at how the split was made: a model must not be tested on its training data.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import shapely

from geoglot.crs import LONLAT, transform
from geoglot.errors import InputError, SourceError
from geoglot.pairs.pair_store import PairSet, Shard
from geoglot.pairs.schema import check_links

_ROWS = 4096
_UNIT = 2e-2  # float16 keeps three digits
_SHARE = 1e-6  # of a tile's area: tiles that only touch overlap by less, through rounding


def validate(pairs: PairSet, sha256: str | None = None) -> None:
    """InputError or SourceError for the first faulty tile, link or embedding.

    sha256: hash of the ground tower whose embeddings are checked too; None checks no embeddings.
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
        for shard in pairs.shards:
            check_vectors(shard, sha256)


def check_vectors(shard: Shard, sha256: str, dim: int | None = None) -> None:
    """SourceError for the first embedding that is missing or not of unit length.

    dim: length of the ground tower's embeddings; None accepts any.
    """
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
    """InputError for the first photo or piece of ground that two sets share."""
    photos = [{photo for shard in pairs.shards for photo in shard.links.photo} for pairs in sets]
    for (first, own), (second, other) in combinations(zip(sets, photos, strict=True), 2):
        if shared := own & other:
            raise InputError(f"{first.place} and {second.place} share {len(shared)} photos, such as {min(shared)!r}")
    grounds = [np.array(list(_outlines(pairs)), dtype=object) for pairs in sets]
    for (first, own_ground), (second, other_ground) in combinations(zip(sets, grounds, strict=True), 2):
        if overlap := _find_overlap(own_ground, other_ground):
            raise InputError(f"tile {overlap[0]} of {first.place} and tile {overlap[1]} of {second.place} share ground")


def _outlines(pairs: PairSet) -> Iterator[shapely.Polygon]:
    """Outlines of all tiles in degrees; across the antimeridian they go on beyond 180."""
    for shard in pairs.shards:
        for grid in shard.grids:
            lon, lat = transform(*grid.outline(), grid.known_crs, LONLAT)
            yield shapely.Polygon(np.column_stack([np.unwrap(lon, period=360), lat]))


def _find_overlap(own: np.ndarray, other: np.ndarray) -> tuple[int, int] | None:
    """Indexes of the first two outlines that overlap, one from each set."""
    tree = shapely.STRtree(other)
    for turn in (0, -360, 360):
        moved = own if not turn else shapely.transform(own, lambda lonlat, turn=turn: lonlat + np.array([turn, 0]))
        here, there = tree.query(moved, predicate="intersects")
        shared = shapely.area(shapely.intersection(moved[here], other[there])) > _SHARE * shapely.area(moved[here])
        if shared.any():
            first = int(shared.argmax())
            return int(here[first]), int(there[first])
    return None
