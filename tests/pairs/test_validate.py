from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest
from affine import Affine

from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.pairs.collect.collect_recipe import SplitRecipe, TilesRecipe
from geoglot.pairs.collect.split import BORDER, assign_sets
from geoglot.pairs.collect.tiles import UtmTiles
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.validate import check_disjoint
from pairsets import make_batch


def at(folder: Path, east: float, seed: int, epsg: int = 32631, names: str = "") -> PairSet:
    """One tile of 96 m whose west edge is at an easting."""
    batch = make_batch(1, seed=seed, most=1)
    grid = Grid(pyproj.CRS(epsg), Affine(1, 0, east, 0, -1, 5_700_000), (96, 96))
    links = replace(batch.links, photo=[names] * len(batch.links.photo)) if names else batch.links
    return PairSet.create(folder, ("red", "green", "blue"), 96, 1.0).append(replace(batch, grids=[grid], links=links))


def test_ground_that_is_shared_is_found(tmp_path: Path) -> None:
    sets = [at(tmp_path / str(number), 500_000 + east, number) for number, east in enumerate((0, 96, 500, 95))]
    check_disjoint(sets[:3])  # two of them touch
    with pytest.raises(InputError, match="share ground"):
        check_disjoint(sets)


def test_ground_is_shared_across_zones(tmp_path: Path) -> None:
    border = UtmTiles(np.array([5.9999]), np.array([51.4]), 96, 1.0)
    lon, lat = (float(axis[0]) for axis in (border.lon, border.lat))
    x, y = pyproj.Transformer.from_crs("OGC:CRS84", 32632, always_xy=True).transform(lon, lat)
    east, north = pyproj.Transformer.from_crs("OGC:CRS84", 32631, always_xy=True).transform(lon, lat)
    sets = []
    for number, (epsg, left, top) in enumerate(((32632, x, y), (32631, east, north))):
        batch = make_batch(1, seed=number, most=1)
        grid = Grid(pyproj.CRS(epsg), Affine(1, 0, left - 48, 0, -1, top + 48), (96, 96))
        empty = PairSet.create(tmp_path / str(number), ("red", "green", "blue"), 96, 1.0)
        sets.append(empty.append(replace(batch, grids=[grid])))
    with pytest.raises(InputError, match="share ground"):
        check_disjoint(sets)


def test_photos_that_are_shared_are_found(tmp_path: Path) -> None:
    sets = [at(tmp_path / str(number), 500_000 + 900 * number, number, names="same") for number in (0, 1)]
    with pytest.raises(InputError, match="share 1 photos, such as 'same'"):
        check_disjoint(sets)


@pytest.mark.parametrize("place", [(5.0, 52.0), (6.0, 60.0), (180.0, 65.0), (12.0, 79.0)])
def test_no_ground_is_in_two_sets(place: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    lon = (place[0] + rng.uniform(-0.2, 0.2, 1500) + 180) % 360 - 180
    lat = place[1] + rng.uniform(-0.1, 0.1, 1500)
    tiling, asked = TilesRecipe(side=224), SplitRecipe(block_km=1.5, validation=0.2, test=0.2, gap_m=50.0)
    lattice = UtmTiles(lon, lat, 224, 1.0)
    left, top = lattice.corners
    drawn = assign_sets(pd.DataFrame({"epsg": lattice.epsg, "left": left, "top": top}), asked, tiling)
    assert set(drawn) == {"train", "validation", "test", BORDER}
    assert (drawn == BORDER).mean() < 0.6
    geod = pyproj.Geod(ellps="WGS84")
    for one, other in (("train", "test"), ("train", "validation"), ("validation", "test")):
        a, b = np.flatnonzero(drawn == one), np.flatnonzero(drawn == other)
        first, second = (axis.ravel() for axis in np.meshgrid(a, b))
        apart = np.asarray(geod.inv(lon[first], lat[first], lon[second], lat[second])[2])
        # Squares of 224 m share nothing if their centres are farther than the side along an axis, so than it at least.
        assert apart.min() > 224 + 50


def test_blocks_are_drawn_as_asked() -> None:
    from geoglot.pairs.collect.split import _draw

    drawn = [_draw(cell, SplitRecipe(validation=0.1, test=0.2)) for cell in range(20_000)]
    assert abs(drawn.count("test") / 20_000 - 0.2) < 0.01 and abs(drawn.count("validation") / 20_000 - 0.1) < 0.01
