"""Objects that appeared, grew, went or shrank: regions of one class that were gained or lost between two dates.

A gained region that lies beside ground which had its class on both dates is growth of what was there; one that does not
is new. In the same way a loss beside what stays is shrinkage, and any other is the end of a thing.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Bool, Integer, UInt8

from geoglot.tasks.change.history import Strip
from geoglot.tasks.change.regions import Labelled, beside_steady, find_regions

GAINS, LOSSES = ("", "appeared", "grown"), ("", "gone", "shrunk")
"""Names of the kinds of a gained region, and of a lost one, from 1; 0 is none of the classes."""
_NEW, _BESIDE = 1, 2


@dataclass(frozen=True)
class Kinds:
    """What happened to the objects between two dates."""

    counts: Integer[np.ndarray, "kind state"]
    """How many regions of each state appeared, grew, were gone, and shrank."""
    _gains: list[UInt8[np.ndarray, " _label"]]
    """For each strip the kind of each of its gained regions."""
    _losses: list[UInt8[np.ndarray, " _label"]]

    @classmethod
    def of(cls, strips: Callable[[], Iterable[Strip]], step: int, states: int) -> "Kinds":
        """The kinds of all regions of a step."""
        (gained, gains), (lost, losses) = (_kinds(strips(), step, side, states) for side in (1, 0))
        return cls(np.concatenate([gained, lost]), gains, losses)

    def paint(self, index: int, strip: Strip, step: int) -> Integer[np.ndarray, "rows cols"]:
        """The kind of gain of each pixel of strip `index`, plus three times its kind of loss."""
        gain, loss = (
            kinds[index][_labels(strip.states, step, side).labels]
            for kinds, side in ((self._gains, 1), (self._losses, 0))
        )
        return np.asarray(gain + 3 * loss, np.int32)


def _kinds(strips: Iterable[Strip], step: int, side: int, states: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Counts by kind and state, and the kind of each label of each strip; `side` 1 are gains, 0 are losses."""
    flags, counts = list[np.ndarray](), np.zeros((2, states), np.int64)

    def labelled() -> Iterator[Labelled]:
        for padded, rows in with_neighbours(strip.states[step : step + 2] for strip in strips):
            found = _labels(padded[:, rows], 0, side, _touching(padded, side)[rows])
            flags.append(np.zeros(len(found.values), np.uint8))
            yield found

    for region in find_regions(labelled()):
        state, kind = region.value - 1, _BESIDE if region.touches else _NEW
        counts[kind - 1, state] += 1
        for index, number in region.members:
            flags[index][number] = kind if state else 0
    return counts, flags


def _labels(
    states: UInt8[np.ndarray, "date rows cols"],
    step: int,
    side: int,
    marks: Bool[np.ndarray, "rows cols"] | None = None,
) -> Labelled:
    """The regions of one state on one side of a step."""
    before, after = states[step], states[step + 1]
    values = np.where(before != after, states[step + side].astype(np.int32) + 1, 0)
    return Labelled.of(values, np.zeros(values.shape, bool) if marks is None else marks)


def _touching(states: UInt8[np.ndarray, "2 rows cols"], side: int) -> Bool[np.ndarray, "rows cols"]:
    return beside_steady(states[0], states[1], states[side])


def with_neighbours(
    strips: Iterable[UInt8[np.ndarray, "date rows cols"]],
) -> Iterator[tuple[UInt8[np.ndarray, "date rows_around cols"], slice]]:
    """Each strip with the last row of the one above and the first of the one below, and which rows are its own."""
    above: np.ndarray | None = None
    current: np.ndarray | None = None
    for below in chain(strips, (None,)):
        if current is not None:
            parts = [each for each in (above, current, None if below is None else below[:, :1]) if each is not None]
            first = 0 if above is None else 1
            yield np.concatenate(parts, axis=1), slice(first, first + current.shape[1])
            above = current[:, -1:]
        current = below
