"""The part of a chip that fits the words best."""

import numpy as np
import pyproj
import pytest
from affine import Affine
from scipy import ndimage

from geoglot.geo import Grid
from geoglot.index.search.look import Look, fits
from geoglot.index.search.look_closer import _connected, _find_part, _has_data
from geoglot.sources.tile import Tile


def make_tile(valid: np.ndarray) -> Tile:
    grid = Grid(pyproj.CRS(32631), Affine(1, 0, 500000, 0, -1, 5000000), valid.shape)
    return Tile(np.zeros((3, *valid.shape), np.float32), valid, grid, ("red", "green", "blue"), None, "x.tif")


def test_the_part_is_around_the_best_patch_and_lies_where_it_lies() -> None:
    scores = np.zeros((4, 8), np.float32)
    scores[1:3, 5:7] = (0.5, 0.6)
    scores[3, 0] = 0.5  # another part that fits, too
    look = _find_part(scores, make_tile(np.ones((64, 128), bool)))
    assert look.best == pytest.approx(0.6) and look.part == (0.25, 5 / 8, 0.75, 7 / 8)
    assert look.outline is not None
    west, south, east, north = look.outline.bounds
    assert west > 3.0 and (east - west) / (north - south) == pytest.approx(
        1.41, abs=0.02
    )  # 32 x 32 m at 45 degrees north


def test_what_hangs_together_by_sides_is_one_part(rng: np.random.Generator) -> None:
    for _ in range(20):
        mask = rng.random((14, 14)) < 0.6
        seed = tuple(int(axis) for axis in np.argwhere(mask)[rng.integers(mask.sum())])
        labels, _ = ndimage.label(mask)
        np.testing.assert_array_equal(_connected(mask, (seed[0], seed[1])), labels == labels[seed])


@pytest.mark.parametrize("best", [0.9, 0.2])
def test_pixels_without_data_are_no_part_of_it(best: float) -> None:
    scores = np.full((4, 4), 0.1, np.float32)
    scores[:, :2], scores[0, 3] = best, 0.5
    valid = np.ones((32, 32), bool)
    valid[:, :16] = False
    look = _find_part(np.where(_has_data(tile := make_tile(valid), (4, 4)), scores, -np.inf), tile)
    assert look.best == pytest.approx(0.5) and look.part == (0.0, 0.75, 0.25, 1.0)


def test_the_frame_ends_where_the_data_ends() -> None:
    valid = np.ones((32, 32), bool)
    valid[28:] = False  # in the middle of the last row of patches
    look = _find_part(np.ones((4, 4), np.float32), make_tile(valid))
    assert look.part == (0.0, 0.0, 28 / 32, 1.0)


def test_hits_that_cannot_be_looked_into_keep_the_place_of_the_first_stage() -> None:
    assert (np.diff(fits(np.array([3.0, 2.0, 1.0]), [None, None, None])) < 0).all()


def test_the_whole_and_its_best_patch_count_alike() -> None:
    looks = [Look(best, (0.0, 0.0, 1.0, 1.0), None) for best in (0.1, 0.2, 0.3)]
    np.testing.assert_allclose(fits(np.array([0.6, 0.5, 0.4]), looks), 0, atol=1e-9)
    assert fits(np.array([0.5, 0.5, 0.5]), looks).argmax() == 2
