from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

from geoglot.cli.main import cli
from labelled import write_folder
from published import save


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["datasets", *arguments])


def test_the_list_names_splits_and_pages() -> None:
    sets = {one["name"]: one for one in json.loads(run("list", "--json").stdout)["datasets"]}
    assert set(sets["loveda"]["splits"]) == {"train", "val", "test"}
    assert "zenodo" in run("list").stdout


def test_a_check_tells_faults_by_its_exit_code(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    assert run("check", "folder", "--data", str(root), "-q").exit_code == 0
    save(root / "val" / "masks" / "0.png", np.full((64, 64), 99, np.uint8))
    told = run("check", "folder", "--data", str(root), "--split", "val", "--json", "-q")
    assert told.exit_code == 3
    assert "4,096 px of the id 99" in json.loads(told.stdout)["splits"][0]["faults"][0]


def test_a_class_that_train_never_shows_is_told_by_the_exit_code(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    (root / "classes.csv").write_text((root / "classes.csv").read_text() + "7,glacier\n", encoding="utf-8")
    told = run("check", "folder", "--data", str(root), "-q")
    assert told.exit_code == 3 and "no pixel of train is glacier" in told.stdout


def test_tiles_are_a_set(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "set")
    made = run("tile", "folder", "--data", str(root), "-o", str(tmp_path / "tiles"), "--side", "32", "--json", "-q")
    assert json.loads(made.stdout)["tiles"] == {"val": 8, "train": 12}
    assert run("check", "folder", "--data", str(tmp_path / "tiles"), "-q").exit_code == 0
    again = run("tile", "folder", "--data", str(root), "-o", str(tmp_path / "tiles"), "--side", "32", "-q")
    assert again.exit_code == 1 and "exists already" in again.stderr
