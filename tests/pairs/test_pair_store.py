from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from geoglot.errors import InputError, OutputError, SourceError
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import INDEX, PHOTO_TABLE, TILE_TABLE, TILES
from geoglot.pairs.summary import describe
from geoglot.pairs.validate import validate
from pairsets import make_batch, make_pairs


def test_what_is_appended_comes_back(tmp_path: Path) -> None:
    make_pairs(tmp_path / "pairs", (5, 3))
    pairs = PairSet.open(tmp_path / "pairs")
    assert (pairs.tiles, pairs.bands, pairs.side, pairs.resolution) == (8, ("red", "green", "blue"), 96, 1.0)
    for shard, seed in zip(pairs.shards, (0, 1), strict=True):
        batch = make_batch(shard.tiles, seed=seed)
        np.testing.assert_array_equal(shard.pixels, batch.pixels)
        np.testing.assert_array_equal(shard.links.tile, batch.links.tile)
        np.testing.assert_array_equal(shard.links.row, batch.links.row)
        assert shard.links.photo == list(batch.links.photo) and shard.links.user == list(batch.links.user)
        assert shard.grids == list(batch.grids)
        assert batch.images is not None
        assert shard.images() == dict(zip(batch.links.photo, batch.images, strict=True))
    validate(pairs)


def test_a_shard_that_no_index_names_is_replaced(tmp_path: Path) -> None:
    """Killed between the shard and the index, the same append does it again."""
    pairs = make_pairs(tmp_path / "pairs", (5,))
    index = (tmp_path / "pairs" / INDEX).read_bytes()
    pairs.append(make_batch(2, seed=1))
    (tmp_path / "pairs" / INDEX).write_bytes(index)
    (tmp_path / "pairs/.shard-00002").mkdir()  # another one, killed in the middle of a shard
    again = pairs.append(make_batch(4, seed=2))
    assert (
        [shard.tiles for shard in PairSet.open(tmp_path / "pairs").shards] == [5, 4] == [s.tiles for s in again.shards]
    )


def test_a_set_is_not_made_over_another(tmp_path: Path) -> None:
    make_pairs(tmp_path / "pairs", (2,))
    with pytest.raises(OutputError, match="exists"):
        PairSet.create(tmp_path / "pairs", ("red", "green", "blue"), 96, 1.0)


def test_photos_outside_their_tile_and_out_of_order_are_refused(tmp_path: Path) -> None:
    pairs = make_pairs(tmp_path / "pairs", (2,))
    good = make_batch(3)
    for row in (-0.1, 96.0, float("nan")):
        rows = good.links.row.copy()
        rows[1] = row
        with pytest.raises(InputError, match="outside its tile"):
            pairs.append(replace(good, links=replace(good.links, row=rows)))
    with pytest.raises(InputError, match="order"):
        pairs.append(replace(good, links=replace(good.links, tile=good.links.tile[::-1].copy())))
    with pytest.raises(InputError, match="has no photo"):
        pairs.append(replace(good, links=replace(good.links, tile=np.zeros_like(good.links.tile))))
    with pytest.raises(InputError, match="to fit the pair set"):
        pairs.append(make_batch(3, side=64))
    assert len(PairSet.open(tmp_path / "pairs").shards) == 1


def test_what_is_damaged_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    with pytest.raises(SourceError, match="not a pair set"):
        PairSet.open(folder)
    pairs = make_pairs(folder, (2, 3))
    (folder / "shard-00001" / TILES).rename(tmp_path / "kept")
    with pytest.raises(SourceError, match="shard-00001"):
        PairSet.open(folder)
    (tmp_path / "kept").rename(folder / "shard-00001" / TILES)
    (folder / "shard-00000" / PHOTO_TABLE).write_text("not a table")
    with pytest.raises(SourceError, match="cannot be read"):
        validate(PairSet.open(folder))
    index = json.loads((folder / INDEX).read_text())
    (folder / INDEX).write_text(json.dumps(index | {"format": 99}))
    with pytest.raises(SourceError, match="update geoglot"):
        PairSet.open(folder)
    with pytest.raises(InputError, match="holds no tiles"):
        validate(replace(pairs, shards=()))


