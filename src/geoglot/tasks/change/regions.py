"""Connected regions of what changed, whole across strips, and what each of them is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Integer
from skimage.measure import label

from geoglot.outputs.seams import Part, join_strips


@dataclass
class Region(Part):
    """A 4-connected region of one value."""

    value: int
    pixels: int = 0
    touches: bool = False
    """Whether one of its pixels is marked."""
    members: list[tuple[int, int]] = field(default_factory=list)
    """Its strips, and its label in each."""

    @property
    def size(self) -> int:
        return len(self.members)

    def absorb(self, other: Region) -> None:
        self.pixels += other.pixels
        self.touches |= other.touches
        self.members += other.members


@dataclass(frozen=True)
class Labelled:
    """The regions of a strip: labels of its pixels, 0 outside of regions, and the value, pixels and mark of each."""

    labels: Integer[np.ndarray, "rows cols"]
    values: Integer[np.ndarray, " label"]
    pixels: Integer[np.ndarray, " label"]
    marked: Bool[np.ndarray, " label"]

    @classmethod
    def of(cls, values: Integer[np.ndarray, "rows cols"], marks: Bool[np.ndarray, "rows cols"]) -> Labelled:
        """Label 4-connected pixels of one value; those of value 0 are outside."""
        labels = label(values, background=0, connectivity=1)
        count = int(labels.max()) + 1
        own = np.zeros(count, np.int64)
        own[labels.ravel()] = values.ravel()
        marked = np.bincount(labels[marks].ravel(), minlength=count) > 0
        return cls(labels, own, np.bincount(labels.ravel(), minlength=count), marked)

    def parts(self, strip: int) -> dict[int, Region]:
        """The regions by label, for `join_strips`."""
        return {
            number: Region(
                int(self.values[number]), int(self.pixels[number]), bool(self.marked[number]), [(strip, number)]
            )
            for number in range(1, len(self.values))
        }


def find_regions(strips: Iterable[Labelled]) -> Iterator[Region]:
    """Each region as soon as it is whole."""
    return join_strips((strip.labels, strip.parts(index)) for index, strip in enumerate(strips))


def beside_steady(
    before: Integer[np.ndarray, "rows cols"],
    after: Integer[np.ndarray, "rows cols"],
    state: Integer[np.ndarray, "rows cols"],
) -> Bool[np.ndarray, "rows cols"]:
    """Which pixels have a neighbour that is, on both dates, in the state that `state` gives this pixel."""
    steady = np.where(before == after, np.asarray(before, np.int32), -1)
    padded = np.pad(steady, 1, constant_values=-1)
    shifts = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return np.asarray(np.logical_or.reduce([shifted == state for shifted in shifts]))
