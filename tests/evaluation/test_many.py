from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from geoglot.cli.main import cli
from geoglot.datasets.sets.class_folders import AID, EUROSAT
from geoglot.errors import InputError, OutputError
from geoglot.evaluation import many
from geoglot.evaluation.many import Scores, evaluate_many
from published import colours, flat, folders
from tinyclip import store_clip

RECIPE = """
name = "two models"
output = "scores"
models = ["mini", "tiny"]
[[sets]]
task = "classification"
set = "aid"
data = "."
protocol = "a"
split = "all"
limit = 8
[[sets]]
task = "probe"
set = "aid"
data = "."
split = "all"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("many")
    folders(made / "AID", list(AID.words), each=2)
    store_clip(made / "tiny")
    (made / "card.toml").write_text(RECIPE)
    return made


def test_a_table_of_all_models_and_sets_is_written_and_made_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner().invoke(cli, ["evaluate", "scorecard", str(folder / "card.toml"), "--json", "-q"])
    assert run.exit_code == 0, run.output
    document = json.loads(run.stdout)
    assert [row["model"] for row in document["models"]] == ["mini", "tiny"]
    assert [cell["samples"] for cell in document["models"][0]["scores"]] == [8, 30]
    table = (folder / "scores" / "table.md").read_text().splitlines()
    assert (
        len(table) == 4
        and table[0].startswith("| model | aid top1 (classification, a, split all, 8 images) |")
        and "**" in table[2] + table[3]
    )
    latex = (folder / "scores" / "table.tex").read_text()
    assert latex.count("&") == 6 and r"\toprule" in latex and r"\textbf" in latex
    with Image.open(folder / "scores" / "table.png") as picture:
        assert picture.width > 100
    monkeypatch.setattr(many, "load_model", lambda *_, **__: pytest.fail("measured again"))
    assert evaluate_many(folder / "card.toml").to_json() == document


@pytest.mark.parametrize("fault", ["data", "cell"])
def test_a_figure_is_measured_again_if_its_data_or_its_cell_changed(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders(tmp_path / "AID", list(AID.words), each=1)
    (tmp_path / "card.toml").write_text(
        'name = "n"\noutput = "scores"\nmodels = ["mini"]\n'
        '[[sets]]\ntask = "classification"\nset = "aid"\ndata = "."\nlimit = 4\n'
    )
    measured, evaluate = list[str](), many.evaluate

    def measure(task: str, *rest: object, **more: object) -> object:
        measured.append(task)
        return evaluate(task, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(many, "evaluate", measure)
    first = evaluate_many(tmp_path / "card.toml")
    assert evaluate_many(tmp_path / "card.toml").rows() == first.rows() and len(measured) == 1
    if fault == "data":
        flat(next((tmp_path / "AID").rglob("*.*")), colours(3)[1], side=40)
    else:
        next((tmp_path / "scores" / "cells").iterdir()).write_text("{")
    evaluate_many(tmp_path / "card.toml")
    assert len(measured) == 2


def test_retrieval_by_captions_has_a_figure_of_its_own(tmp_path: Path) -> None:
    rows = []
    for name, colour in zip(("a", "b", "c"), colours(3), strict=True):
        flat(tmp_path / "RSICD_images" / f"{name}.png", colour)
        rows.append({"filename": f"{name}.png", "split": "test", "sentences": [{"raw": f"a {name}"}]})
    (tmp_path / "dataset_rsicd.json").write_text(json.dumps({"images": rows}))
    (tmp_path / "card.toml").write_text(
        'name = "n"\noutput = "scores"\nmodels = ["mini"]\n[[sets]]\ntask = "retrieval"\nset = "rsicd"\ndata = "."\n'
    )
    assert evaluate_many(tmp_path / "card.toml").columns == ("rsicd mean_recall (retrieval, default)",)


def test_a_folder_of_another_program_is_left_alone(folder: Path) -> None:
    (folder / "foreign").mkdir()
    (folder / "other.toml").write_text(RECIPE.replace('output = "scores"', 'output = "foreign"'))
    with pytest.raises(OutputError, match="not made by this command"):
        evaluate_many(folder / "other.toml")


def test_the_best_of_each_column_is_marked() -> None:
    cells = [
        [{"main": "a", "metrics": {"a": {"value": value}}, "notes": []} for value in row]
        for row in ([0.5, None], [0.7, 0.2])
    ]
    scores = Scores("n", ("x_1", "y"), ("s", "t"), tuple(map(tuple, cells)), Path())
    assert scores.rows() == [["x_1", "50.0", "-"], ["y", "70.0", "20.0"]]
    assert scores.best() == [[False, False], [True, True]]


def test_what_cannot_be_measured_does_not_stop_the_rest_and_is_tried_again(folder: Path) -> None:
    (folder / "part.toml").write_text(
        RECIPE.replace('"scores"', '"part"')
        + '[[sets]]\ntask = "segmentation"\nset = "aid"\ndata = "."\n'
        + '[[sets]]\ntask = "classification"\nset = "eurosat"\ndata = "later"\n'
    )
    run = CliRunner().invoke(cli, ["evaluate", "scorecard", str(folder / "part.toml"), "-q"])
    assert run.exit_code == 3, run.output
    assert "failed  tiny, aid (segmentation, default): " in run.stdout
    assert "4 of 8 figures could not be measured" in run.stderr
    lines = (folder / "part" / "table.md").read_text().splitlines()
    assert [line.count(" - ") for line in lines[2:]] == [2, 2]
    folders(folder / "later" / "2750", list(EUROSAT.words), each=1)
    assert len(evaluate_many(folder / "part.toml").failures) == 2


def test_a_scorecard_without_a_figure_says_why(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text(RECIPE.replace('"mini", "tiny"', '"mini"'))
    with pytest.raises(InputError, match="nothing could be measured; mini, aid"):
        evaluate_many(tmp_path / "card.toml")


def test_rows_and_columns_of_one_name_are_told_apart(folder: Path) -> None:
    shutil.copytree(folder / "tiny", folder / "twin", dirs_exist_ok=True)
    whole = '[[sets]]\ntask = "probe"\nset = "aid"\ndata = "."\nsplit = "all"\nlimit = 20\n'
    (folder / "twins.toml").write_text(RECIPE.replace('"mini"', '"twin"').replace('"scores"', '"twins"') + whole)
    scores = evaluate_many(folder / "twins.toml")
    assert scores.models == ("twin", "tiny")
    assert len(set(scores.columns)) == 3