def test_tables_that_lack_a_column_or_a_row_are_named(tmp_path: Path) -> None:
    make_pairs(tmp_path / "pairs", (2, 3))
    photos, tiles = (tmp_path / "pairs" / "shard-00001" / name for name in (PHOTO_TABLE, TILE_TABLE))
    whole = pq.read_table(photos)
    pq.write_table(whole.drop(["user"]), photos)
    with pytest.raises(SourceError, match="no column 'user'"):
        validate(PairSet.open(tmp_path / "pairs"))
    pq.write_table(whole, photos)
    pq.write_table(pq.read_table(tiles).slice(1), tiles)
    with pytest.raises(SourceError, match=r"tiles\.parquet holds 2 rows, and the index says 3"):
        validate(PairSet.open(tmp_path / "pairs"))


def column(name: str, values: list[object]) -> Callable[[pa.Table], pa.Table]:
    """What puts other values into a table."""
    return lambda table: table.set_column(table.column_names.index(name), name, pa.array(values * table.num_rows))


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        (TILE_TABLE, column("crs", ["EPSG:999999"]), "holds an unknown CRS"),
        (TILE_TABLE, column("crs", [None]), "holds an unknown CRS"),
        (TILE_TABLE, column("a", [0.0]), "transform of tile tile-1-0 .* has no inverse"),
        (TILE_TABLE, column("f", [float("nan")]), "transform of tile tile-1-0 .* has no inverse"),
        (TILE_TABLE, column("b", ["east"]), "'b' .* does not hold numbers"),
        (PHOTO_TABLE, column("row", ["north"]), "'row' .* does not hold numbers"),
        (PHOTO_TABLE, column("tile", [0.4]), "'tile' .* does not hold whole numbers"),
    ],
)
def test_values_that_are_none_are_named(
    tmp_path: Path, file: str, change: Callable[[pa.Table], pa.Table], words: str
) -> None:
    make_pairs(tmp_path / "pairs", (2, 3))
    path = tmp_path / "pairs" / "shard-00001" / file
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(SourceError, match=words):
        validate(PairSet.open(tmp_path / "pairs"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"resolution": 0}, "pixels and metres above 0, got 96 and 0"),
        ({"resolution": "1"}, "pixels and metres"),
        ({"side": -96}, "pixels and metres"),
        ({"bands": "rgb"}, "a list of names, got 'rgb'"),
    ],
)
def test_an_index_that_cannot_be_meant_is_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    make_pairs(tmp_path / "pairs", (2,))
    path = tmp_path / "pairs" / INDEX
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SourceError, match=words):
        PairSet.open(tmp_path / "pairs")


def test_tiles_that_are_not_as_the_index_says_are_told(tmp_path: Path) -> None:
    make_pairs(tmp_path / "pairs", (2,))
    path = tmp_path / "pairs" / INDEX
    path.write_text(json.dumps(json.loads(path.read_text()) | {"side": 95}))
    with pytest.raises(SourceError, match=r"are uint8 \(3, 96, 96\), and the index says uint8 \(3, 95, 95\)"):
        validate(PairSet.open(tmp_path / "pairs"))


def test_vectors_that_are_no_directions_are_named(tmp_path: Path) -> None:
    pairs = make_pairs(tmp_path / "pairs", (3,))
    shard = pairs.shards[0]
    vectors = np.zeros((shard.photos, 4), np.float16)
    vectors[:, 0] = 1
    shard.add_vectors("a" * 64, vectors)
    validate(pairs, "a" * 64)
    vectors[2, 1] = np.nan
    shard.add_vectors("b" * 64, vectors)
    with pytest.raises(SourceError, match="photo-0-2"):
        validate(pairs, "b" * 64)
    with pytest.raises(SourceError, match="cannot be read"):
        validate(pairs, "c" * 64)


def test_two_writers_of_a_set_keep_what_each_adds(tmp_path: Path) -> None:
    """Both opened it before either added: neither knows of the other's shard."""
    make_pairs(tmp_path / "pairs", (2,))
    one, other = PairSet.open(tmp_path / "pairs"), PairSet.open(tmp_path / "pairs")
    one.append(make_batch(3, seed=7))
    longer = other.append(make_batch(4, seed=8))
    assert [shard.tiles for shard in longer.shards] == [2, 3, 4]
    found = PairSet.open(tmp_path / "pairs")
    validate(found)
    assert [shard.tiles for shard in found.shards] == [2, 3, 4]
    ids = [tile for shard in found.shards for tile in shard.tile_table()["id"].to_pylist()]
    assert len(set(ids)) == 9 and ids[2].startswith("tile-7") and ids[5].startswith("tile-8")


