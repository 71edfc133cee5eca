"""Connected regions of a raster of any size: each strip is labelled, and regions join across the seams (union-find).

Memory is bounded by a strip and the regions that are open at its lower edge.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Int

AnyPart = TypeVar("AnyPart", bound="Part")


class Part:
    """A region of one strip, which may turn out to be part of a larger region."""

    value: int
    """Regions of different values do not join."""
    _part_of: Any = None

    @property
    def size(self) -> int:
        """The cost of absorbing this part: the larger absorbs the smaller, else a comb takes quadratic time."""
        return 1

    def absorb(self: AnyPart, other: AnyPart) -> None:
        """Add what `other` holds to this one."""
        raise NotImplementedError

    def whole(self: AnyPart) -> AnyPart:
        """The region that this part belongs to so far, which may be itself."""
        region, path = self, []
        while region._part_of is not None:
            path.append(region)
            region = region._part_of
        for part in path:  # else the teeth of a comb make a chain, which each of them would follow to its end
            part._part_of = region
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
        continued = {label: parts[label].whole() for label in np.unique(labels[-1]).tolist() if label}
        still_open = {id(region) for region in continued.values()}
        regions = [part.whole() for part in (*open_parts.values(), *parts.values())]
        yield from (region for key, region in {id(each): each for each in regions}.items() if key not in still_open)
        open_parts, above = continued, labels[-1]
    yield from {id(region): region for region in open_parts.values()}.values()


def _join(above: np.ndarray, below: np.ndarray, upper: dict[int, AnyPart], lower: dict[int, AnyPart]) -> None:
    meets = (above > 0) & (below > 0)
    for up, low in np.unique(np.stack([above[meets], below[meets]], 1), axis=0).tolist():
        first, second = upper[up].whole(), lower[low].whole()
        if first is not second and first.value == second.value:
            larger, smaller = (second, first) if second.size > first.size else (first, second)
            larger.absorb(smaller)
            smaller._part_of = larger
