"""The stream yields rows as they are ready, is cancelled without a trace, and resumes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from geoglot.outputs.journal import Journal
from geoglot.scene.stream import Row, see
from geoglot.sources.raster import open_raster
from stubs import ColourScorer
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof")


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "geoglot-reader"]


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif", paint(class_field((200, 160), 3), NAMES))


def test_rows_come_as_they_are_ready_and_cover_the_scene(scene: Path) -> None:
    dense = ColourScorer(NAMES)
    with open_raster(scene) as raster:
        plan = dense.windows(raster.grid.shape, 64, 16)
        stream = see(raster, dense, plan, batch=2)
        first = next(stream)
        assert len(plan.col_spans) <= dense.tiles < len(plan) and first.first == 0
        rows = [first, *stream]
    assert [row.first for row in rows] == np.cumsum([0, *(row.values.shape[1] for row in rows)])[:-1].tolist()
    assert sum(row.values.shape[1] for row in rows) == plan.lattice[0] and not stream.failed
    assert not readers()


def test_the_next_row_is_computed_while_one_is_used_unless_rows_are_large(
    scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not more than the next: memory stays that of a few rows."""
    ahead, alone = ColourScorer(NAMES), ColourScorer(NAMES)
    with open_raster(scene) as raster:
        plan = ahead.windows(raster.grid.shape, 64, 16)
        columns = len(plan.col_spans)
        stream = see(raster, ahead, plan, batch=2)
        rows = [next(stream)]
        until = time.monotonic() + 60
        while ahead.tiles < 2 * columns and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.1)
        assert 2 * columns <= ahead.tiles <= 3 * columns < len(plan)
        rows += stream
        monkeypatch.setattr("geoglot.scene.stream._AHEAD_BYTES", 0)
        stream = see(raster, alone, plan, batch=2)
        others = [next(stream)]
        assert alone.tiles == columns
        others += stream
    for one, other in zip(rows, others, strict=True):
        assert one.first == other.first and np.array_equal(one.values, other.values, equal_nan=True)


@pytest.mark.parametrize("how", ["close", "progress"])
def test_cancelled_it_leaks_no_thread_and_resumes(scene: Path, tmp_path: Path, how: str) -> None:
    dense = ColourScorer(NAMES)
    straight, resumed = list[Row](), list[Row]()

    def cancel(what: str, done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with open_raster(scene) as raster:
        plan = dense.windows(raster.grid.shape, 64, 16)
        straight += see(raster, dense, plan, batch=2)
        whole, journal = dense.tiles, Journal(tmp_path / "out", "run")
        if how == "close":
            stream = see(raster, dense, plan, batch=2, journal=journal)
            resumed += [next(stream), next(stream)]
            stream.close()
            resumed.pop()  # not saved: it was not asked for the next one
        else:
            with pytest.raises(KeyboardInterrupt):
                for row in see(raster, dense, plan, batch=2, journal=journal, progress=cancel):
                    resumed.append(row)
        assert not readers()
        before = dense.tiles
        stream = see(raster, dense, plan, batch=2, journal=journal)
        assert stream.restored == len(resumed) * len(plan.col_spans)
        resumed += stream
        journal.close()
    assert dense.tiles - before == whole - stream.restored
    for one, other in zip(straight, resumed, strict=True):
        assert one.first == other.first and np.array_equal(one.values, other.values, equal_nan=True)


def test_beyond_the_scene_a_model_sees_its_mirror_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels that repeat the last row are streaks, which mini took for water."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 255, (3, 40, 101), np.uint8)
    pixels[:, 20:30, 30:50] = 0
    seen = []
    scorer = ColourScorer(("water", "forest", "roof"))
    monkeypatch.setattr(
        ColourScorer, "__call__", lambda self, tiles: seen.extend(tiles.numpy()) or torch.zeros(len(tiles), 3, 8, 8)
    )
    with open_raster(write_scene(tmp_path / "holes.tif", pixels, nodata=0)) as raster:
        plan = scorer.windows(raster.grid.shape, 64, 16)
        list(see(raster, scorer, plan, batch=1))
    windows = list(plan.windows())
    assert len(seen) == len(windows) and any(window.col + 64 > 101 for window in windows)
    for window, tile in zip(windows, seen, strict=True):
        rows, cols = min(64, 40 - window.row), min(64, 101 - window.col)
        mirrored = np.pad(tile[:, :rows, :cols], ((0, 0), (0, 64 - rows), (0, 64 - cols)), mode="symmetric")
        np.testing.assert_array_equal(tile, mirrored)
        assert tile[:, :rows, :cols].min() > 0  # the hole is filled
