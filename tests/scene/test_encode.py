from __future__ import annotations

import numpy as np
import pytest
import torch
from affine import Affine
from pyproj import CRS

from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.scene.embed import encode, pad
from geoglot.sources.tile import Tile
from stubs import PooledColours
from worlds import class_field, paint

NAMES = ("water", "forest", "roof")


def make_tile(rows: int, cols: int) -> Tile:
    pixels = (paint(class_field((rows, cols), 3), NAMES) / 255).astype("float32")
    grid = Grid(CRS(32631), Affine(0.5, 0, 593_270, 0, -0.5, 5_747_657), (rows, cols))
    return Tile(pixels, pixels[0] >= 0, grid, ("red", "green", "blue"), None, "memory")


def test_patches_keep_their_place() -> None:
    tile = make_tile(100, 75)
    encoded = encode(tile, PooledColours())
    assert encoded.grid.shape == tuple(encoded.patches.shape[1:]) == (13, 10)
    assert encoded.grid.transform == Affine(4, 0, 593_270, 0, -4, 5_747_657)
    assert encoded.model == "pooled colours"


def test_scores_are_cosines() -> None:
    encoded = encode(make_tile(64, 64), PooledColours())
    scores = encoded.scores(encoded.patches[:, 3, 4][None])
    assert scores[0, 3, 4] == pytest.approx(1)
    assert scores.abs().max() <= 1 + 1e-6
    with pytest.raises(InputError, match="dimensions"):
        encoded.scores(torch.zeros(1, 7))


def test_padding_mirrors_below_and_to_the_right() -> None:
    pixels = np.random.default_rng(0).random((3, 20, 50), np.float32)
    padded = pad(pixels, 16, 96)
    assert padded.shape == (3, 96, 96)
    np.testing.assert_array_equal(padded[:, :20, :50], pixels)
    np.testing.assert_array_equal(padded[:, 20:40, 50:], pixels[:, ::-1, :3:-1])
    np.testing.assert_array_equal(padded[:, 40:60, :50], pixels)
