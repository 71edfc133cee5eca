"""Vectors of strangers, in every layout that is imported, their concepts, and how their sources were read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archives import make_archive
from foreign_vectors import (
    quantise_squared,
    unit_field,
    write_alphaearth,
    write_earth_index,
    write_tessera_pair,
    write_tessera_zarr,
)
from fuzz.changes import contents, documents, headers_of_safetensors
from fuzz.oracle import ends_well, examples
from geoglot.index.build.chip_pixels import read_chip
from geoglot.index.exchange.export_archive import export_archive
from geoglot.index.exchange.import_vectors import import_vectors
from geoglot.scene.concept_names import Owner
from geoglot.scene.concepts import Concept, load_concept

#: rasterio cannot log a warning of GDAL that quotes bytes of a file which are not UTF-8
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. 'rasterio._env.log_error'")
VECTORS = np.random.default_rng(0).normal(size=(6, 8))


def use(source: Path) -> None:
    target = source.parent / "archive"
    shutil.rmtree(target, ignore_errors=True)
    ends_well(lambda: import_vectors(target, [source], made_by="a stranger", scale_m=320.0))


def try_contents(path: Path, source: Path, count: int, strategy: st.SearchStrategy[bytes] | None = None) -> None:
    """Import `source` with changes of one of its files."""
    seed = path.read_bytes()

    @examples(count)
    @given(contents(seed) if strategy is None else strategy)
    def check(content: bytes) -> None:
        path.write_bytes(content)
        use(source)

    check()


def test_tables(place: Path) -> None:
    path = write_earth_index(place / "a.parquet", VECTORS)
    try_contents(path, path, 15)


@pytest.mark.parametrize("key", ["geo", "emb", "geoglot"])
def test_documents_in_tables(key: str, place: Path, tmp_path: Path) -> None:
    path = place / f"{key}.parquet"
    if key == "geoglot":
        export_archive(make_archive(tmp_path / "ours", (4,)), path.with_name("seed.parquet"))
    else:
        write_earth_index(path.with_name("seed.parquet"), VECTORS)
    table = pq.read_table(path.with_name("seed.parquet"))
    path.with_name("seed.parquet").unlink()
    metadata = table.schema.metadata

    @examples(15)
    @given(documents(json.loads(metadata[key.encode()])))
    def check(text: str) -> None:
        changed = metadata | {key.encode(): text.encode("utf-8", "surrogatepass")}
        pq.write_table(table.replace_schema_metadata(changed), path)
        use(path)

    check()


def test_alphaearth(place: Path) -> None:
    path = write_alphaearth(place / "a.tif", quantise_squared(unit_field(64, side=32)))
    try_contents(path, path, 10)


@pytest.mark.parametrize("ending", [".npy", "_scales.npy", ".tiff"])
def test_tessera_pairs(ending: str, place: Path) -> None:
    path = write_tessera_pair(place / "pair", unit_field(128, side=32))
    try_contents(path.with_name(f"{path.stem}{ending}"), path, 8)


@pytest.mark.parametrize(
    "name", ["zarr.json", "utm32/zarr.json", "utm32/embeddings/zarr.json", "utm32/scales/zarr.json"]
)
def test_tessera_stores(name: str, place: Path) -> None:
    folder = write_tessera_zarr(place / "store.zarr", [unit_field(128, side=32)], [2024])
    text = documents(json.loads((folder / name).read_text()))
    try_contents(folder / name, folder, 12, text.map(lambda changed: changed.encode("utf-8", "surrogatepass")))


@pytest.mark.parametrize("name", ["zarr.json", "embeddings/zarr.json", "source/zarr.json", "time/zarr.json"])
def test_stores_of_chips(name: str, place: Path, tmp_path: Path) -> None:
    folder = place / "chips.zarr"
    shutil.rmtree(folder, ignore_errors=True)
    export_archive(make_archive(tmp_path / "ours", (4,)), folder)
    text = documents(json.loads((folder / name).read_text()))
    try_contents(folder / name, folder, 12, text.map(lambda changed: changed.encode("utf-8", "surrogatepass")))


def test_concepts(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_CONCEPTS", str(place / "concepts"))
    examples_of = {"yes": np.eye(8, dtype=np.float32)[:2]}
    path = Concept("pier@mine", Owner("m", "1"), torch.ones(8), 0.3, "pier", examples_of).save()
    seed = path.read_bytes()

    @examples(30)
    @given(st.one_of(contents(seed), headers_of_safetensors(seed)))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        ends_well(lambda: load_concept("pier@mine", Owner("m", "1")))

    check()


def test_how_a_source_was_read(scene: Path) -> None:
    seed = {"bands": ["red", 2, 1], "sensor": "sentinel-2", "nodata": 0.0, "least": 0.5}

    @examples(30)
    @given(documents(seed))
    def check(text: str) -> None:
        ends_well(lambda: read_chip(str(scene), None, 32, text))

    check()
