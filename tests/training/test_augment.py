from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from geoglot.training.augment import crop, crop_centre, patch_of, recolour, turn


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(8, 24), st.integers(1, 9))
def test_photos_stay_on_their_pixels(seed: int, side: int, count: int) -> None:
    """Every pixel holds its own number; wherever a photo goes, it lies on the number it was taken at."""
    rng = np.random.default_rng(seed)
    numbers = np.arange(24 * 24, dtype=np.int64).reshape(24, 24)
    pixels = np.stack([numbers % 256, numbers // 256, numbers % 7]).astype(np.uint8)
    row, col = rng.uniform(0, 24, (2, count))
    view = turn(crop(pixels, row, col, side, rng), rng)
    assert view.pixels.shape == (3, side, side) and len(view.photo) >= 1
    there = view.pixels[:, np.floor(view.row).astype(int), np.floor(view.col).astype(int)]
    taken = pixels[:, np.floor(row[view.photo]).astype(int), np.floor(col[view.photo]).astype(int)]
    np.testing.assert_array_equal(there, taken)


def test_the_centre_keeps_what_lies_in_it() -> None:
    pixels = np.zeros((3, 10, 10), np.uint8)
    view = crop_centre(pixels, np.array([0.5, 5.0]), np.array([5.0, 5.5]), 4)
    assert view.photo.tolist() == [1] and (view.row[0], view.col[0]) == (2.0, 2.5)


def test_all_crops_and_turns_occur() -> None:
    rng = np.random.default_rng(0)
    pixels = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    seen = {crop(pixels, np.array([1.5]), np.array([1.5]), 2, rng).pixels[0, 0, 0] for _ in range(200)}
    assert seen == {0, 1, 4, 5}
    view = crop(pixels, np.array([1.5]), np.array([1.5]), 4, rng)
    assert len({turn(view, rng).pixels.tobytes() for _ in range(200)}) == 8


def test_colours_stay_in_range() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.random((3, 8, 8), np.float32)
    changed = recolour(pixels, rng)
    assert changed.dtype == np.float32 and changed.min() >= 0 and changed.max() <= 1 and not (changed == pixels).all()


def test_patches_are_counted_row_by_row() -> None:
    row, col = np.array([0.0, 7.9, 8.0, 31.9, 32.0]), np.array([0.0, 8.0, 7.9, 31.9, 32.0])
    assert patch_of(row, col, 8, 32).tolist() == [0, 1, 4, 15, 15]
