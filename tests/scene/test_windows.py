from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoglot.errors import InputError
from geoglot.scene.windows import WindowPlan, default_tile


@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.integers(1, 6),
    st.integers(0, 5),
    st.sampled_from([1, 4, 16]),
)
def test_windows_cover_every_pixel_on_one_lattice(shape: tuple[int, int], side: int, shared: int, patch: int) -> None:
    plan = WindowPlan(shape, side * patch, min(shared, side - 1) * patch, patch)
    covered = np.zeros(shape, bool)
    for window in plan.windows():
        assert window.row % patch == window.col % patch == 0
        covered[window.row : window.row + window.height, window.col : window.col + window.width] = True
        assert window.row + window.height < max(shape[0] + patch, plan.tile + 1)
    assert covered.all()
    assert len(list(plan.windows())) == len(plan)


def test_neighbours_share_at_least_the_overlap() -> None:
    plan = WindowPlan((1000, 700), 224, 48, 16)
    assert all(b - a <= 176 for a, b in pairwise(start for start, _ in plan.row_spans))


def test_the_ramps_of_two_neighbours_add_to_a_constant() -> None:
    plan = WindowPlan((1000, 1000), 224, 64, 16)
    first, second, *_ = (plan.ramp(window)[7] for window in plan.windows())
    assert np.allclose(first[-4:] + second[:4], 1, atol=1e-5)
    assert first[:-4] == pytest.approx(1) and second[4:-4] == pytest.approx(1)


@pytest.mark.parametrize(("tile", "overlap"), [(100, 16), (96, 10), (96, 96), (96, -16)])
def test_sizes_off_the_lattice_are_refused(tile: int, overlap: int) -> None:
    with pytest.raises(InputError):
        WindowPlan((500, 500), tile, overlap, 16)


@pytest.mark.parametrize(
    ("shape", "tile"), [((60_000, 60_000), 448), ((300, 120), 304), ((20, 20), 224), ((447, 1), 448)]
)
def test_the_default_tile_follows_the_scene(shape: tuple[int, int], tile: int) -> None:
    assert default_tile(shape, 224, 16) == tile
