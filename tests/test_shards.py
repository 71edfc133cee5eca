from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from geoglot.errors import InputError, OutputError, SourceError
from geoglot.pairs.embed_photos import embed
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import TILES
from geoglot.pairs.validate import validate
from pairsets import make_batch, make_pairs
from stubs import PooledColours

URL = "memory://bucket/pairs"


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A pair set of two shards in memory, and an empty cache."""
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "cache"))
    make_pairs(tmp_path / "local", (3, 2))
    system = fsspec.filesystem("memory")
    system.put(str(tmp_path / "local"), "/bucket/pairs", recursive=True)
    yield system
    system.rm("/bucket", recursive=True)


def copies(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()}


def test_a_set_elsewhere_is_the_set_here(bucket: Any, tmp_path: Path) -> None:
    here, there = PairSet.open(tmp_path / "local"), PairSet.open(URL)
    assert (there.tiles, there.photos, there.bands) == (here.tiles, here.photos, here.bands)
    assert not copies(tmp_path)  # nothing is copied before it is needed
    validate(there)
    for one, other in zip(here.shards, there.shards, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert one.grids == other.grids and one.images() == other.images()


def test_vectors_stay_in_the_cache_and_are_found_again(bucket: Any) -> None:
    ground = PooledColours()
    embed(PairSet.open(URL), ground)
    again = PairSet.open(URL)
    assert all(shard.has_vectors(ground.card.sha256) for shard in again.shards)
    assert not any("vectors" in name for name in bucket.find("/bucket/pairs"))


def test_what_was_copied_is_not_copied_again_until_it_changes(bucket: Any, tmp_path: Path) -> None:
    first = PairSet.open(URL).shards[0]
    seen = first.pixels[0].copy()
    again = PairSet.open(URL).shards[0]
    assert again.folder == first.folder and (again.folder / TILES).exists()
    make_pairs(tmp_path / "other", (3, 2), seed=7)
    bucket.put(f"{tmp_path}/other/", "/bucket/pairs/", recursive=True)
    changed = PairSet.open(URL).shards[0]
    assert changed.folder != first.folder and not (changed.pixels[0] == seen).all()


def test_a_shard_that_lacks_a_file_is_named(bucket: Any) -> None:
    bucket.rm(f"/bucket/pairs/shard-00001/{TILES}")
    with pytest.raises(SourceError, match=r"shard-00001/tiles\.npy is missing"):
        PairSet.open(URL)


def test_what_is_wrong_is_said(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing://x"):
        PairSet.open("nothing://x")
    with pytest.raises(SourceError, match="not a pair set"):
        PairSet.open("memory://bucket/other")
    with pytest.raises(OutputError, match="copy it here"):
        PairSet.open(URL).append(make_batch(1))


def test_a_copy_that_breaks_off_leaves_nothing(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shard = PairSet.open(URL).shards[0]

    def broken(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ECONNRESET, "connection lost")

    with monkeypatch.context() as patch:
        patch.setattr(type(bucket), "open", broken)
        with pytest.raises(SourceError, match="connection lost"):
            shard.pixels  # noqa: B018
    assert not copies(tmp_path)
    assert len(shard.pixels) == 3
