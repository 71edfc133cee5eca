"""From a folder to a recipe that runs as it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.errors import InputError, OutputError, SourceError
from geoglot.training import init_recipe
from geoglot.training.train_init import train_init
from someones_folders import write_masks


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipes of two steps of a tiny network, since the tests train what is written."""
    monkeypatch.setattr(init_recipe, "_FEWEST", 2)
    monkeypatch.setattr(init_recipe, "_EPOCHS", 0)
    monkeypatch.setattr(init_recipe, "_ON_CPU", (8, "[8, 16, 24, 32]", 12, 32, 4, 64, 3))


def test_the_recipe_trains_as_it_is(tmp_path: Path) -> None:
    """The document of init says what it found; the recipe runs, and the run has curves and a word on its figure."""
    folder = write_masks(tmp_path / "my fields", lambda ids: (ids * 20 + 10).astype(np.uint8))
    found = CliRunner().invoke(cli, ["train", "init", str(folder), "--classes", "a,b,c", "--device", "cpu", "--json"])
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    assert document["splits"] == {"train": 5, "val": 1} and document["kind"] == "masks"
    assert [kind["name"] for kind in document["classes"]] == ["a", "b", "c"]
    assert sum(kind["share"] for kind in document["classes"]) == pytest.approx(1)
    assert 0 <= document["estimate"]["low"] <= document["estimate"]["seconds"] <= document["estimate"]["high"]
    run = CliRunner().invoke(cli, ["train", "segment", document["recipe"], "--device", "cpu", "--json"])
    assert run.exit_code == 0, run.output
    trained = json.loads(run.stdout)
    assert trained["steps"] == 2 and isinstance(trained["useful"], bool)
    assert (
        Path(trained["curves"]) == tmp_path / "runs" / "my fields" / "curves.png" and Path(trained["curves"]).is_file()
    )


def test_a_person_is_told_what_was_found(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "mine", lambda ids: ids)
    output = tmp_path / "a" / "b.toml"
    output.parent.mkdir()
    found = CliRunner().invoke(cli, ["train", "init", str(folder), "-o", str(output), "--device", "cpu"])
    assert found.exit_code == 0, found.output
    for text in (
        "6 images of 64 x 64 px; labels: masks",
        "37.5%  background",
        "train 5, val 1, by chance",
        "time      about",
    ):
        assert text in found.stdout
    assert 'folder = "../mine-geoglot"' in output.read_text()


def test_recipes_are_never_replaced(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "mine", lambda ids: ids)
    (tmp_path / "mine.toml").write_text("mine")
    with pytest.raises(OutputError, match=r"mine\.toml is there already"):
        train_init(folder)
    with pytest.raises(InputError, match=r"must end with \.toml"):
        train_init(folder, tmp_path / "recipe.txt")
    assert not (tmp_path / "mine-geoglot").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--device", "abacus"], "'abacus'"),
        (["--classes", "lake,lake,field"], "a name of its own, got 'lake', 'lake', 'field'"),
        (["--classes", "lake,,field"], "a name of its own, got 'lake', '', 'field'"),
        (["--classes", "background,field"], "a name of its own, got 'background', 'background', 'field'"),
        (["--classes", "lake"], "must name the 3 classes"),
    ],
)
def test_wrong_wishes_leave_nothing_behind(tmp_path: Path, wrong: list[str], message: str) -> None:
    folder = write_masks(tmp_path / "mine", lambda ids: ids)
    refused = CliRunner().invoke(cli, ["train", "init", str(folder), *wrong, "-q"])
    assert refused.exit_code != 0 and message in refused.stderr and len(refused.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [folder]


def test_a_table_that_names_two_classes_alike_is_refused(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "mine", lambda ids: ids)
    (folder / "classes.txt").write_text("lake\nlake\nfield\n")
    with pytest.raises(SourceError, match="must differ"):
        train_init(folder)
    assert list(tmp_path.iterdir()) == [folder]
