"""Pair sets of strangers: the index, mapped arrays and tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given

from fuzz.changes import contents, documents
from fuzz.conftest import Copy
from fuzz.oracle import ends_well, examples
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.summary import describe
from geoglot.pairs.validate import check_disjoint, validate
from geoglot.pairs.webdataset import export
from pairsets import make_pairs


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs") / "set"
    make_pairs(folder, shards=(2, 1), side=16)
    return folder


def use(folder: Path) -> None:
    pairs = PairSet.open(folder)
    list(describe(pairs).lines())
    validate(pairs)
    check_disjoint([pairs, pairs][:1])
    export(pairs, folder.parent / "archives", tiles=2)


def check_use(folder: Path) -> None:
    shutil.rmtree(folder.parent / "archives", ignore_errors=True)
    ends_well(lambda: use(folder))


def test_the_index(pairs: Path, changed_copy: Copy) -> None:
    @examples(30)
    @given(documents(json.loads((pairs / "pairs.json").read_text())))
    def check(index: str) -> None:
        check_use(changed_copy(pairs, **{"pairs.json": index}))

    check()


@pytest.mark.parametrize("file", ["tiles.npy", "tiles.parquet", "photos.parquet", "images.parquet"])
def test_the_files_of_a_shard(file: str, pairs: Path, changed_copy: Copy) -> None:
    name = f"shard-00000/{file}"

    @examples(10)
    @given(contents((pairs / name).read_bytes()))
    def check(content: bytes) -> None:
        check_use(changed_copy(pairs, **{name: content}))

    check()
