from __future__ import annotations

import csv
import hashlib
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from click.testing import CliRunner

import childtasks
import geoglot
from geoglot.cli.main import cli
from geoglot.errors import ClassesError, InputError, OutputError
from geoglot.options import RefineOptions, SegmentOptions
from geoglot.tasks.batch.batch import batch
from geoglot.tasks.batch.processes import run_processes
from geoglot.tasks.batch.scenes import Scene
from geoglot.tasks.batch.work import Outcome, Work
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof")
WORDS = "water, forest, roof"


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Two good scenes, of one name, and between them one that is no raster."""
    (tmp_path / "scenes/old").mkdir(parents=True)
    for seed, name in enumerate(("town", "old/town")):
        write_scene(tmp_path / f"scenes/{name}.tif", paint(class_field((96, 112), 3, seed), NAMES))
    (tmp_path / "scenes/oops.tif").write_text("no raster")
    return tmp_path / "scenes"


def hashes(folder: Path) -> dict[str, str]:
    """The files of a folder but manifests, which say how long it took."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("manifest.json"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_scene_that_fails_does_not_stop_the_others(scenes: Path, tmp_path: Path) -> None:
    table = tmp_path / "areas.csv"
    result = batch(geoglot.segment, scenes, WORDS, tmp_path / "maps", table=table, polygons=".gpkg")
    states = {each.scene.name: each.state for each in result.outcomes}
    assert states == {"old_town": "done", "oops": "failed", "scenes_town": "done"}
    assert [each.scene.name for each in result.incomplete] == ["oops"]
    assert {"old_town.tif", "old_town.gpkg", "scenes_town.tif"} <= {path.name for path in (tmp_path / "maps").iterdir()}
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["state"] for row in rows] == ["done", "failed", "done"]
    assert "cannot be opened" in rows[1]["reason"] and rows[1]["water_m2"] == ""
    document = result.outcomes[0].document
    assert document is not None
    assert float(rows[0]["roof_share"]) == pytest.approx(document["classes"][2]["share"])


def test_each_result_is_that_of_the_scene_alone(scenes: Path, tmp_path: Path) -> None:
    batch(geoglot.segment, scenes, WORDS, tmp_path / "maps")
    alone = tmp_path / "alone"
    alone.mkdir()
    model = geoglot.load_model("mini")
    for name in ("old/town", "town"):
        geoglot.segment(scenes / f"{name}.tif", WORDS, alone / f"{name.replace('/', '_')}.tif", model=model)
    assert hashes(alone)["old_town.tif"] == hashes(tmp_path / "maps")["old_town.tif"]
    assert hashes(alone)["town.tif"] == hashes(tmp_path / "maps")["scenes_town.tif"]


def test_a_name_that_pixels_cannot_show_has_no_measures_in_the_table(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 96, 96), np.uint8)
    for metres in (1, 10):
        write_scene(tmp_path / f"at{metres}.tif", pixels, transform=Affine(metres, 0, 5e5, 0, -metres, 5e6))
    table = tmp_path / "counts.csv"
    batch(geoglot.find, sorted(tmp_path.glob("*.tif")), "car", tmp_path / "found", table=table)
    fine, coarse = csv.DictReader(table.read_text().splitlines())
    assert fine["car_count"] != "" and fine["reason"] == ""
    assert coarse["car_count"] == coarse["car_m2"] == "" and "cannot be seen" in coarse["reason"]


