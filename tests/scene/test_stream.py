"""The stream yields rows as they are ready, is cancelled without a trace, and resumes."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

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
        assert dense.tiles == len(plan.col_spans) and first.first == 0
        rows = [first, *stream]
    assert [row.first for row in rows] == np.cumsum([0, *(row.values.shape[1] for row in rows)])[:-1].tolist()
    assert sum(row.values.shape[1] for row in rows) == plan.lattice[0] and not stream.failed
    assert not readers()


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
