from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from geoglot.errors import InputError
from geoglot.models.known import KNOWN
from geoglot.recipe import read_recipe, recipe_facts
from geoglot.training.train_align import AlignRecipe
from geoglot.training.train_classify import ClassifyRecipe
from geoglot.training.train_segment import SegmentRecipe

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes" / "graft").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=[path.stem for path in RECIPES])
def test_the_recipes_are_recipes(path: Path) -> None:
    recipe = read_recipe(path, AlignRecipe)
    assert recipe.name == f"graft-{path.stem}" and recipe.ground in KNOWN
    assert recipe.loss.temperature == 0.07 and recipe.sampling.most_photos == 25
    assert recipe.fit.rate == (1e-5 if recipe.loss.level == "image" else 5e-5)
    assert recipe.pairs.parents[1] == path.parents[2] / "data"


def test_there_is_one_for_each_model_of_the_paper() -> None:
    assert {path.stem for path in RECIPES} == {"naip-image", "naip-pixel", "sentinel2-image", "sentinel2-pixel"}


def test_the_recipe_of_a_classifier_is_one() -> None:
    assert read_recipe(ROOT / "recipes" / "classify" / "eurosat.toml", ClassifyRecipe).model in KNOWN


def test_the_facts_hold_what_decides_the_result() -> None:
    recipe = read_recipe(RECIPES[0], AlignRecipe)
    folder = RECIPES[0].parent
    moved, faster = replace(recipe, output=Path("elsewhere")), replace(recipe, fit=replace(recipe.fit, rate=2e-5))
    assert recipe_facts(recipe, folder, "output") == recipe_facts(moved, folder, "output")
    assert recipe_facts(recipe, folder, "output") != recipe_facts(faster, folder, "output")


def test_the_facts_are_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipes").mkdir()
    text = 'name = "a"\npairs = "../pairs"\nvalidation = "https://host/pairs"\noutput = "out"\nground = "g"\n'
    (tmp_path / "recipes" / "r.toml").write_text(text)
    found = list[dict[str, Any]]()
    for folder, name in ((tmp_path, "recipes/r.toml"), (tmp_path / "recipes", "r.toml"), (tmp_path, None)):
        monkeypatch.chdir(folder)
        path = Path(name) if name else tmp_path / "recipes" / "r.toml"
        found.append(recipe_facts(read_recipe(path, AlignRecipe), path.parent))
    assert found[0] == found[1] == found[2]


def test_a_url_stays_a_url_and_a_path_lies_beside_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text('name = "a"\npairs = "s3://bucket/pairs"\nvalidation = "pairs"\noutput = "out"\nground = "g"\n')
    recipe = read_recipe(path, AlignRecipe)
    assert recipe.pairs == "s3://bucket/pairs"
    assert recipe.validation == tmp_path / "pairs"
    path.write_text('name = "a"\npairs = "https://host/pairs"\noutput = "s3://bucket/out"\nground = "g"\n')
    with pytest.raises(InputError, match="output must be a folder on this machine, got 's3://bucket/out'"):
        read_recipe(path, AlignRecipe)
    path.write_text('name = "a"\npairs = "https://host/pairs"\noutput = "out"\nground = "g"\n')
    assert read_recipe(path, AlignRecipe).pairs == "https://host/pairs"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[fit]\nsteps = 0", "fit.steps must be at least 1, got 0"),
        ("[fit]\nwarmup = 2", "fit.warmup must be at most 1, got 2"),
        ("[loss]\ntemperature = 0.0", "loss.temperature must be above 0, got 0.0"),
        ("[loss]\nparts = 0", "loss.parts must be at least 1"),
        ("[sampling]\nbatch = -4", "sampling.batch must be at least 1"),
        ("[sampling]\nseed = -1", "sampling.seed must be at least 0"),
    ],
)
def test_numbers_that_mean_nothing_are_told(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(f'name = "a"\npairs = "p"\noutput = "out"\nground = "g"\n{line}\n')
    with pytest.raises(InputError, match=said):
        read_recipe(path, AlignRecipe)


@pytest.mark.parametrize("line", ["name = 2024-01-01", "output = 2024-01-01", "data.folder = 07:32:00"])
def test_a_date_is_neither_text_nor_a_path(tmp_path: Path, line: str) -> None:
    keys = {"name": '"a"', "output": '"out"', "data.set": '"folder"', "data.folder": '"data"'}
    key, _, value = line.partition(" = ")
    path = tmp_path / "r.toml"
    path.write_text("\n".join(f"{name} = {stated}" for name, stated in (keys | {key: value}).items()))
    with pytest.raises(InputError, match=f"{key} must be text, got the date {value}; write it in quotes"):
        read_recipe(path, SegmentRecipe)


def test_a_base_without_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('base = ""')
    with pytest.raises(InputError, match="base must be the name of another recipe in its folder, got ''"):
        read_recipe(tmp_path / "r.toml", SegmentRecipe)


def test_paths_have_no_detours_where_links_allow(tmp_path: Path) -> None:
    """Messages name them: data, not recipes/../data; but what lies behind a link stays where it is."""
    text = 'name = "r"\noutput = "../run"\n[data]\nset = "folder"\nfolder = "../data"\n'
    (tmp_path / "far/recipes").mkdir(parents=True)
    (tmp_path / "far/recipes/r.toml").write_text(text)
    (tmp_path / "near").symlink_to(tmp_path / "far/recipes")
    assert read_recipe(tmp_path / "far/recipes/r.toml", SegmentRecipe).data.folder == tmp_path / "far/data"
    behind = read_recipe(tmp_path / "near/r.toml", SegmentRecipe).data.folder
    assert behind.resolve() == (tmp_path / "far/data").resolve()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = " + "[" * 100_000, "nested too deep"),
        ("a = " + "[" * 50 + "]" * 50, "nested more than 16 deep"),
        (".".join("a" * 5000) + " = 1", "at most 4,000 dots"),
        (".".join("a" * 900) + " = 1", "nested"),
        ("a = 0x" + "f" * 5000, "less than 64 bits"),
        ("a = " + "9" * 5000, "cannot be read"),
        ('a = "' + "x" * 300_000 + '"', "more than 262,144 bytes"),
    ],
)
def test_a_recipe_that_explodes_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(InputError, match=rf"a\.toml.*{told}"):
        read_recipe(tmp_path / "a.toml", AlignRecipe)


def test_recipes_over_recipes_have_an_end(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.toml").write_text(f'base = "{number + 1}.toml"')
    with pytest.raises(InputError, match="more than 16 recipes"):
        read_recipe(tmp_path / "0.toml", AlignRecipe)
