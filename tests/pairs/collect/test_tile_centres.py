from __future__ import annotations

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoglot.pairs.collect.spatial_hash import (
    SpatialHash,
    axis_distances,
    find_neighbours,
    latitude_of_arc,
    meridian_arc,
)
from geoglot.pairs.collect.tiles import TileMembers, UtmTiles, choose_centres, find_members

WGS84 = pyproj.Geod(ellps="WGS84")
WORLDS = [(5.0, 52.0), (10.0, 60.0), (0.0, 0.0), (180.0, 60.0), (-70.0, -51.0), (20.0, 80.0), (-60.0, 10.0)]


def cloud(lon: float, lat: float, count: int, metres: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points in a square of some metres around a place."""
    rng = np.random.default_rng(seed)
    east, north = rng.uniform(-metres, metres, (2, count))
    up = lat + north / 111_000
    across = lon + east / (111_320 * np.cos(np.radians(lat)))
    return (across + 180) % 360 - 180, up


def plain_greedy(lon: np.ndarray, lat: np.ndarray, spacing: float, order: np.ndarray) -> list[int]:
    """The rule, word by word."""
    centres: list[int] = [int(order[0])]
    for index in order:
        here = np.full(len(centres), index)
        east, north = axis_distances(lon[here], lat[here], lon[centres], lat[centres])
        if not ((east < spacing) & (north < spacing)).any():
            centres.append(int(index))
    return centres


def test_northing_is_the_length_of_the_meridian() -> None:
    lat = np.array([-84.0, -51.3, 0.0, 1e-3, 37.0, 60.0, 84.9])
    lengths = [WGS84.inv(0, 0, 0, one)[2] * np.sign(one) for one in lat]
    assert np.allclose(meridian_arc(lat), lengths, atol=1e-3)
    assert np.allclose(latitude_of_arc(meridian_arc(lat)), lat, atol=1e-9)


@pytest.mark.parametrize("place", WORLDS)
def test_metres_along_the_axes_are_metres(place: tuple[float, float]) -> None:
    lon, lat = cloud(*place, 200, 2000)
    east, north = axis_distances(lon[:100], lat[:100], lon[100:], lat[100:])
    true = WGS84.inv(lon[:100], lat[:100], lon[100:], lat[100:])[2]
    assert np.allclose(np.hypot(east, north), true, rtol=1e-3)


@pytest.mark.parametrize("place", WORLDS)
def test_centres_are_those_of_the_plain_rule(place: tuple[float, float]) -> None:
    lon, lat = cloud(*place, 800, 1500)
    order = np.random.default_rng(1).permutation(800)
    centres = choose_centres(lon, lat, 112.0, order)
    assert centres.tolist() == plain_greedy(lon, lat, 112.0, order)
    assert 50 < len(centres) < 800


@settings(max_examples=30)
@given(st.sampled_from(WORLDS), st.integers(0, 1000), st.floats(20.0, 3000.0), st.integers(2, 120))
def test_no_two_centres_are_too_near_and_every_point_has_one(
    place: tuple[float, float], seed: int, spacing: float, count: int
) -> None:
    lon, lat = cloud(*place, count, 1500, seed)
    centres = choose_centres(lon, lat, spacing, np.arange(count))
    here = [np.full(len(centres), one) for one in range(count)]
    own = [axis_distances(lon[one], lat[one], lon[centres], lat[centres]) for one in here]
    inside = np.array([(east < spacing) & (north < spacing) for east, north in own])
    assert inside.any(axis=1).all()
    assert (inside[centres].sum(axis=1) == 1).all()  # itself


def test_neighbours_are_found_across_cells_and_the_antimeridian() -> None:
    lon, lat = cloud(180.0, 60.0, 500, 1000)
    cells = SpatialHash(100.0)
    one, other = find_neighbours(cells, lon, lat, cells.cell_of(lon, lat), 250.0)
    found = set(zip(one.tolist(), other.tolist(), strict=True))
    first, second = np.meshgrid(np.arange(500), np.arange(500), indexing="ij")
    east, north = axis_distances(lon[first.ravel()], lat[first.ravel()], lon[second.ravel()], lat[second.ravel()])
    close = (east < 250) & (north < 250)
    assert {(a, b) for a, b in zip(first.ravel()[close].tolist(), second.ravel()[close].tolist(), strict=True)} <= found
    assert len(found) == len(one)


@pytest.mark.parametrize("place", [*WORLDS, (6.0, 52.0)])  # 6 E is the border of two zones
def test_every_photo_that_falls_in_a_tile_belongs_to_it(place: tuple[float, float]) -> None:
    lon, lat = cloud(*place, 300, 400)
    centres = choose_centres(lon, lat, 112.0, np.arange(300))
    lattice = UtmTiles(lon[centres], lat[centres], 224, 1.0)
    found = find_members(lon, lat, lattice)
    pairs = set(zip(found.tile.tolist(), found.photo.tolist(), strict=True))
    for tile in range(len(centres)):
        rows, cols = lattice.place(lon, lat, np.full(300, tile))
        inside = np.flatnonzero((rows >= 0) & (rows < 224) & (cols >= 0) & (cols < 224))
        assert {(tile, int(photo)) for photo in inside} == {pair for pair in pairs if pair[0] == tile}
        assert abs(rows[centres[tile]] - 112) <= 0.5 and abs(cols[centres[tile]] - 112) <= 0.5
    assert (np.diff(found.tile) >= 0).all()


@pytest.mark.parametrize("place", WORLDS[:6])
@pytest.mark.parametrize("resolution", [1.0, 0.6, 10.0])
def test_pixels_are_square_on_the_ground(place: tuple[float, float], resolution: float) -> None:
    from geoglot.pairs.collect.collect_recipe import TilesRecipe
    from geoglot.pairs.collect.tiles import grid_of

    lattice = UtmTiles(np.array([place[0]]), np.array([place[1]]), 224, resolution)
    left, top = lattice.corners
    tile = type("Tile", (), {"left": left[0], "top": top[0], "epsg": lattice.epsg[0]})
    grid = grid_of(tile, TilesRecipe(side=224, resolution=resolution))
    assert grid.transform.a == -grid.transform.e == resolution
    lon, lat = grid.to_lonlat([112, 112, 0, 224], [0, 224, 112, 112])
    across, down = (WGS84.inv(lon[i], lat[i], lon[i + 1], lat[i + 1])[2] / 224 for i in (0, 2))
    assert across == pytest.approx(resolution, rel=1.1e-3) and down == pytest.approx(across, rel=1e-5)


def test_the_cap_is_drawn_and_not_the_first() -> None:
    tile, photo = np.repeat(np.arange(50), 40), np.tile(np.arange(40), 50)
    every = TileMembers(tile, photo, photo + 0.5, photo + 0.5)
    capped = every.draw_at_most(25, 0)
    assert (np.bincount(capped.tile) == 25).all()
    assert np.bincount(capped.photo, minlength=40).min() > 15  # 31 of 50 each, were it even
    again, other = every.draw_at_most(25, 0), every.draw_at_most(25, 1)
    assert np.array_equal(again.photo, capped.photo) and not np.array_equal(other.photo, capped.photo)


def test_without_a_seed_the_first_photos_of_a_tile_stay() -> None:
    links = TileMembers(np.repeat([0, 1], [5, 2]), np.arange(7), np.zeros(7), np.zeros(7))
    assert links.draw_at_most(3, None).photo.tolist() == [0, 1, 2, 5, 6]
