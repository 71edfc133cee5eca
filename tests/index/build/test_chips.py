from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pyproj
import pytest
from affine import Affine

from conftest import MakeGrid
from geoglot.errors import InputError
from geoglot.geo import Grid, Window
from geoglot.index.build.chips import find_places, shows_enough
from geoglot.index.build.scales import AUTO, parse_scales, scale_of, why_too_coarse
from stubs import PooledColours

CARD = PooledColours.card  # 32 px, 0.1 to 30 m


def metre_grid(x: float, y: float, shape: tuple[int, int], crs: int = 32617) -> Grid:
    return Grid(pyproj.CRS(crs), Affine(1.0, 0.0, x, 0.0, -1.0, y), shape)


def places(grid: Grid) -> dict[str, tuple[float, float]]:
    """Map coordinates of the centre of each chip, by its cell."""
    found = {}
    for cell, window in find_places(grid, 32.0, 32):
        x, y = grid.to_map(window.row + 16, window.col + 16)
        found[str(cell)] = float(x), float(y)
    return found


def test_a_cell_is_the_same_place_in_every_file() -> None:
    whole = places(metre_grid(500_000, 4_000_000, (400, 500)))
    moved = places(metre_grid(500_117.3, 3_999_911.8, (300, 300)))
    both = whole.keys() & moved.keys()
    assert len(both) > 50
    for cell in both:
        np.testing.assert_allclose(whole[cell], moved[cell], atol=1.01)  # each is rounded to a pixel


def test_chips_cover_a_scene_but_for_a_rim() -> None:
    grid = metre_grid(500_000, 4_000_000, (400, 500))
    covered = np.zeros(grid.shape, bool)
    for _, window in find_places(grid, 32.0, 32):
        inside = window.intersection(grid.whole)
        assert inside is not None and inside.height * inside.width >= 0.25 * 32**2
        covered[inside.slices] = True
    assert covered[16:-16, 16:-16].mean() > 0.97  # cells follow the ellipsoid, chips are squares of the map
    assert covered.mean() > 0.93


def test_a_small_scene_has_the_one_cell_that_shows_most_of_it() -> None:
    found = [find_places(metre_grid(500_000 + step, 4_000_000, (9, 9)), 32.0, 32) for step in range(0, 32, 4)]
    assert all(len(each) == 1 for each in found)


def test_scenes_in_other_projections_and_across_the_antimeridian(make_grid: MakeGrid) -> None:
    east = metre_grid(833_900, 8_000_000, (3000, 3000), 32701)  # 174 W to 180
    assert len(find_places(east, 320.0, 320)) > 60
    pole = Grid(pyproj.CRS(32661), Affine(100.0, 0.0, 1_990_000, 0.0, -100.0, 2_010_000), (200, 200))
    cells = [cell for cell, _ in find_places(pole, 3200.0, 32)]
    assert len(cells) == len(set(cells)) >= 30


def test_scales_are_read_and_bounded() -> None:
    assert parse_scales("", CARD) == (AUTO,)
    assert parse_scales("224m, 896, 224m", CARD) == ("224m", "896m")
    for wrong in ("1m", "3000m", "wide", "-5m"):
        with pytest.raises(InputError):
            parse_scales(wrong, CARD)


def test_a_scene_has_the_scale_of_its_own_resolution(make_grid: MakeGrid) -> None:
    assert scale_of(AUTO, make_grid(), CARD) == 256.0  # 10 m: 8 m a pixel of 32
    assert scale_of("224m", make_grid(), CARD) == 224.0
    assert why_too_coarse(make_grid(), 256.0, CARD) == ""


def test_what_is_too_coarse_for_a_scale_says_a_scale_that_is_taken(make_grid: MakeGrid) -> None:
    advice = re.search(r"--scale (\d+m)", why_too_coarse(make_grid(), 64.0, CARD))
    assert advice
    (scale,) = parse_scales(advice[1], CARD)
    assert why_too_coarse(make_grid(), scale_of(scale, make_grid(), CARD), CARD) == ""
    coarse = replace(make_grid(), transform=Affine(500.0, 0.0, 5e5, 0.0, -500.0, 5e6))
    assert "take a model" in why_too_coarse(coarse, 64.0, CARD)


def test_what_lies_in_the_scene_must_have_data() -> None:
    grid = metre_grid(0, 0, (100, 100))
    valid = np.zeros((32, 32), bool)
    valid[:, 16:] = True
    assert shows_enough(valid, Window(0, -16, 32, 32), grid, 1.0)  # the rest is beyond the edge
    assert shows_enough(valid, Window(0, 0, 32, 32), grid, 0.5)
    assert not shows_enough(valid, Window(0, 0, 32, 32), grid, 0.6)
    assert not shows_enough(np.zeros((32, 32), bool), Window(0, 0, 32, 32), grid, 0.1)
