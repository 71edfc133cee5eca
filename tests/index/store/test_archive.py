from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import fsspec
import geopandas as gpd
import numpy as np
import pytest

from archives import MODEL, content, make_archive, make_batch
from geoglot.errors import InputError, OutputError, SourceError
from geoglot.index.build.remove import remove
from geoglot.index.store.archive import INDEX, Archive
from geoglot.index.store.chip_shard import CHIP_TABLE


def test_what_was_added_is_read_again(tmp_path: Path) -> None:
    batch = make_batch(5, patches=(2, 3))
    archive = Archive.create(tmp_path / "a", MODEL, patches=True).append(batch)
    again = Archive.open(tmp_path / "a")
    assert again.model == MODEL and again.rows == archive.rows == 5
    (shard,) = again.shards
    np.testing.assert_array_equal(shard.vectors, batch.vectors)
    assert shard.patches is not None and batch.patches is not None
    np.testing.assert_array_equal(shard.patches, batch.patches)
    assert shard.table().equals(batch.chips) and shard.table(("cell", "time")).column_names == ["cell", "time"]
    assert shard.sources().equals(batch.sources) and shard.live is None


def test_the_order_of_adding_and_adding_twice_change_no_byte(tmp_path: Path) -> None:
    make_archive(tmp_path / "a", (5, 3, 4))
    other = Archive.create(tmp_path / "b", MODEL)
    for count, seed in ((4, 2), (5, 0), (3, 1), (5, 0), (4, 2)):
        other.append(make_batch(count, seed))
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_what_was_removed_can_be_added_again(tmp_path: Path) -> None:
    make_archive(tmp_path / "a", (6, 4), sources=2)
    before = content(tmp_path / "a")
    for gone in (["/scenes/scene-0-1.tif"], ["/scenes/scene-0-0.tif", "/scenes/scene-1-0.tif"]):
        remove(tmp_path / "a", gone)
        for seed, count in enumerate((6, 4)):
            Archive.open(tmp_path / "a").append(make_batch(count, seed, sources=2))
        assert content(tmp_path / "a") == before


def test_two_writers_both_keep_what_they_added(tmp_path: Path) -> None:
    first = Archive.create(tmp_path / "a", MODEL)
    second = Archive.open(tmp_path / "a")
    first.append(make_batch(5, 0))
    assert second.append(make_batch(3, 1)).rows == 8


def test_the_table_of_chips_is_geoparquet(tmp_path: Path) -> None:
    (shard,) = make_archive(tmp_path / "a", (5,)).shards
    frame = gpd.read_parquet(shard.files.path(CHIP_TABLE))
    assert frame.crs == "OGC:CRS84" and len(frame) == 5
    west = float(frame.geometry.bounds.minx.median())
    assert 0 < len(gpd.read_parquet(shard.files.path(CHIP_TABLE), bbox=(west, 40, 10, 50))) < 5


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a", ())
    batch = make_batch(3)
    with pytest.raises(InputError, match=r"vectors must be \(3, 8\)"):
        archive.append(replace(batch, vectors=batch.vectors[:, :4]))
    with pytest.raises(InputError, match="finite"):
        archive.append(replace(batch, vectors=batch.vectors * np.float16(np.nan)))
    with pytest.raises(InputError, match="without patches"):
        archive.append(make_batch(3, patches=(2, 2)))
    with pytest.raises(InputError, match="'cell'"):
        archive.append(replace(batch, chips=batch.chips.drop_columns(["cell"])))
    with pytest.raises(InputError, match="parts"):
        archive.append(replace(batch, sources=batch.sources.slice(0, 0)))
    with pytest.raises(OutputError, match="not empty"):
        Archive.create(tmp_path, MODEL)
    with pytest.raises(OutputError, match="cannot be written to"):
        Archive.create("memory://a", MODEL)
    with pytest.raises(SourceError, match="not an archive"):
        Archive.open(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"model": {"name": 3}},
        {"model": None},
        {"shards": [{"name": "../../etc", "rows": 1}]},
        {"shards": [{"name": "shard-0000000000000000", "rows": -1}]},
        {"shards": [{"name": "shard-0000000000000000", "rows": 1, "removed": ["x"]}]},
        {"shards": 5},
    ],
)
def test_a_damaged_manifest_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    make_archive(tmp_path / "a")
    path = tmp_path / "a" / INDEX
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SourceError):
        Archive.open(tmp_path / "a")


def test_an_archive_elsewhere_is_read_by_copies_and_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "cache"))
    here = make_archive(tmp_path / "a")
    system = fsspec.filesystem("memory")
    system.put(str(tmp_path / "a"), "/bucket/a", recursive=True)
    there = Archive.open("memory://bucket/a")
    assert (there.rows, there.model) == (here.rows, here.model) and not list((tmp_path / "cache").rglob("*.npy"))
    for one, other in zip(here.shards, there.shards, strict=True):
        np.testing.assert_array_equal(one.vectors, other.vectors)
        assert one.table().equals(other.table()) and other.patches is None
    with pytest.raises(OutputError, match="copy it here"):
        there.append(make_batch(2))
    system.rm("/bucket", recursive=True)


def test_opening_reads_no_shard(tmp_path: Path) -> None:
    make_archive(tmp_path / "a")
    for shard in Archive.open(tmp_path / "a").shards:
        for path in shard.files.folder.iterdir():
            path.unlink()
    again = Archive.open(tmp_path / "a")
    assert again.rows == 8
    with pytest.raises(SourceError, match="restore it from a copy"):
        again.shards[0].vectors  # noqa: B018
