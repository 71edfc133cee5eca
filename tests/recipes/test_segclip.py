"""The recipes of SegCLIP are read as they are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from geoglot.errors import InputError
from geoglot.recipe import read_recipe
from geoglot.training.segment import SegmentRecipe

FOLDER = Path(__file__).parents[2] / "recipes" / "segclip"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_each_is_a_recipe_of_its_name(path: Path) -> None:
    recipe = read_recipe(path, SegmentRecipe)
    assert recipe.name == (path.stem if "-" in path.stem else f"{path.stem}-segclip")
    assert recipe.output.name == recipe.name
    assert recipe.fit.schedule == "poly" and recipe.fit.steps == 80_000


def test_rows_of_the_ablation_differ_in_their_parts_alone() -> None:
    names = ("loveda-baseline", "loveda-tmp", "loveda-tmp-cff", "loveda")
    rows = [read_recipe(FOLDER / f"{name}.toml", SegmentRecipe) for name in names]
    parts = [(one.model.prompts.on, one.model.fusion.on, one.model.guidance.on) for one in rows]
    assert parts == [(False,) * 3, (True, False, False), (True, True, False), (True,) * 3]
    assert len({(one.crops, one.fit, one.loss, one.data) for one in rows}) == 1


def test_a_base_must_lie_beside(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    for base in ("../b.toml", "a.toml"):
        path.write_text(f'base = "{base}"\n')
        with pytest.raises(InputError, match="base is the name"):
            read_recipe(path, SegmentRecipe)
    path.write_text('base = "b.toml"\n')
    with pytest.raises(InputError, match=r"no recipe .*b.toml"):
        read_recipe(path, SegmentRecipe)
