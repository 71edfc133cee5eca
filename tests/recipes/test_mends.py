from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from continued import compare as compare_continued
from continued import half
from mends import BURST, Defects, collect
from mends import compare as compare_mends
from prove import SIDE, SMOKE, Size
from world import BLOCK, World

from geoglot.pairs.schema import Batch
from stubs import PooledColours

SIZE = Size(side_m=3 * BLOCK, tiles=24, photos=4)


@pytest.fixture(scope="module")
def country() -> World:
    return World(3, SIZE.side_m)


def made(country: World, defects: Defects) -> Batch:
    batch, vectors = collect(country, PooledColours(), SIZE, defects, np.random.default_rng(0))
    assert len(vectors) == len(batch.links.tile) and (np.diff(batch.links.tile) >= 0).all()
    for place in (batch.links.row, batch.links.col):
        assert ((place >= 0) & (place < SIDE)).all()
    return batch


def test_a_clean_country_has_users_with_one_photo_and_no_shared_photos(country: World) -> None:
    links = made(country, Defects()).links
    assert len(set(links.user)) == len(links.user) == len(set(links.photo))
    assert np.bincount(links.tile).max() <= SIZE.photos


def test_bursts_come_first_from_one_user_at_one_spot(country: World) -> None:
    links = made(country, Defects(bursts=True)).links
    bursts = {user for user in links.user if "burst" in user}
    assert 4 < len(bursts) < 20
    for user in bursts:
        own = [index for index, name in enumerate(links.user) if name == user]
        assert len(own) == BURST and len({(links.row[index], links.col[index]) for index in own}) == 1
        assert own[0] == np.searchsorted(links.tile, links.tile[own[0]])


def test_neighbours_share_ground_and_photos_within_their_block(country: World) -> None:
    batch = made(country, Defects(neighbours=True))
    corners = np.array([[grid.transform.f, grid.transform.c] for grid in batch.grids])
    apart = abs(corners[1::2] - corners[::2]).max(1)
    assert (apart <= SIDE // 2).all()
    first = country.grid.transform
    blocks = np.stack([(first.f - corners[:, 0]) // BLOCK, (corners[:, 1] - first.c) // BLOCK], 1)
    assert (blocks[1::2] == blocks[::2]).all()
    assert len(set(batch.links.photo)) < len(batch.links.photo)


def test_halves_share_no_tile_and_keep_every_photo_with_its_tile(country: World) -> None:
    batch = made(country, Defects())
    vectors = np.arange(len(batch.links.tile))[:, None]
    west, east = (half(batch, vectors, side)[0] for side in (True, False))
    assert len(west.grids) + len(east.grids) == len(batch.grids)
    assert max(grid.transform.c for grid in west.grids) < min(grid.transform.c for grid in east.grids)
    assert sorted([*west.links.photo, *east.links.photo]) == sorted(batch.links.photo)


@pytest.mark.slow
@pytest.mark.parametrize("compare", [compare_mends, compare_continued])
def test_the_tables_are_made(compare: object, tmp_path: Path) -> None:
    rows = compare(0, SMOKE, tmp_path)  # type: ignore[operator]
    assert len(rows) >= 5 and all(0 <= row["segmentation"] <= 1 for row in rows.values())
