from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from geoglot.models.known import KNOWN
from geoglot.training.align import AlignRecipe
from geoglot.training.recipe import read_recipe, recipe_hash

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes" / "graft").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=[path.stem for path in RECIPES])
def test_the_recipes_are_recipes(path: Path) -> None:
    recipe = read_recipe(path, AlignRecipe)
    assert recipe.name == f"graft-{path.stem}" and recipe.ground in KNOWN
    assert recipe.loss.temperature == 0.07 and recipe.sampling.most_photos == 25
    assert recipe.fit.rate == (1e-5 if recipe.loss.level == "image" else 5e-5)
    assert recipe.pairs.parent == path.parent / "../../data"


def test_there_is_one_for_each_model_of_the_paper() -> None:
    assert {path.stem for path in RECIPES} == {"naip-image", "naip-pixel", "sentinel2-image", "sentinel2-pixel"}


def test_the_hash_sees_what_decides_the_result() -> None:
    recipe = read_recipe(RECIPES[0], AlignRecipe)
    assert recipe_hash(recipe, "output") == recipe_hash(replace(recipe, output=Path("elsewhere")), "output")
    assert recipe_hash(recipe, "output") != recipe_hash(replace(recipe, fit=replace(recipe.fit, rate=2e-5)), "output")
