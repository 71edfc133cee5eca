from __future__ import annotations

import errno
import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archives import MODEL, make_archive, make_batch
from geoglot.errors import InputError, OutputError, SourceError
from geoglot.index.build.remove import remove
from geoglot.index.exchange import export_archive as export_module
from geoglot.index.exchange.export_archive import export_archive
from geoglot.index.exchange.facts import export_blocks
from geoglot.index.exchange.import_vectors import import_vectors
from geoglot.index.store.archive import Archive
from geoglot.index.store.live import live_blocks


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two shards, one of which has lost a source, and a picture without coordinates."""
    archive = make_archive(tmp_path / "tiles", (30, 20), sources=3)
    remove(tmp_path / "tiles", ["/scenes/scene-0-1.tif"])
    picture = make_batch(1, 9)
    chips = picture.chips
    for name in ("cell", "geometry", "bbox", "time", "crs", "resolution_m", "scale_m", "window_row"):
        at = chips.column_names.index(name)
        chips = chips.set_column(at, chips.schema.field(name), pa.nulls(1, chips.schema.field(name).type))
    archive = Archive.open(tmp_path / "tiles")
    assert archive.rows == 40
    return archive.append(type(picture)(picture.vectors, chips, picture.sources))


def content(archive: Archive) -> list[tuple[Any, ...]]:
    """All that an archive holds of its chips, in one order."""
    found = []
    for vectors, table in export_blocks(archive):
        rows = zip(table.to_pylist(), vectors, strict=True)
        found += [(json.dumps(row, default=repr, sort_keys=True), vector.tobytes()) for row, vector in rows]
    return sorted(found)


@pytest.mark.parametrize("name", ["chips.parquet", "chips.zarr", "chips"])
def test_what_is_exported_and_imported_again_is_identical(tmp_path: Path, archive: Archive, name: str) -> None:
    export_archive(archive, tmp_path / name)
    again = import_vectors(tmp_path / "again", [tmp_path / name])
    assert again.model == archive.model
    assert content(again) == content(archive)
    twice = import_vectors(tmp_path / "again", [tmp_path / name])
    assert twice.rows == archive.rows == 41


@pytest.mark.parametrize("name", ["chips.parquet", "chips.zarr", "chips"])
def test_how_a_source_was_read_comes_back(tmp_path: Path, name: str) -> None:
    """Else its chips would be looked into by other bands than those that were encoded."""
    batch, reading = make_batch(6, sources=2), ['{"bands": [3, 2, 1], "least": 0.5}', '{"nodata": 0}']
    at = batch.sources.column_names.index("reading")
    sources = batch.sources.set_column(at, "reading", pa.array(reading))
    archive = Archive.create(tmp_path / "a", MODEL).append(type(batch)(batch.vectors, batch.chips, sources))
    export_archive(archive, tmp_path / name)
    again = import_vectors(tmp_path / "again", [tmp_path / name])
    rows = [row for shard in again.shards for row in shard.sources().to_pylist()]
    assert {row["source"]: row["reading"] for row in rows} == dict(
        zip(sources["source"].to_pylist(), reading, strict=True)
    )


def test_an_export_from_before_it_said_how_sources_were_read_is_read(tmp_path: Path, archive: Archive) -> None:
    export_archive(archive, tmp_path / "chips.parquet")
    table = pq.read_table(tmp_path / "chips.parquet")
    pq.write_table(table.drop_columns(["reading"]), tmp_path / "old.parquet")
    export_archive(archive, tmp_path / "old.zarr")
    shutil.rmtree(tmp_path / "old.zarr" / "reading")
    for name in ("old.parquet", "old.zarr"):
        assert content(import_vectors(tmp_path / f"from {name}", [tmp_path / name])) == content(archive)


def test_geoparquet_is_as_the_best_practices_ask(tmp_path: Path, archive: Archive) -> None:
    assert export_archive(archive, tmp_path / "chips.parquet") == 41
    with pq.ParquetFile(tmp_path / "chips.parquet") as opened:
        schema, metadata = opened.schema_arrow, opened.metadata
        assert metadata.row_group(0).column(0).compression == "ZSTD"
        table = opened.read()
    emb, geo = (json.loads(schema.metadata[key]) for key in (b"emb", b"geo"))
    assert (emb["version"], emb["embedding_dim"], emb["embedding_quantization"]) == ("0.0.1", 8, "None")
    assert emb["model"]["id"] == "model" and emb["model"]["source"].startswith("urn:geoglot:model:model:0000")
    required = {"version", "model", "providers", "datetime", "start_datetime", "end_datetime", "datasets",
                "embedding_dim", "embedding_quantization"}  # fmt: skip
    assert required <= set(emb)
    assert geo["version"] == "1.1.0" and geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert schema.field("embedding").type.value_type == pa.float32()
    boxes = [box for box in table["bbox"].to_pylist()[:20] if box]  # chips of one shard
    steps = [abs(one["xmin"] - two["xmin"]) + abs(one["ymin"] - two["ymin"]) for one, two in pairwise(boxes)]
    assert np.mean(steps) < 1.5  # along the curve; in the order of adding it is 3


def test_zarr_says_what_the_convention_asks(tmp_path: Path, archive: Archive) -> None:
    export_archive(archive, tmp_path / "chips.zarr")
    document = json.loads((tmp_path / "chips.zarr" / "zarr.json").read_text())
    facts = document["attributes"]
    assert (document["zarr_format"], document["node_type"]) == (3, "group")
    (convention,) = facts["zarr_conventions"]
    assert convention["uuid"] == "61c12cc5-0e28-4056-999a-480cf3fb7e4c" and convention["name"] == "geoemb:"
    assert (facts["geoemb:type"], facts["geoemb:dimensions"], facts["geoemb:data_type"]) == ("chip", 8, "float16")
    assert facts["geoemb:model"].startswith("urn:") and facts["geoemb:source_data"] == ["file:///scenes"]
    layout = facts["geoemb:chip_layout"]
    assert layout["layout_type"] == "irregular" and layout["chip_size"] == [224, 224]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda store: (store / "embeddings/c/0/0").unlink(), "0 of 1 chunks of vectors"),
        (lambda store: lengthen(store / "time"), "must have 41 chips"),
        (
            lambda store: [lengthen(store / file.parent.name) for file in store.glob("*/zarr.json")],
            "1 of 2,199,023,255",
        ),
    ],
)
def test_a_store_that_lacks_chips_is_refused(tmp_path: Path, archive: Archive, change: Any, message: str) -> None:
    export_archive(archive, tmp_path / "chips.zarr")
    change(tmp_path / "chips.zarr")
    with pytest.raises(SourceError, match=message):
        import_vectors(tmp_path / "again", [tmp_path / "chips.zarr"])


def lengthen(array: Path) -> None:
    """Say that an array has so many rows that reading them would not end."""
    document = json.loads((array / "zarr.json").read_text())
    document["shape"][0] = 2**53
    (array / "zarr.json").write_text(json.dumps(document))


def test_a_foreign_store_of_chips_is_refused(tmp_path: Path, archive: Archive) -> None:
    export_archive(archive, tmp_path / "chips.zarr")
    path = tmp_path / "chips.zarr" / "zarr.json"
    document = json.loads(path.read_text())
    del document["attributes"]["geoglot"]
    path.write_text(json.dumps(document))
    with pytest.raises(SourceError, match="in a layout that geoglot does not know"):
        import_vectors(tmp_path / "x", [tmp_path / "chips.zarr"])


def test_sql_loads_into_pgvector_by_copy(tmp_path: Path, archive: Archive) -> None:
    assert export_archive(archive, tmp_path / "chips.sql") == 41
    lines = (tmp_path / "chips.sql").read_text().splitlines()
    assert lines[:2] == ["BEGIN;", "CREATE EXTENSION IF NOT EXISTS vector;"] and lines[-1] == "COMMIT;"
    start = next(index for index, line in enumerate(lines) if line.startswith("COPY chips (embedding, "))
    names = lines[start].partition("(")[2].partition(")")[0].split(", ")
    rows = [dict(zip(names, line.split("\t"), strict=True)) for line in lines[start + 1 : lines.index("\\.")]]
    stored = {row["source"] + row["window_row"]: np.array(json.loads(row["embedding"])) for row in rows}
    for vectors, table in live_blocks(archive, ("source", "window_row", "cell")):
        for vector, row in zip(vectors, table.to_pylist(), strict=True):
            key = row["source"] + ("\\N" if row["window_row"] is None else str(row["window_row"]))
            assert np.array_equal(stored[key].astype(np.float16), vector)
    assert sum(row["cell"] == "\\N" for row in rows) == 1
    assert {row["time"].count("+00:00") for row in rows if row["time"] != "\\N"} == {1}


def test_lancedb_holds_the_same_chips(tmp_path: Path, archive: Archive) -> None:
    lancedb = pytest.importorskip("lancedb")
    export_archive(archive, tmp_path / "chips.lance")
    table = lancedb.connect(str(tmp_path / "chips.lance")).open_table("chips").to_arrow()
    assert table.num_rows == 41
    wanted = sorted(vector.tobytes() for vectors, _ in live_blocks(archive, ("part",)) for vector in vectors)
    assert sorted(np.array(row, np.float16).tobytes() for row in table["vector"].to_pylist()) == wanted


@pytest.mark.parametrize("name", ["stac", "chips.zarr"])
def test_an_export_that_fails_leaves_nothing(
    tmp_path: Path, archive: Archive, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(archive: Archive, path: Path) -> int:
        path.mkdir()
        (path / "half").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(export_module._WRITERS, export_module._BY_ENDING.get(Path(name).suffix, "stac"), full)
    with pytest.raises(OutputError, match=f"disk is full while writing .*{name}"):
        export_archive(archive, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_nothing_is_replaced_and_the_form_must_be_known(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / "chips.parquet").write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        export_archive(archive, tmp_path / "chips.parquet")
    with pytest.raises(InputError, match="must be one of geoparquet, stac"):
        export_archive(archive, tmp_path / "chips.xyz")
    with pytest.raises(OutputError, match="does not exist; create it"):
        export_archive(archive, tmp_path / "gone" / "chips.parquet")
    assert (tmp_path / "chips.parquet").read_text() == "mine"
