from __future__ import annotations

from typing import Any

import numpy as np

from geoglot.outputs.seams import Part, join_strips

TEETH = 2000


class CountedPart(Part):
    value = 1
    reads = 0
    """Of all parts: how often one was asked which part absorbed it."""

    def __init__(self) -> None:
        self.count, self._above = 1, None

    @property
    def _part_of(self) -> Any:
        CountedPart.reads += 1
        return self._above

    @_part_of.setter
    def _part_of(self, part: CountedPart) -> None:
        self._above = part

    def absorb(self, other: CountedPart) -> None:
        self.count += other.count


def test_a_comb_of_parts_that_cost_the_same_is_joined_in_linear_time() -> None:
    teeth = np.zeros((1, 2 * TEETH), np.int32)
    teeth[0, ::2] = np.arange(1, TEETH + 1)
    bar = np.ones((1, 2 * TEETH), np.int32)
    CountedPart.reads = 0
    above = {label: CountedPart() for label in range(1, TEETH + 1)}
    (comb,) = join_strips([(teeth, above), (bar, {1: CountedPart()})])
    assert comb.count == TEETH + 1
    assert CountedPart.reads < 20 * TEETH
