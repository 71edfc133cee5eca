"""Cores of blobs: the h-maxima of a relief (Soille 2003, chapter 6), from its peaks and passes alone.

Each pixel belongs to the peak that a steepest ascent reaches. Of all ways between two peaks, the one that falls least
leads over passes between pixels of neighbouring peaks. These are few, so they are sorted in place of all pixels.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

_FLAT = 1e-6  # least height, since the logarithm of 0 is infinite


def find_cores(
    relief: Float[np.ndarray, "rows cols"], labels: Shaped[np.ndarray, "rows cols"], neck: float
) -> Bool[np.ndarray, "rows cols"]:
    """The pixels around the peak of each blob from which a way leads to it that never falls below `neck` of its height.

    A peak is that of a blob if every way to a higher peak of the same label falls below `neck` of its height. Pixels
    are neighbours in eight directions; label 0 is outside.
    """
    width = labels.shape[1] + 2
    kinds = np.pad(labels, 1).ravel()
    inside = np.flatnonzero(kinds)
    own, heights = kinds[inside], np.log(np.maximum(relief[labels != 0], _FLAT))
    place, levels = np.zeros(len(kinds), np.intp), np.zeros(len(kinds))
    place[inside], levels[inside] = np.arange(len(inside)), heights
    ahead = (1, width - 1, width, width + 1)
    top, up = heights.copy(), np.arange(len(inside))
    for step in (*(-step for step in ahead), *ahead):
        near = inside + step
        # Of equal heights the later pixel counts as the higher one, so that no two point at each other.
        higher = levels[near] > top if step < 0 else levels[near] >= top
        better = np.flatnonzero(higher & (kinds[near] == own))
        top[better], up[better] = levels[near[better]], place[near[better]]
    up, rank = _follow(up), np.zeros(len(inside), np.intp)
    peaks = np.flatnonzero(up == np.arange(len(up)))
    rank[peaks] = np.arange(len(peaks))
    basin = rank[up]
    passes = []
    for step in ahead:
        near = inside + step
        other = basin[place[near]]
        between = np.flatnonzero((kinds[near] == own) & (other != basin))
        passes.append((basin[between], other[between], np.minimum(heights[between], levels[near[between]])))
    one, other, height = map(np.concatenate, zip(*passes, strict=True))
    cores = np.zeros(len(kinds), bool)
    cores[inside] = heights >= _least_heights(heights[peaks], np.log(neck), one, other, height)[basin]
    return cores.reshape(-1, width)[1:-1, 1:-1]


def _follow(pointers: Int[np.ndarray, " _count"]) -> Int[np.ndarray, " _count"]:
    """Where a chain of pointers from each place ends, at a place that points to itself."""
    while (further := pointers[pointers]).tobytes() != pointers.tobytes():
        pointers = further
    return pointers


def _least_heights(
    peaks: Float[np.ndarray, " peak"],
    fall: float,
    one: Int[np.ndarray, " pass"],
    other: Int[np.ndarray, " pass"],
    height: Float[np.ndarray, " pass"],
) -> Float[np.ndarray, " peak"]:
    """The least height of pixels near each peak that belong to a core; infinite if none does."""
    order = np.argsort(-height, kind="stable")
    pairs = np.minimum(one, other)[order] * len(peaks) + np.maximum(one, other)[order]
    order = order[np.sort(np.unique(pairs, return_index=True)[1])]  # the highest pass of each pair
    heights, least = peaks.tolist(), (peaks + fall).tolist()
    above, core = list(range(len(peaks))), np.arange(len(peaks))

    def highest(peak: int) -> int:
        while above[peak] != peak:
            above[peak] = peak = above[above[peak]]
        return peak

    for first, second, level in zip(*(each[order].tolist() for each in (one, other, height)), strict=True):
        low, high = sorted((highest(first), highest(second)), key=heights.__getitem__)
        if low != high:
            above[low] = high
            if level >= least[high]:
                core[low] = high
            elif level >= least[low]:
                least[low] = np.inf
    return np.asarray(np.array(least)[_follow(core)])
