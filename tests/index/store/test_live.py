"""The chips of an archive that count, and rows that are counted through all its shards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archives import make_archive
from geoglot.index.build.remove import remove
from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_shard import Shard
from geoglot.index.store.live import gather, live_blocks, rows_that_count


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Three shards, from two of which a source was removed."""
    make_archive(tmp_path, (5, 8, 3), sources=2)
    assert remove(tmp_path, ["/scenes/scene-0-1.tif", "/scenes/scene-1-0.tif"]) == 6
    return Archive.open(tmp_path)


def test_rows_that_count_are_those_of_the_blocks(archive: Archive) -> None:
    rows, every = rows_that_count(archive), np.concatenate([shard.vectors for shard in archive.shards])
    assert len(rows) == archive.rows < len(every) == archive.starts[-1]
    np.testing.assert_array_equal(every[rows], np.concatenate([vectors for vectors, _ in live_blocks(archive, ())]))
    assert rows_that_count(replace(archive, shards=())).tolist() == []


def test_rows_of_any_order_are_gathered_with_one_look_at_each_shard(archive: Archive) -> None:
    looked = list[str]()

    def read(shard: Shard, rows: list[int]) -> list[dict[str, Any]]:
        looked.append(shard.name)
        return [{"shard": shard.name, "row": row} for row in rows]

    wanted = np.random.default_rng(0).permutation(archive.starts[-1])
    found = gather(archive, wanted, read)
    every = [(shard.name, row) for shard in archive.shards for row in range(shard.rows)]
    assert [(fact["shard"], fact["row"]) for fact in found] == [every[row] for row in wanted]
    assert looked == [shard.name for shard in archive.shards]
    assert gather(archive, wanted[:0], read) == [] and len(looked) == 3
    shards, places = archive.locate(wanted)
    assert list(zip([archive.shards[shard].name for shard in shards], places, strict=True)) == [
        every[row] for row in wanted
    ]
