"""Recipes of the runs that take long."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.changes import contents, texts
from fuzz.oracle import ends_well, examples
from geoglot.pairs.collect.collect_recipe import PairsRecipe
from geoglot.recipe import read_recipe, recipe_facts
from geoglot.training.train_align import AlignRecipe
from geoglot.training.train_segment import SegmentRecipe
from geoglot.training.words.words_recipe import WordsRecipe

RECIPES = Path(__file__).parents[2] / "recipes"
KINDS = {
    "graft/naip-pixel.toml": AlignRecipe,
    "segclip/loveda.toml": SegmentRecipe,
    "pairs/sentinel2.toml": PairsRecipe,
    "words/town.toml": WordsRecipe,
}


@pytest.mark.parametrize("name", KINDS)
def test_recipes(name: str, place: Path) -> None:
    seed = (RECIPES / name).read_text(encoding="utf-8")
    path = place / "recipe.toml"

    def read() -> None:
        recipe = read_recipe(path, KINDS[name])
        if not isinstance(recipe, PairsRecipe):
            recipe_facts(recipe, place)

    @examples(100)
    @given(st.one_of(texts(seed).map(lambda text: text.encode("utf-8", "surrogatepass")), contents(seed.encode())))
    def check(body: bytes) -> None:
        path.write_bytes(body)
        ends_well(read)

    check()
