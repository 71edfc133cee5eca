"""geoglot train words, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from click.testing import CliRunner

from conftest import MakeGeotiff
from geoglot.cli.main import cli
from geoglot.training.words.words_recipe import recipe_beside


def test_one_command_trains_and_the_recipe_beside_it_may_be_edited(tmp_path: Path, make_geotiff: MakeGeotiff) -> None:
    rng = np.random.default_rng(0)
    scene = make_geotiff(rng.integers(0, 255, (3, 96, 96), dtype=np.uint8), transform=Affine(0.5, 0, 5e5, 0, -0.5, 4e6))
    words = ["train", "words", str(scene), "--classes", "water, grass", "-o", str(tmp_path / "run")]
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/mine.txt").write_text("mine")
    refused = CliRunner().invoke(cli, [*words[:-1], str(tmp_path / "taken")])
    assert refused.exit_code == 1 and "not made by a run" in refused.stderr
    with recipe_beside(tmp_path / "taken", (str(scene),), "water, grass") as recipe:
        text = recipe.read_text()
    text = text.replace('output = "taken"', 'output = "run"').replace("steps = 400", "steps = 2")
    recipe.write_text(
        text.replace("side = 224", "side = 32")
        .replace('flips = "all"', 'flips = "none"')
        .replace("_every = 80", "_every = 1")
    )
    done = CliRunner().invoke(cli, ["train", "words", str(recipe), "--json", "-q"])
    assert done.exit_code == 0, done.stderr
    assert Path(json.loads(done.stdout)["model"]) == tmp_path / "run/model"


@pytest.mark.parametrize(
    ("scenes", "wrong", "message"),
    [
        (["a.tif", "b.tif"], [], "No such file"),
        (["a.tif"], ["--bands", "1,2,7"], "no band 7"),
        (["a.tif"], ["--teacher", "nobody"], "no model is called 'nobody'"),
        (["a.tif"], ["--device", "abacus"], "'abacus'"),
    ],
)
def test_wrong_input_leaves_nothing_behind(
    tmp_path: Path, make_geotiff: MakeGeotiff, scenes: list[str], wrong: list[str], message: str
) -> None:
    make_geotiff(np.zeros((3, 64, 64), np.uint8)).rename(tmp_path / "a.tif")
    before = sorted(tmp_path.iterdir())
    given = [*(str(tmp_path / scene) for scene in scenes), "--classes", "water, grass", "-o", str(tmp_path / "run")]
    refused = CliRunner().invoke(cli, ["train", "words", *given, *wrong, "-q"])
    assert refused.exit_code != 0 and message in refused.stderr and len(refused.stderr.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_missing_is_said() -> None:
    none = CliRunner().invoke(cli, ["train", "words", "a.tif"])
    assert none.exit_code == 2 and "--classes" in none.stderr
    both = CliRunner().invoke(cli, ["train", "words", "a.toml", "-o", "run"])
    assert both.exit_code == 2 and "edit it" in both.stderr
