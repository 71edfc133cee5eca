"""Perceptual hashes, by which neighbouring photos that look the same are found.

A bit says whether one of the 8 x 8 lowest frequencies of the picture, in grey at 32 x 32, is above their median (pHash;
Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", section 3.2.1).
"""

import io

import numpy as np
from jaxtyping import Bool, UInt64
from PIL import Image

from geoglot.pairs.collect.spatial_hash import Floats, SpatialHash, axis_distances, iterate_neighbours

_SIDE, _LOW = 32, 8
_CHUNK = 1 << 14
_MOST_PAIRS = 1 << 20  # that are compared at once
#: The lowest rows of the discrete cosine transform, type II, without the mean
_COSINES = np.cos(np.pi / _SIDE * np.arange(1, _LOW + 1)[:, None] * (np.arange(_SIDE) + 0.5))
_BITS = np.uint64(1) << np.arange(64, dtype=np.uint64)
Hashes = UInt64[np.ndarray, " photo"]


def phash(picture: bytes) -> int:
    """64 bits that hardly change when a picture is scaled, recompressed or brightened."""
    grey = np.asarray(
        Image.open(io.BytesIO(picture), formats=("JPEG",)).convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    )
    low = _COSINES @ grey.astype(np.float64) @ _COSINES.T
    return int(_BITS[(low > np.median(low)).ravel()].sum())


def find_lookalikes(hashes: Hashes, lon: Floats, lat: Floats, reach_m: float, most: int) -> Bool[np.ndarray, " photo"]:
    """Which photos differ in at most `most` bits from an earlier photo that stays and is less than `reach_m` away."""
    cells = SpatialHash(reach_m)
    homes = cells.cell_of(lon, lat)
    again = np.zeros(len(lon), np.bool_)
    for first in range(0, len(lon), _CHUNK):
        part = slice(first, first + _CHUNK)
        for later, earlier in iterate_neighbours(cells, lon[part], lat[part], homes, reach_m, _MOST_PAIRS):
            later = later + first
            later, earlier = later[earlier < later], earlier[earlier < later]
            differing = (hashes[later] ^ hashes[earlier])[:, None].view(np.uint8)
            same = np.unpackbits(differing, axis=1).sum(axis=1) <= most  # numpy 1 has no bitwise_count
            later, earlier = later[same], earlier[same]
            east, north = axis_distances(lon[later], lat[later], lon[earlier], lat[earlier])
            close = (east < reach_m) & (north < reach_m)
            pairs = zip(later[close].tolist(), earlier[close].tolist(), strict=True)
            for photo, before in sorted(pairs):  # in this order all earlier photos are decided
                again[photo] |= not again[before]
    return again
