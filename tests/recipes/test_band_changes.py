"""IR-MAD and the plain difference of bands, on pictures whose changes are known."""

import numpy as np
import pytest
from band_changes import band_difference, best_f1, divide, ir_mad


@pytest.fixture
def pair(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bands that are mixed anew, lit otherwise and noisy on the second date, and where a square has changed."""
    before = rng.normal(size=(4, 60, 60))
    after = np.einsum("ij,jrc->irc", rng.normal(size=(4, 4)), before) * 3 + 5
    changed = np.zeros((60, 60), bool)
    changed[10:20, 10:25] = True
    after[:, changed] = rng.normal(size=(4, changed.sum())) * 6
    return before, after + 0.05 * rng.normal(size=after.shape), changed


def test_ir_mad_does_not_mind_how_bands_are_mixed(pair: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    before, after, changed = pair
    difference = ir_mad(before, after)
    assert best_f1(difference, changed) > 0.95 > best_f1(band_difference(before, after), changed)
    mixed = np.einsum("ij,jrc->irc", np.array([[2.0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 3, 1], [1, 0, 0, 1]]), after)
    assert np.allclose(ir_mad(before, mixed), difference, rtol=1e-3)


def test_a_difference_is_none_where_dates_are_equal_but_for_their_light(rng: np.random.Generator) -> None:
    before = rng.normal(size=(3, 20, 20))
    assert np.allclose(band_difference(before, 4 * before + 7), 0)


def test_otsu_and_the_best_threshold_divide_what_is_clear() -> None:
    changed = np.zeros((20, 20), bool)
    changed[:5] = True
    difference = np.where(changed, 8.0, 1.0)
    assert np.array_equal(divide(difference), changed)
    assert best_f1(difference, changed) == 1.0
