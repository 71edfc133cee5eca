"""Commands that take many scenes: what they print, and their exit codes."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from geoglot.cli.main import cli
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof")


@pytest.fixture(autouse=True)
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a.tif", "b.tif", "later/a.tif")):
        (tmp_path / "scenes" / name).parent.mkdir(parents=True, exist_ok=True)
        write_scene(tmp_path / "scenes" / name, paint(class_field((96, 112), 3, seed), NAMES))
    (tmp_path / "oops.tif").write_text("no raster")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_people_see_a_row_for_each_scene(tmp_path: Path) -> None:
    result = run("segment", "scenes/*.tif", "oops.tif", "--classes", "water,forest", "-o", "maps", "--table", "t.csv")
    assert result.exit_code == 3
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["scene", "water", "forest", "state"]
    assert [row[0] for row in rows[1:4]] == ["a", "b", "oops"]
    assert [row[-1] for row in rows[1:4]] == ["done", "done", "failed"]
    assert "1 of 3 scenes is not complete: oops (failed: oops.tif cannot be opened" in result.stderr
    assert "3 scenes: 2 done, 1 failed" in result.stdout and "table     t.csv" in result.stdout
    again = run("segment", "scenes/*.tif", "--classes", "water,forest", "-o", "maps")
    assert again.exit_code == 0 and "2 scenes: 2 there" in again.stdout


def test_json_of_many_has_what_json_of_one_has() -> None:
    one = json.loads(run("find", "scenes/a.tif", "roof", "-o", "one.gpkg", "--json").stdout)
    many = json.loads(run("find", "scenes/a.tif", "scenes/b.tif", "roof", "-o", "found", "--json").stdout)
    first = many["results"][0]
    assert (first["scene"], first["source"], first["state"]) == ("a", "scenes/a.tif", "done")
    assert set(one) - {"objects"} <= set(first) and first["counts"] == one["counts"]
    assert many["scenes"] == {"total": 2, "done": 2}
    counted = json.loads(run("find", "scenes/a.tif", "scenes/b.tif", "roof", "--json").stdout)["results"]
    assert len(counted[0]["objects"]) == counted[0]["counts"]["roof"]


def test_folders_are_dates_and_scenes_of_one_name_a_place() -> None:
    result = run("change", "scenes/*.tif", "scenes/later", "--classes", "water,forest", "-o", "changes", "--json")
    places = {each["scene"]: each for each in json.loads(result.stdout)["results"]}
    assert places["a"]["state"] == "done" and places["a"]["sources"] == ["scenes/a.tif", "scenes/later/a.tif"]
    assert places["b"]["reason"] == "scenes/later has no scene of this name" and result.exit_code == 3


def test_files_and_folders_are_no_dates_together() -> None:
    result = run("change", "scenes/a.tif", "scenes/later", "--classes", "water,forest", "-o", "change.tif")
    assert result.exit_code == 2 and "not both; scenes/later is no file" in result.stderr
    assert run("change", "scenes/later", "--classes", "water", "-o", "changes").exit_code == 2
    assert not Path("changes").exists()


def test_bands_and_info_take_many() -> None:
    result = run("bands", "scenes", "-o", "pictures")
    assert result.exit_code == 0 and "3 scenes: 3 done" in result.stdout
    assert len(list(Path("pictures").glob("*.bands.png"))) == 3
    described = run("info", "scenes/a.tif", "oops.tif", "--table", "t.csv")
    assert described.exit_code == 3
    assert Path("t.csv").read_text(encoding="utf-8").splitlines()[1].startswith("a,scenes/a.tif,done,,,112,96,3,0.5")


def test_labels_of_many_are_a_row_for_each_source() -> None:
    result = run("classify", "scenes/*.tif", "oops.tif", "--classes", "water,forest", "--table", "t.csv", "--json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert [each["state"] for each in document["results"]] == ["done", "done", "failed"]
    alone = json.loads(run("classify", "scenes/a.tif", "--classes", "water,forest", "--json").stdout)["results"]
    assert document["results"][0]["results"] == alone
    rows = list(csv.DictReader(Path("t.csv").read_text(encoding="utf-8").splitlines()))
    best = Counter(each["label"] for each in alone).most_common(1)[0][0]
    assert (rows[0]["label"], int(rows[0][f"{best}_count"])) == (best, sum(each["label"] == best for each in alone))
    assert 0 <= float(rows[0]["probability"]) <= 1 and rows[2]["label"] == ""


def test_answers_of_many_are_a_row_for_each_scene_and_a_column_for_each_question() -> None:
    questions = ("How many roofs are there?", "Is there water?")
    one = [json.loads(run("ask", "scenes/a.tif", each, "--json").stdout) for each in questions]
    several = run("ask", "scenes/*.tif", "oops.tif", *questions, "--table", "t.csv", "--jobs", "2", "--json")
    assert several.exit_code == 3, several.output
    first = json.loads(several.stdout)["results"][0]
    assert [each["value"] for each in first["answers"]] == [each["value"] for each in one]
    rows = list(csv.DictReader(Path("t.csv").read_text(encoding="utf-8").splitlines()))
    assert int(rows[0][f"{questions[0]}_value"]) == one[0]["value"]
    assert rows[0][f"{questions[1]}_answer"] == ("yes" if one[1]["value"] else "no")
    assert [row["state"] for row in rows] == ["done", "done", "failed"]
    seen = run("ask", "scenes/a.tif", *questions, "--table", "t.csv")
    assert seen.exit_code == 0 and all(question in seen.stdout.splitlines()[0] for question in questions)


def test_a_question_that_is_refused_is_told_in_its_row() -> None:
    some = run("ask", "scenes/a.tif", "Is there water?", "Who paints so well?", "--table", "t.csv")
    assert some.exit_code == 3 and "(in part: " in some.stderr
    none = run("ask", "scenes/a.tif", "Who paints so well?", "--table", "t.csv")
    assert none.exit_code == 1 and "failed" in none.stdout


@pytest.mark.parametrize(
    "more",
    [["--best", "3"], ["--evidence", "e.geojson"], ["--after", "scenes/b.tif"], ["--jobs", "2", "--planner", "llm"]],
)
def test_what_a_table_of_answers_cannot_hold_is_refused(more: list[str]) -> None:
    result = run("ask", "scenes/a.tif", "Is there water?", "--table", "t.csv", *more)
    assert result.exit_code == 2 and not Path("t.csv").exists(), result.output


@pytest.mark.parametrize(("output", "folder"), [((), "."), (("-o", "scenes"), "scenes")])
def test_pictures_of_bands_may_lie_beside_their_scenes(output: tuple[str, ...], folder: str) -> None:
    for _ in range(2):  # the second run draws no pictures of pictures
        result = run("bands", "scenes", *output)
        assert result.exit_code == 0 and "3 scenes: 3 done" in result.stdout, result.output
    assert len(list(Path(folder).glob("*.bands.png"))) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["oops.tif", "none.tif", "-o", "m", "--classes", "a,b"], 1, "2 of 2 scenes are not complete"),
        (["scenes", "-o", "m.tif", "--classes", "a,b"], 2, "need a folder"),
        (["scenes/*.jp2", "-o", "m", "--classes", "a,b"], 1, "nothing fits the pattern"),
        (["scenes", "-o", "m", "--classes", "a,a"], 2, "more than once"),
        (["scenes", "-o", "m", "--classes", "a,b", "--polygons", "all.gpkg"], 2, "must be an ending"),
        (["scenes", "-o", "m", "--classes", "a,b", "--polygons", ".docx"], 2, ".gpkg"),
        (["scenes", "-o", "m", "--classes", "a,b", "--table", "t.xlsx"], 2, "must end in .csv"),
        (["scenes", "-o", "m", "--classes", "a,b", "--bands", "9,9,9"], 2, "3 of 3 scenes"),
        (["scenes", "-o", "m", "--classes", "a,b", "--jobs", "0"], 2, "--jobs"),
        (["scenes", "-o", "scenes", "--classes", "a,b"], 2, "another folder"),
    ],
)
def test_wrong_inputs_are_told(arguments: list[str], code: int, words: str) -> None:
    result = run("segment", *arguments)
    assert result.exit_code == code, result.output
    assert words in " ".join(result.stderr.split())
