from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely

from archives import make_archive
from geoglot.index.exchange.export_archive import export_archive
from geoglot.index.exchange.import_vectors import import_vectors
from geoglot.index.exchange.write_stac import EXTENSION
from geoglot.index.store.archive import Archive
from stac_schemas import complaints, write_schemas


@pytest.fixture
def schemas(tmp_path: Path) -> dict[str, str]:
    """The schemas of STAC and of the extension for embeddings."""
    return write_schemas(tmp_path / "schemas") | {EXTENSION: str(Path(__file__).with_name("emb_extension.json"))}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return make_archive(tmp_path / "tiles", (30, 20), sources=3)


def test_stac_validator_passes_the_collection_and_every_item(
    tmp_path: Path, archive: Archive, schemas: dict[str, str]
) -> None:
    assert export_archive(archive, tmp_path / "stac") == 6
    items = sorted((tmp_path / "stac").glob("*/*.json"))
    assert len(items) == 6
    for path in (tmp_path / "stac" / "collection.json", *items):
        assert not complaints(path, schemas), complaints(path, schemas)


def test_the_validator_does_complain(tmp_path: Path, archive: Archive, schemas: dict[str, str]) -> None:
    export_archive(archive, tmp_path / "stac")
    path = next((tmp_path / "stac").glob("*/*.json"))
    document = json.loads(path.read_text())
    document["assets"] = {"vectors": document["assets"]["embeddings"]}
    path.write_text(json.dumps(document))
    assert complaints(path, schemas)
    collection = tmp_path / "stac" / "collection.json"
    document = json.loads(collection.read_text())
    document["emb:type"] = "tile"
    collection.write_text(json.dumps(document))
    assert complaints(collection, schemas)


def test_items_hold_their_chips_and_name_their_source(tmp_path: Path, archive: Archive) -> None:
    export_archive(archive, tmp_path / "stac")
    collection = json.loads((tmp_path / "stac" / "collection.json").read_text())
    linked = [link["href"] for link in collection["links"] if link["rel"] == "item"]
    for href in linked:
        path = tmp_path / "stac" / href
        item = json.loads(path.read_text())
        (source,) = (link["href"] for link in item["links"] if link["rel"] == "emb:source-data")
        chips = import_vectors(tmp_path / item["id"], [path.parent / item["assets"]["embeddings"]["href"]])
        table = chips.shards[0].table()
        assert {f"file://{name}" for name in table["source"].to_pylist()} == {source}
        outline = shapely.geometry.shape(item["geometry"]).buffer(1e-6)
        assert outline.contains(shapely.union_all(shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))))
        assert item["properties"]["datetime"] == min(table["time"].to_pylist()).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert collection["emb:dimensions"] == 8 and collection["data_type"] == "float32"
    assert collection["emb:chip_layout"]["grid_id"] == "geoglot-world-224m" and collection["gsd"] == 1.0
