"""The rows of the ablation are recipes, and differ from the full model as their names say."""

from __future__ import annotations

import json
from pathlib import Path

import ablate
import pytest

from geoglot.models.segclip.text_prompts import text_order
from geoglot.recipe import read_recipe
from geoglot.training.train_segment import SegmentRecipe


def read(row: str, folder: Path) -> SegmentRecipe:
    path = folder / "recipe.toml"
    path.write_text(ablate.recipe_of(row, 0, 700, folder / "set", folder / "run"), encoding="utf-8")
    return read_recipe(path, SegmentRecipe)


@pytest.mark.parametrize("row", ablate.ROWS)
def test_each_row_is_a_recipe(row: str, tmp_path: Path) -> None:
    recipe, full = read(row, tmp_path), read(ablate.FULL, tmp_path)
    assert (recipe.model != full.model) == (row != ablate.FULL and recipe.architecture == "segclip")
    assert (recipe.fit, recipe.crops, recipe.loss) == (full.fit, full.crops, full.loss)
    assert len(text_order(recipe.model)) <= recipe.model.queries


def test_rows_have_the_numbers_of_queries_that_they_name(tmp_path: Path) -> None:
    assert read("N = 50", tmp_path).model.queries == 50
    assert read("N_ctx = 4, blank texts", tmp_path).model.prompts.context == 4
    assert read("+ TMP", tmp_path).model.queries == 20


def test_a_difference_within_the_spread_is_called_so() -> None:
    runs = {name: [{"miou": value} for value in values] for name, values in {
        "full": (0.5, 0.52), "near": (0.51, 0.53), "far": (0.3, 0.31),
    }.items()}  # fmt: skip
    assert ablate.describe_gain(runs["near"], runs["full"]) == "+0.010, within the spread"
    assert ablate.describe_gain(runs["far"], runs["full"]) == "-0.205"


def test_a_log_gives_the_runs_of_as_many_steps(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert ablate.read_log(log, 80) == ablate.read_log(None, 80) == {}
    runs = [{"row": "+ TMP", "seed": 1, "step": steps, "miou": steps / 100} for steps in (80, 700)]
    log.write_text("\n".join(map(json.dumps, runs)))
    assert ablate.read_log(log, 80) == {("+ TMP", 1): runs[0]}