def test_writers_at_the_same_time_wait_for_each_other(tmp_path: Path) -> None:
    make_pairs(tmp_path / "pairs", ())
    batches = [make_batch(1 + number, seed=number) for number in range(6)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda batch: PairSet.open(tmp_path / "pairs").append(batch), batches))
    found = PairSet.open(tmp_path / "pairs")
    validate(found)
    assert sorted(shard.tiles for shard in found.shards) == [1, 2, 3, 4, 5, 6]


def test_a_set_that_was_made_anew_is_not_added_to(tmp_path: Path) -> None:
    pairs = make_pairs(tmp_path / "pairs", (2,))
    shutil.rmtree(tmp_path / "pairs")
    make_pairs(tmp_path / "pairs", (2,), side=64)
    with pytest.raises(OutputError, match="was recreated"):
        pairs.append(make_batch(3))


@pytest.mark.parametrize("name", ["/etc", "../other", "a/b", "..", "", "a\0b", "a" * 5000, 7])
def test_shards_lie_in_the_set(tmp_path: Path, name: object) -> None:
    make_pairs(tmp_path / "pairs", (5,))
    index = json.loads((tmp_path / "pairs" / INDEX).read_bytes())
    index["shards"][0]["name"] = name
    (tmp_path / "pairs" / INDEX).write_text(json.dumps(index))
    with pytest.raises(SourceError, match="the name of a shard must be"):
        PairSet.open(tmp_path / "pairs")


@pytest.mark.parametrize(
    "facts", ['"side": 1e999', '"resolution": NaN', '"shards": [{"name": "a", "tiles": -1, "photos": 1}]']
)
def test_an_index_of_absurd_figures_is_refused(tmp_path: Path, facts: str) -> None:
    make_pairs(tmp_path / "pairs", (5,))
    index = json.loads((tmp_path / "pairs" / INDEX).read_bytes())
    rest = json.dumps({name: value for name, value in index.items() if f'"{name}"' not in facts})
    (tmp_path / "pairs" / INDEX).write_text(f"{{{facts}, {rest[1:]}")
    with pytest.raises(SourceError, match="cannot be read"):
        PairSet.open(tmp_path / "pairs")


@pytest.mark.parametrize(
    "header", [b"(" * 9000, b"{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 3), }", b"x", b"7"]
)
def test_a_header_of_an_array_is_not_trusted(tmp_path: Path, header: bytes) -> None:
    pairs = make_pairs(tmp_path / "pairs", (5,))
    length = 2**31 if header == b"x" else len(header)
    start = b"\x93NUMPY\x02\0" + length.to_bytes(4, "little")
    (pairs.shards[0].folder / TILES).write_bytes(start + header)
    with pytest.raises(SourceError, match=r"tiles\.npy cannot be read"):
        validate(PairSet.open(tmp_path / "pairs"))


def test_an_index_is_a_file(tmp_path: Path) -> None:
    make_pairs(tmp_path / "pairs", (5,))
    (tmp_path / "pairs" / INDEX).write_text("[" * 100_000)
    with pytest.raises(SourceError, match="nested too deep"):
        PairSet.open(tmp_path / "pairs")
    (tmp_path / "pairs" / INDEX).unlink()
    os.mkfifo(tmp_path / "pairs" / INDEX)
    with pytest.raises(SourceError, match="is not a pair set"):
        PairSet.open(tmp_path / "pairs")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("photo", [["a"]]),
        ("user", [{"a": 1}]),
        ("licence", [["a"]]),
        ("photo", pa.array([b"\xff"]).view("string")),
    ],
)
def test_texts_of_photos_are_texts(tmp_path: Path, name: str, values: Any) -> None:
    pairs = make_pairs(tmp_path / "pairs", (5,))
    path = pairs.shards[0].folder / PHOTO_TABLE
    table = pq.read_table(path)
    column = pa.concat_arrays([pa.array(values)] * table.num_rows)
    others = table.drop_columns([name]) if name in table.column_names else table
    pq.write_table(others.append_column(name, column), path)
    with pytest.raises(SourceError, match=rf"the column '{name}' of .*photos\.parquet"):
        describe(PairSet.open(tmp_path / "pairs"))
