from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geoglot.pairs.collect.collect_recipe import TilesRecipe
from geoglot.pairs.collect.paper_tiles import bin_photos, choose_paper_centres, half_tile_degrees
from geoglot.pairs.collect.tiles import _make_table, _place_by_degrees

HALF = half_tile_degrees(224.0)


def test_half_a_tile_is_the_authors_constant() -> None:
    assert pytest.approx(0.001) == HALF
    assert half_tile_degrees(2240.0) == pytest.approx(0.01)


def test_centres_lie_half_a_tile_apart_in_their_bin_and_cover_all_photos() -> None:
    rng = np.random.default_rng(0)
    lon, lat = 5 + rng.uniform(0, 0.02, 400), 50 + rng.uniform(0, 0.02, 400)
    bins = bin_photos(lon, lat, [""] * 400)
    centres = choose_paper_centres(lon, lat, bins, HALF)
    across, along = (abs(axis[:, None] - axis[centres]) for axis in (lon, lat))
    near = (across < HALF) & (along < HALF)
    assert centres[0] == 0 and (near[centres].sum(1) == 1).all()
    assert near.any(1).all()


def test_bins_end_at_ten_degrees_and_at_quarters() -> None:
    lon, lat = np.array([9.9999, 10.0001, 9.9999, 9.9999, 9.9999]), np.full(5, 50.0)
    times = ["2020-01-05", "2020-01-05", "2020-03-31", "2020-04-01", ""]
    assert len(set(bin_photos(lon, lat, times)[[0, 1, 3, 4]])) == 4
    assert bin_photos(lon, lat, times)[0] == bin_photos(lon, lat, times)[2]
    assert len(choose_paper_centres(lon, lat, bin_photos(lon, lat, times), HALF)) == 4


def test_one_place_in_two_quarters_is_two_tiles_with_names_of_their_own() -> None:
    lon, lat, times = np.full(3, 10.0), np.full(3, 50.0), ["2020-01-05", "2020-07-05", "2020-07-06"]
    tiles, links = _place_by_degrees(lon, lat, times, TilesRecipe(rule="degrees"))
    table = _make_table(tiles, links, pd.DataFrame({"time": times}))
    assert table["photos"].tolist() == [1, 2] and table["id"].is_unique
    assert table["time"].tolist() == ["2020-01-05T00:00:00", "2020-07-06T00:00:00"]


def test_tiles_are_narrower_on_the_ground_away_from_the_equator() -> None:
    """At 60 degrees, a photo 60 m to the east is beyond half a tile of 0.001 degrees, 56 m; 100 m north is not."""
    degree = 111_320 * np.cos(np.radians(60))
    lon, lat = np.array([5.0, 5.0 + 60 / degree, 5.0]), np.array([60.0, 60.0, 60.0 + 100 / 111_320])
    tiles, members = _place_by_degrees(lon, lat, [""] * 3, TilesRecipe(rule="degrees"))
    assert len(tiles.lon) == 2  # both the first and the eastern one are centres
    assert sorted(members.photo[members.tile == 0]) == [0, 2]
    assert ((members.row >= 0) & (members.row < 224)).all()
