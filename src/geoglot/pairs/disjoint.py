"""Whether pair sets share a photo or any ground: what is trained on must not be tested on.

Looks at what is stored, and at nothing that the split was made from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import shapely

from geoglot.errors import InputError
from geoglot.pairs.pair_store import PairSet

_SHARE = 1e-6  # of a tile: what rounding makes of two that only touch
_STEPS = 8  # points along an edge, so that an edge that is bent in degrees keeps its bend


def check_disjoint(sets: Sequence[PairSet]) -> None:
    """InputError with the first photo or ground that two of the sets share."""
    photos = [{photo for shard in one.shards for photo in shard.links.photo} for one in sets]
    for (one, own), (other, theirs) in combinations(zip(sets, photos, strict=True), 2):
        if shared := own & theirs:
            raise InputError(f"{one.place} and {other.place} share {len(shared)} photos, such as {min(shared)!r}")
    grounds = [footprints(one) for one in sets]
    for (one, own_ground), (other, their_ground) in combinations(zip(sets, grounds, strict=True), 2):
        if shared_tiles := _overlaps(own_ground, their_ground):
            here, there = shared_tiles
            raise InputError(f"tile {here} of {one.place} and tile {there} of {other.place} share ground")


def footprints(pairs: PairSet) -> np.ndarray:
    """Outlines of all tiles in degrees, each around its own longitude: 180 may be passed."""
    return np.array(list(_outlines(pairs)), dtype=object)


def _outlines(pairs: PairSet) -> Iterator[shapely.Polygon]:
    along = np.arange(_STEPS) / _STEPS
    none, all_ = np.zeros_like(along), np.ones_like(along)
    rows, cols = (np.concatenate(parts) for parts in ([none, along, all_, 1 - along], [along, all_, 1 - along, none]))
    for shard in pairs.shards:
        for grid in shard.grids:
            lon, lat = grid.to_lonlat(rows * grid.shape[0], cols * grid.shape[1])
            yield shapely.Polygon(np.column_stack([np.unwrap(lon, period=360), lat]))


def _overlaps(own: np.ndarray, theirs: np.ndarray) -> tuple[int, int] | None:
    """The first pair of outlines that share more than rounding, by their number in each set."""
    tree = shapely.STRtree(theirs)
    for turn in (0, -360, 360):
        moved = own if not turn else shapely.transform(own, lambda lonlat, turn=turn: lonlat + np.array([turn, 0]))
        here, there = tree.query(moved, predicate="intersects")
        shared = shapely.area(shapely.intersection(moved[here], theirs[there])) > _SHARE * shapely.area(moved[here])
        if shared.any():
            first = int(shared.argmax())
            return int(here[first]), int(there[first])
    return None
