from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from geoglot.cli.main import cli


def run(*args: object, code: int = 0) -> str:
    result = CliRunner().invoke(cli, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}_20200{number + 1}15.png")
    return folder


def test_an_archive_is_made_described_and_changed(pictures: Path, tmp_path: Path) -> None:
    place = tmp_path / "archive"
    added = json.loads(run("index", "add", place, pictures, "--json", "-q"))
    assert (added["chips"], added["sources"], added["there"], added["failed"]) == (4, 4, 0, [])
    assert "0 chips added" in run("index", "add", place, pictures, "-q")
    found = json.loads(run("index", "info", place, "--json"))
    assert (found["chips"], found["model"], found["scales"]) == (4, "mini", {"pictures": 4})
    assert found["first"] == "2020-01-15T12:00:00+00:00"
    assert "2020-01-15 to 2020-04-15" in run("index", "info", place)
    assert run("index", "remove", place, pictures / "0*") == "1 chip removed\n"
    assert "1 shard became 1" in run("index", "compact", place)
    assert json.loads(run("index", "info", place, "--json"))["chips"] == 3


def test_a_search_that_finds_no_chip_any_more_leaves_no_old_pictures(pictures: Path, tmp_path: Path) -> None:
    run("index", "add", tmp_path / "a", pictures, "-q")
    search = (
        "search",
        tmp_path / "a",
        "harbour",
        "--before",
        "2020-02-01",
        "-q",
        "-o",
        tmp_path / "hits.csv",
        "--sheet",
    )
    run(*search, tmp_path / "hits.png")
    assert (tmp_path / "hits.png").exists()
    run("index", "remove", tmp_path / "a", pictures / "0*")
    for _ in range(2):
        run(*search, tmp_path / "hits.png")
        assert not (tmp_path / "hits.png").exists() and (tmp_path / "hits.csv").exists()


def test_units_are_planned_done_and_joined(pictures: Path, tmp_path: Path) -> None:
    (pictures / "bad.png").write_bytes(b"no picture")
    place, plan = tmp_path / "archive", tmp_path / "plan"
    (unit,) = json.loads(run("index", "plan", place, pictures, "-o", plan, "--json", "-q"))["units"]
    assert "missing" in run("index", "commit", place, plan, "-q", code=3)
    assert json.loads(run("index", "work", unit, "--json", "-q", code=3))["failed"][0]["source"].endswith("bad.png")
    joined = json.loads(run("index", "commit", place, plan, "--json", "-q", code=3))
    assert (joined["chips"], joined["missing"], len(joined["failed"])) == (4, [], 1)


def test_what_is_wrong_is_one_sentence(pictures: Path, tmp_path: Path) -> None:
    assert run("index", "info", tmp_path / "none", code=1) == ""
    run("index", "add", tmp_path / "a", pictures, "--scale", "1m", "-q", code=2)
    run("index", "add", tmp_path / "a", tmp_path / "none.tif", "-q", code=1)
