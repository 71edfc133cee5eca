"""The rule of the authors' own code for tiles (graft-data-collection, satellite_sampler.py), for ablations.

Photos are grouped into bins of 10 by 10 degrees and a quarter of a year, and visited in their stored order. A photo
that no earlier centre of its bin has within half a tile becomes a centre, and all photos of the bin within half a tile
along both axes are its own. Half a tile is measured in degrees of latitude along both axes, so tiles are narrower on
the ground away from the equator, and tiles of other bins may overlap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from jaxtyping import Bool, Int

from geoglot.pairs.collect.spatial_hash import Floats, Ids

Links = Int[np.ndarray, " link"]
_BIN_DEGREES, _MONTHS = 10.0, 3
#: The authors' degrees to a metre: 0.001 for 112 px of 1 m
_DEGREES_A_M = 0.001 / 112


def half_tile_degrees(side_m: float) -> float:
    """Half the side of a tile as the authors' code measures it: 0.001 degrees for 224 m, 0.01 for 2,240 m."""
    return side_m / 2 * _DEGREES_A_M


def bin_photos(lon: Floats, lat: Floats, times: Sequence[str]) -> Int[np.ndarray, " point"]:
    """A number for each photo, equal within 10 by 10 degrees and a quarter; photos without a time are a quarter."""
    keys = np.stack([np.floor(lon / _BIN_DEGREES), np.floor(lat / _BIN_DEGREES), [*map(_quarter, times)]], axis=1)
    numbers: np.ndarray = np.unique(keys, axis=0, return_inverse=True)[1]
    return numbers.ravel().astype(np.int64)


def choose_paper_centres(lon: Floats, lat: Floats, bins: Ids, half: float) -> Int[np.ndarray, " centre"]:
    """Photos that become centres, in their stored order; `half` is in degrees."""
    cells = [*zip(bins.tolist(), np.floor(lon / half).astype(int), np.floor(lat / half).astype(int), strict=True)]
    taken, centres = defaultdict[tuple[int, int, int], list[int]](list), []
    for index, (group, x, y) in enumerate(cells):
        near = (other for dx in (-1, 0, 1) for dy in (-1, 0, 1) for other in taken.get((group, x + dx, y + dy), ()))
        if not any(abs(lon[index] - lon[o]) < half and abs(lat[index] - lat[o]) < half for o in near):
            taken[group, x, y].append(index)
            centres.append(index)
    return np.array(centres, np.int64)


def are_paper_members(
    lon: Floats, lat: Floats, bins: Ids, half: float, centre: Links, photo: Links
) -> Bool[np.ndarray, " link"]:
    """Whether each photo belongs to the tile around each centre, both as numbers of photos."""
    near = (abs(lon[photo] - lon[centre]) < half) & (abs(lat[photo] - lat[centre]) < half)
    return np.asarray(near & (bins[photo] == bins[centre]))


def _quarter(time: str) -> int:
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return -1
    return (moment.year * 12 + moment.month - 1) // _MONTHS
