from pathlib import Path

import numpy as np
import pyproj
import pytest
from captions import caption, vocabulary
from ground import accuracy, make_tokenizer, train_ground
from photos import SIDE, draw_photo, photo_points, render_photo
from tiles import render_tile
from world import BLOCK, CLASSES, World

from geoglot.crs import transform
from geoglot.geo import Window
from geoglot.models.zoo import load_word_model

LONLAT = pyproj.CRS("OGC:CRS84")


@pytest.fixture(scope="module")
def country() -> World:
    return World(3, 2 * BLOCK)


def test_a_seed_is_a_country(country: World) -> None:
    again, other = World(3, 2 * BLOCK), World(4, 2 * BLOCK)
    whole = country.grid.whole
    assert np.array_equal(country.truth(whole), again.truth(whole))
    assert np.array_equal(country.parcels(whole), again.parcels(whole))
    assert not np.array_equal(country.truth(whole), other.truth(whole))


def test_a_larger_country_holds_the_smaller(country: World) -> None:
    part = Window(0, 0, BLOCK, BLOCK)
    assert np.array_equal(World(3, BLOCK).truth(part), country.truth(part))


def test_every_class_is_somewhere(country: World) -> None:
    share = np.bincount(World(0, 3 * BLOCK).truth(Window(0, 0, 3 * BLOCK, 3 * BLOCK)).ravel()) / (9 * BLOCK**2)
    assert len(share) == len(CLASSES)
    assert share.min() > 0.005 and share.max() < 0.4


def test_views_repeat_with_their_seed(country: World) -> None:
    window = Window(100, 130, 64, 64)

    def views(seed: int) -> bytes:
        rng = np.random.default_rng(seed)
        return render_tile(country, window, rng).tobytes() + render_photo(country, 120, 140, rng).tobytes()

    assert views(1) == views(1) != views(2)


@pytest.mark.parametrize("name", CLASSES)
def test_photos_are_small_pictures(name: str, rng: np.random.Generator) -> None:
    photo = draw_photo(name, rng)
    assert photo.shape == (3, SIDE, SIDE) and photo.dtype == np.uint8
    assert photo.std() > 10


def test_ground_looks_the_same_in_overlapping_tiles(country: World) -> None:
    """Two tiles of one day: what both show, both show alike, but for the sensor's noise."""
    left, right = (
        render_tile(country, Window(64, col, 64, 64), np.random.default_rng(7)).astype(int) for col in (64, 96)
    )
    assert np.median(abs(left[:, :, 32:] - right[:, :, :32])) < 12


def test_a_photo_is_of_the_class_under_it(country: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr("photos.draw_photo", lambda name, rng: drawn.append(name))
    window, rng = Window(64, 192, 64, 64), np.random.default_rng(0)
    points = photo_points(country, window, 20, rng, margin=4)
    for row, col in points:
        render_photo(country, row, col, rng)
        assert window.row + 4 <= row < window.row + 60 and window.col + 4 <= col < window.col + 60
    truth = country.truth(country.grid.whole)
    assert drawn == [CLASSES[truth[row, col]] for row, col in points]
    assert len(set(drawn)) > 1


def test_tiles_know_their_place(country: World, rng: np.random.Generator) -> None:
    window = Window(70, 300, 64, 64)
    grid = country.grid.window(window)
    rows, cols = rng.uniform(0, 64, (2, 50))
    lon, lat = transform(*grid.to_map(rows, cols), grid.crs, LONLAT)
    back_rows, back_cols = grid.to_pixel(*transform(lon, lat, LONLAT, grid.crs))
    assert np.allclose([rows, cols], [back_rows, back_cols], atol=0.001)
    assert np.allclose(country.grid.to_map(window.row + rows, window.col + cols), grid.to_map(rows, cols))
    assert grid.resolution_m == pytest.approx(1.0, abs=0.001)


def test_training_and_test_share_no_ground() -> None:
    world = World(0, 6 * BLOCK)
    seen = {split: np.zeros(world.grid.shape, bool) for split in ("train", "test")}
    for split, ground in seen.items():
        for row, col, height, width in world.windows(split, 48):  # 256 is no multiple of 48
            assert row >= 0 and col >= 0 and max(row + height, col + width) <= world.side_m
            ground[row : row + height, col : col + width] = True
    assert not (seen["train"] & seen["test"]).any()
    assert 0.1 < seen["test"].mean() < 0.5 < seen["train"].mean()


def test_captions_are_made_of_known_words(rng: np.random.Generator) -> None:
    texts = {caption(name, rng) for name in CLASSES for _ in range(100)}
    assert len(texts) > 300
    tokenizer = make_tokenizer()
    unknown = tokenizer.token_to_id("[unk]")
    assert all(unknown not in tokenizer.encode(text).ids for text in [*texts, "a satellite image of a lake"])
    assert len(vocabulary()) == len(set(vocabulary()))


def test_ground_model_is_stored_and_learns(tmp_path: Path, country: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ground.PHOTOS", 64)
    monkeypatch.setattr("ground.BATCH", 8)
    train_ground(country, tmp_path / "ground", steps=2, seed=0)
    train_ground(country, tmp_path / "again", steps=2, seed=0)
    model = load_word_model(tmp_path / "ground", device="cpu")
    assert model.card.tile_size == SIDE and SIDE % model.card.patch_size == 0
    assert model.card.sha256 == load_word_model(tmp_path / "again", device="cpu").card.sha256
    assert model.card.source.startswith("recipes/world")


def test_accuracy_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ground.PHOTOS", 64)
    monkeypatch.setattr("ground.BATCH", 8)
    world = World(0, 3 * BLOCK)
    train_ground(world, tmp_path / "ground", steps=1, seed=0)
    by_caption, by_name = accuracy(tmp_path / "ground", world, count=20)
    assert 0 <= by_caption <= 1 and 0 <= by_name <= 1
