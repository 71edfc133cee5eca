from __future__ import annotations

import numpy as np
import pytest

from geoglot.tasks.change.history import Strip
from geoglot.tasks.change.objects import GAINS, LOSSES, Kinds
from geoglot.tasks.change.regions import Labelled, find_regions

ROOF, GRASS = 1, 2


def dates() -> np.ndarray:
    """Two dates: a roof that is new, one that grew, one that went, one that shrank, and one that stays."""
    states = np.full((2, 40, 40), GRASS, np.uint8)
    states[1, 4:8, 4:8] = ROOF
    states[:, 14:18, 4:8], states[1, 14:18, 8:11] = ROOF, ROOF
    states[0, 24:28, 4:8] = ROOF
    states[:, 4:8, 24:28], states[0, 8:12, 24:28] = ROOF, ROOF
    states[:, 30:34, 30:34] = ROOF
    return states


def strips(rows: int) -> list[Strip]:
    states = dates()
    scores = np.zeros((1, *states.shape[1:]), np.uint8)
    return [Strip(row, states[:, row : row + rows], scores[:, row : row + rows]) for row in range(0, 40, rows)]


@pytest.mark.parametrize("rows", [1, 5, 6, 40])
def test_objects_are_counted_whole_across_strips(rows: int) -> None:
    kinds = Kinds.of(lambda: strips(rows), 0, 3)
    assert kinds.counts[:, ROOF].tolist() == [1, 1, 1, 1]  # appeared, grown, gone, shrunk
    assert not kinds.counts[:, 0].any()


@pytest.mark.parametrize("rows", [3, 40])
def test_each_pixel_knows_what_happened_to_its_object(rows: int) -> None:
    kinds = Kinds.of(lambda: strips(rows), 0, 3)
    painted = np.concatenate([kinds.paint(index, strip, 0) for index, strip in enumerate(strips(rows))])
    gain, loss = painted % 3, painted // 3
    assert (GAINS[gain[5, 5]], GAINS[gain[15, 9]], GAINS[gain[31, 31]]) == ("appeared", "grown", "")
    assert (LOSSES[loss[25, 5]], LOSSES[loss[9, 25]]) == ("gone", "shrunk")
    assert LOSSES[loss[5, 5]] == "shrunk"  # of the grass, which goes on around it


def test_a_comb_is_one_region() -> None:
    values = np.zeros((9, 21), np.int32)
    values[:8, ::2], values[8] = 1, 1
    parts = [Labelled.of(values[row : row + 2], values[row : row + 2] > 0) for row in range(0, 9, 2)]
    (region,) = find_regions(parts)
    assert region.pixels == values.sum() and region.touches
