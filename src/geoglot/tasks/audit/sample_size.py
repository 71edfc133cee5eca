"""How many places an audit needs, and how many of them each stratum gets, before anything is decided.

Before an audit nobody knows how right a map is, so `expected` says it: the share of a class's pixels that are right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from geoglot.errors import InputError
from geoglot.figures import format_count
from geoglot.options import AuditOptions
from geoglot.tasks.audit.census import Stratum
from geoglot.tasks.audit.estimate import Z


def size_of(strata: Sequence[Stratum], options: AuditOptions) -> int:
    """The places for the wished half-width of the 95 % interval of the overall accuracy (Cochran 1977, equation 5.25).

    Olofsson et al. 2014 (Remote Sensing of Environment 148), equation 13, with its term for a finite population. The
    area of a class, as a share of the map, has no wider interval while most of each stratum is right.
    """
    if options.size is not None:
        return options.size
    spread = math.sqrt(options.expected * (1 - options.expected))  # the same in each stratum, so weights sum to 1
    pixels = sum(stratum.pixels for stratum in strata)
    return math.ceil(spread**2 / ((options.precision / Z) ** 2 + spread**2 / pixels))


def allocate(strata: Sequence[Stratum], options: AuditOptions) -> tuple[int, ...]:
    """Places of each stratum: `least` in each, and the rest by the ground that it covers (Olofsson et al. 2014, 5.1.2).

    A stratum of fewer pixels is decided whole. InputError for a size that is too small for `least`.
    """
    size = size_of(strata, options)
    floors = [min(options.least, stratum.pixels) for stratum in strata]
    if options.size is not None and sum(floors) > options.size:
        raise InputError(
            f"size must be at least {sum(floors):,}, for {format_count(options.least, 'place')} in each class, got "
            f"{options.size:,}; give a larger --size, or fewer places in each: --least"
        )
    return _share_out(size, floors, strata)


def _share_out(size: int, floors: Sequence[int], strata: Sequence[Stratum]) -> tuple[int, ...]:
    """Divide `size` by weight; what a stratum gets by its floor, or lacks in pixels, the others give or take."""
    fixed = dict[int, int]()
    while True:
        free = [index for index in range(len(strata)) if index not in fixed]
        left, weight = max(0, size - sum(fixed.values())), sum(strata[index].weight for index in free)
        parts = {index: round(left * strata[index].weight / weight) for index in free} if weight else {}
        low = {index: floors[index] for index, part in parts.items() if part < floors[index]}
        high = {index: strata[index].pixels for index, part in parts.items() if part > strata[index].pixels}
        if not (low or high):
            return tuple((fixed | parts)[index] for index in range(len(strata)))
        fixed |= low or high


def expected_half_widths(
    strata: Sequence[Stratum], sizes: Sequence[int], expected: float
) -> Float[np.ndarray, " stratum"]:
    """Half-widths of the 95 % intervals of the classes' areas that such a sample is expected to give, as shares.

    Pixels that are wrong are taken to belong to the other classes by the ground that these cover.
    """
    weights = np.array([stratum.weight for stratum in strata])
    others = np.maximum(1 - weights, 1e-12)[:, None]
    right = np.where(np.eye(len(strata), dtype=bool), expected, (1 - expected) * weights[None] / others)
    variance = ((weights**2 / np.array(sizes))[:, None] * right * (1 - right)).sum(0)
    half: np.ndarray = Z * np.sqrt(variance)
    return half
