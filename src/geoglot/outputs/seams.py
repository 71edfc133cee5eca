"""Connected regions of a raster of any size: labels of one strip at a time, joined across the seams (union-find).

Memory is bounded by a strip and the regions still open at its lower edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Int

AnyPart = TypeVar("AnyPart", bound="Part")


class Part:
    """A region of one strip, which may turn out to be a part of another one."""

    value: int
    """Regions of different values do not join."""
    _part_of: Any = None

    @property
    def size(self) -> int:
        """The cost of absorbing it: the larger absorbs the smaller, or a comb takes quadratic time."""
        return 1

    def absorb(self: AnyPart, other: AnyPart) -> None:
        """Add what `other` holds to this one."""
        raise NotImplementedError

    def whole(self: AnyPart) -> AnyPart:
        """The region that this one has become a part of, or itself."""
        region = self
        while region._part_of is not None:
            region = region._part_of
        return region


def join_strips(
    strips: Iterable[tuple[Int[np.ndarray, "rows cols"], dict[int, AnyPart]]],
) -> Iterator[AnyPart]:
    """Yield every region as soon as it is whole.

    A strip, from the top, is an image of labels (0 outside of regions) and the region of each label.
    """
    open_parts: dict[int, AnyPart] = {}  # by label in the last row of the strip above
    above: np.ndarray | None = None
    for labels, parts in strips:
        if above is not None:
            _join(above, labels[0], open_parts, parts)
        going_on = {label: parts[label].whole() for label in np.unique(labels[-1]).tolist() if label}
        yield from _finished([*open_parts.values(), *parts.values()], list(going_on.values()))
        open_parts, above = going_on, labels[-1]
    yield from _finished(list(open_parts.values()), [])


def _join(above: np.ndarray, below: np.ndarray, upper: dict[int, AnyPart], lower: dict[int, AnyPart]) -> None:
    meets = (above > 0) & (below > 0)
    for up, low in np.unique(np.stack([above[meets], below[meets]], 1), axis=0).tolist():
        one, other = upper[up].whole(), lower[low].whole()
        if one is not other and one.value == other.value:
            larger, smaller = (other, one) if other.size > one.size else (one, other)
            larger.absorb(smaller)
            smaller._part_of = larger


def _finished(parts: list[AnyPart], going_on: list[AnyPart]) -> Iterator[AnyPart]:
    """The whole regions among the parts, each once, without those that go on below."""
    still_open = {id(region) for region in going_on}
    unique = {id(part.whole()): part.whole() for part in parts}
    yield from (region for key, region in unique.items() if key not in still_open)
