"""The made-up country on two dates, and the plain ways to compare them."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from date_files import NUISANCES, Nuisance, read_onto, write_date
from later import KINDS, Kind, years_later
from plain_ways import Seen, best_threshold, compare_maps, compare_vectors, distances, warp_onto
from small_seer import accuracy, draw_tiles, train_seer
from world import CLASSES, FIELD, HOUSE, MEADOW, World

from geoglot.models.zoo import load_word_model

SIDE = 384
EVERYTHING = list(NUISANCES.values())[-1]


@pytest.fixture(scope="module")
def country() -> World:
    return World(0, SIDE)


def test_a_seed_is_a_later_date(country: World) -> None:
    whole = country.grid.whole
    once, again, other = years_later(country, 0), years_later(country, 0), years_later(country, 1)
    assert np.array_equal(once.truth(whole), again.truth(whole))
    assert np.array_equal(once.parcels(whole), again.parcels(whole))
    assert not np.array_equal(once.truth(whole), other.truth(whole))


def test_every_kind_of_change_happens_and_most_ground_stays(country: World) -> None:
    before, after = (each.truth(country.grid.whole) for each in (country, years_later(country, 0)))
    assert 0.02 < (before != after).mean() < 0.2
    for name, kind in KINDS.items():
        assert kind.mask(before, after).sum() > 50, name


def test_without_changes_only_crops_are_new(country: World) -> None:
    same = years_later(country, 0, changed=False)
    whole = country.grid.whole
    assert np.array_equal(same.truth(whole), country.truth(whole))
    new = same.parcels(whole) != country.parcels(whole)
    assert new.any() and (country.truth(whole)[new] == FIELD).all()


def test_a_kind_is_what_was_and_what_is() -> None:
    before, after = np.array([[FIELD, FIELD, HOUSE]]), np.array([[MEADOW, HOUSE, HOUSE]])
    assert Kind(FIELD, None).mask(before, after).tolist() == [[True, True, False]]
    assert Kind(None, HOUSE).mask(before, after).tolist() == [[False, True, False]]
    assert Kind(FIELD, MEADOW).mask(before, after).tolist() == [[True, False, False]]


def test_a_shift_moves_the_place_and_not_the_pixels(country: World, tmp_path: Path) -> None:
    shifts = [
        write_date(country, tmp_path / f"{number}.tif", np.random.default_rng(5), nuisance)
        for number, nuisance in enumerate((Nuisance(), Nuisance(shifted=True)))
    ]
    with rasterio.open(tmp_path / "0.tif") as first, rasterio.open(tmp_path / "1.tif") as second:
        assert np.array_equal(first.read(), second.read())
        moved = np.array([second.transform.c - first.transform.c, second.transform.f - first.transform.f])
    back = read_onto(tmp_path / "1.tif", country.grid, shifts[1])
    assert np.array_equal(back, read_onto(tmp_path / "0.tif", country.grid))
    assert shifts[0].tolist() == [0, 0] and np.allclose(moved, shifts[1], atol=1e-6)
    assert (abs(shifts[1]) >= 1).all() and (abs(shifts[1]) <= 3).all()


def test_another_grid_shows_the_same_ground(country: World, tmp_path: Path) -> None:
    still = Nuisance(resolution=EVERYTHING.resolution, crs=EVERYTHING.crs)
    for name, nuisance in (("first", Nuisance()), ("second", still)):
        write_date(country, tmp_path / f"{name}.tif", np.random.default_rng(5), nuisance)
    warp_onto(tmp_path / "second.tif", tmp_path / "first.tif", tmp_path / "back.tif")
    one, other = (read_onto(tmp_path / f"{name}.tif", country.grid).astype(int) for name in ("first", "back"))
    with rasterio.open(tmp_path / "second.tif") as file:
        assert file.crs.to_epsg() == 32633 and file.res[0] == pytest.approx(1.3)
    inside = slice(20, -20)
    assert np.median(abs(one - other)[inside, inside]) < 10


def test_maps_and_embeddings_of_equal_dates_show_no_change() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(8, 4, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=0)
    classes = rng.integers(0, 3, (16, 16))
    seen, unknown = Seen(classes, vectors, 4), Seen(np.full((16, 16), -1), vectors, 4)
    assert not compare_maps(seen, seen).changed.any() and not compare_vectors(seen, seen, 1e-5).changed.any()
    assert not compare_maps(seen, unknown).known.any() and not compare_maps(seen, unknown).changed.any()
    turned = Seen(classes, -vectors, 4)
    assert np.allclose(distances(seen, turned), 2, atol=1e-5)
    assert compare_vectors(seen, turned, 1.0).changed.all()


def test_the_best_threshold_divides_what_can_be_divided() -> None:
    changed = np.arange(400).reshape(20, 20) % 7 == 0
    distance = np.where(changed, 0.8, 0.1).astype(np.float32)
    assert 0.1 <= best_threshold(distance, changed) < 0.8


def test_tiles_show_what_their_shares_say() -> None:
    pixels, shares = draw_tiles(World(3, 256), 3, np.random.default_rng(0))
    assert pixels.shape == (3, 3, 64, 64) and shares.shape == (3, len(CLASSES), 16, 16)
    assert (abs(shares.int().sum(1) - 255) <= 5).all()


def test_the_seer_is_stored_and_repeats(tmp_path: Path) -> None:
    folders = [train_seer(tmp_path / name, steps=2, tiles=4, side_m=256) for name in ("one", "two")]
    models = [load_word_model(folder, device="cpu") for folder in folders]
    assert models[0].card.sha256 == models[1].card.sha256
    assert models[0].card.patch_size == 4 and models[0].card.resolution == (1.0, 1.5)
    assert 0 <= accuracy(models[0], tiles=2) <= 1  # type: ignore[arg-type]