def test_complete_scenes_are_passed_over_until_something_differs(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def states(**more: Any) -> list[str]:
        result = batch(geoglot.segment, [scenes / "town.tif", scenes / "old"], WORDS, tmp_path / "maps", **more)
        return [each.state for each in result.outcomes]

    assert states() == ["done", "done"]
    before = hashes(tmp_path / "maps")
    with monkeypatch.context() as patched:
        patched.setattr("geoglot.tasks.segment.map_run.Journal", None)  # nothing is computed
        assert states() == ["there", "there"]
    assert hashes(tmp_path / "maps") == before
    (tmp_path / "maps/scenes_town.overlay.png").write_bytes(b"mine")
    assert states() == ["failed", "there"]  # somebody's file is never replaced
    (tmp_path / "maps/scenes_town.overlay.png").unlink()
    assert states() == ["done", "there"]
    assert states(polygons=".geojson") == ["done", "done"]
    assert states(polygons=".geojson", options=SegmentOptions(threshold=0.9)) == ["failed", "failed"]
    assert states(options=SegmentOptions(threshold=0.9), overwrite=True) == ["done", "done"]
    assert states(options=SegmentOptions(threshold=0.9), overwrite=True) == ["there", "there"]
    write_scene(scenes / "old/town.tif", paint(class_field((96, 112), 3, 9), NAMES))
    assert states(options=SegmentOptions(threshold=0.9), overwrite=True) == ["there", "done"]


def test_a_scene_with_failed_windows_is_tried_again(tmp_path: Path) -> None:
    from worlds import scribble

    source = write_scene(tmp_path / "scene.tif", paint(class_field((1024, 64), 3), NAMES))
    scribble(source, block=15)
    read = geoglot.ReadOptions(tile=224, overlap=0)
    for _ in range(2):
        (outcome,) = batch(geoglot.segment, source, WORDS, tmp_path / "maps", read=read).outcomes
        assert outcome.state == "in part" and "windows failed" in outcome.reason


@pytest.mark.parametrize("door", [geoglot.segment, geoglot.find, geoglot.classify])
def test_a_scene_without_a_valid_pixel_is_empty_in_every_run(tmp_path: Path, door: Any) -> None:
    good = write_scene(tmp_path / "good.tif", paint(class_field((96, 112), 3), NAMES))
    empty = write_scene(tmp_path / "empty.tif", np.zeros((3, 96, 112), np.uint8))
    classify = door is geoglot.classify
    for overwrite, state in ((False, "done"), (False, "there"), (True, "there")):
        more: dict[str, Any] = {} if classify else {"output": tmp_path / "out", "overwrite": overwrite}
        result = batch(door, [empty, good], WORDS, read=geoglot.ReadOptions(nodata=0), **more)
        state = "done" if classify else state  # its labels are on no disk
        assert [each.state for each in result.outcomes] == ["empty", state]
        assert result.outcomes[0].reason.startswith("no pixel of the scene is valid")
        assert result.incomplete == (result.outcomes[0],)


def test_several_processes_give_the_same_bytes(scenes: Path, tmp_path: Path) -> None:
    told = list[tuple[str, int, int]]()
    alone = batch(geoglot.find, scenes, "roof", tmp_path / "one", refiner=RefineOptions("edges"))
    several = batch(
        geoglot.find, scenes, "roof", tmp_path / "two", refiner=RefineOptions("edges"), jobs=2,
        progress=lambda *what: told.append(what),
    )  # fmt: skip
    assert [each.state for each in several.outcomes] == ["done", "failed", "done"]
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    assert [each.document and each.document["counts"] for each in alone.outcomes] == [
        each.document and each.document["counts"] for each in several.outcomes
    ]
    assert told[0] == ("scenes", 0, 3) and told[-1] == ("scenes", 3, 3)


def test_what_a_process_logs_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    works = [Work(Scene(name, (name,)), childtasks.warn, (), {}, None, looks_only=True) for name in ("a.tif", "b.tif")]
    done = list[Outcome]()
    run_processes(works, 2, 2, done.append, lambda *_: None)
    assert sorted((each.scene.name, each.state) for each in done) == [("a.tif", "done"), ("b.tif", "done")]
    assert sorted(caplog.messages) == ["a.tif is odd", "b.tif is odd"]
    assert {(each.name, each.levelname) for each in caplog.records} == {("geoglot.somewhere", "WARNING")}


def test_a_process_that_dies_costs_one_scene(scenes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dies = "import os, sys; sys.stdin.buffer.read(1); os.write(2, b'no room'); os.kill(os.getpid(), 9)"
    monkeypatch.setattr("geoglot.tasks.batch.processes._COMMAND", [sys.executable, "-c", dies])
    result = batch(geoglot.find, [scenes / "town.tif", scenes / "old"], "roof", jobs=2)
    assert [each.state for each in result.outcomes] == ["failed", "failed"]
    assert all("(signal 9)" in each.reason and each.reason.endswith("no room") for each in result.outcomes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_batch_that_was_stopped_goes_on_with_the_same_bytes(scenes: Path, tmp_path: Path, number: int) -> None:
    (scenes / "oops.tif").unlink()
    command = [sys.executable, "-c", "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
               "from geoglot.cli.main import main; main()", "segment", str(scenes), "--classes", WORDS, "-o",
               str(tmp_path / "maps"), "--jobs", "2"]  # fmt: skip
    marked = os.environ | {"BATCH_OF_THIS_TEST": str(tmp_path)}
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=marked)
    while run.poll() is None and not list((tmp_path / "maps").glob(".*work*")):
        time.sleep(0.02)
    run.send_signal(number)
    said = run.communicate()[1]
    if number == signal.SIGINT:
        assert run.returncode == 130 and "the same command resumes it" in said and "Traceback" not in said
    else:
        assert run.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 30
    while children := _processes_of(f"BATCH_OF_THIS_TEST={tmp_path}"):
        assert time.monotonic() < deadline, children
        time.sleep(0.05)
    again = CliRunner().invoke(cli, command[3:])
    assert again.exit_code == 0, again.output
    batch(geoglot.segment, scenes, WORDS, tmp_path / "whole")
    assert hashes(tmp_path / "maps") == hashes(tmp_path / "whole")
    assert not list((tmp_path / "maps").glob(".*"))


def _processes_of(mark: str) -> list[str]:
    """The processes that have this text in their environment."""
    own = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (entry / "environ").read_bytes():
                own.append(entry.name)
    return own


def test_what_is_wrong_with_all_scenes_ends_the_batch(scenes: Path, tmp_path: Path) -> None:
    for jobs in (1, 2):
        with pytest.raises(InputError, match="more than once"):
            batch(geoglot.segment, scenes, "water, water", tmp_path / "maps", jobs=jobs)
    with pytest.raises(ClassesError):
        batch(geoglot.segment, scenes, "water, water", tmp_path / "maps")
    with pytest.raises(InputError, match="need a folder"):
        batch(geoglot.segment, scenes, WORDS, tmp_path / "map.tif")
    with pytest.raises(OutputError, match="mkdir -p"):
        batch(geoglot.segment, scenes, WORDS, tmp_path / "no/maps")
    with pytest.raises(InputError, match="must be an ending"):
        batch(geoglot.segment, scenes, WORDS, tmp_path / "maps", polygons="all.gpkg")
    assert list((tmp_path / "maps").iterdir()) == []
    with pytest.raises(InputError, match="a batch runs"):
        batch(geoglot.load_model, scenes, WORDS)
    with pytest.raises(InputError, match="classify writes no file"):
        batch(geoglot.classify, scenes, WORDS, tmp_path / "maps")
    with pytest.raises(InputError, match="jobs must be"):
        batch(geoglot.find, scenes, "roof", jobs=0)
    with pytest.raises(InputError, match="its name or its folder"):
        batch(geoglot.find, scenes, "roof", jobs=2, model=geoglot.load_model("mini"))


def test_a_call_that_is_refused_makes_no_folder(scenes: Path, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    for door, settings, said in (
        (geoglot.change, {}, "for each date"),
        (geoglot.segment, {"polygons": "all.gpkg"}, "must be an ending"),
        (geoglot.segment, {"table": "t.xlsx"}, "must end in .csv"),
    ):
        with pytest.raises(InputError, match=said):
            batch(door, scenes, WORDS, maps, **settings)
    assert not maps.exists()


def test_a_table_of_somebody_is_not_replaced(scenes: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    batch(geoglot.find, scenes, "roof", table=table)
    batch(geoglot.find, scenes / "old", "roof, water", table=table)
    assert "water_count" in table.read_text(encoding="utf-8")
    table.write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="another program"):
        batch(geoglot.find, scenes, "roof", table=table)
    assert table.read_text(encoding="utf-8") == "mine"


def test_few_processes_run_where_memory_is_short(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = list[int]()
    monkeypatch.setattr("geoglot.tasks.batch.batch.fit_memory", lambda jobs: 2)

    def run(works: Any, jobs: int, share: int, told: Any, tell: Any) -> None:
        ran.extend((jobs, share))
        for work in works:
            told(work.do())

    monkeypatch.setattr("geoglot.tasks.batch.batch.run_processes", run)
    result = batch(geoglot.find, scenes, "roof", jobs=3)
    assert ran == [2, 3] and result.notes[0].startswith("2 processes at once and not 3")
