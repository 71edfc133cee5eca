from pathlib import Path

import pytest

from geoglot.errors import InputError
from geoglot.shipped import docs, pages, recipe_files, recipes

ROOT = Path(__file__).parents[1]


def test_pages_are_those_for_users() -> None:
    assert {"search", "teach", "train-your-own"} <= set(pages())
    assert not {"log", "tree", "mini-log", "index", "README", "0001-rooms-and-arrow"} & set(pages())
    assert docs() == ROOT / "docs"


def test_recipes_are_what_can_be_run() -> None:
    found = {recipe.name: recipe.title for recipe in recipes()}
    assert {"segclip/loveda.toml", "pairs/naip.toml", "words/town.toml", "world/prove.py"} <= set(found)
    assert not {"world/noise.py", "mini/concepts.toml"} & set(found)
    assert all(title and not title.startswith(("geoglot ", "name =")) for title in found.values())


def test_a_recipe_is_one_file_under_any_of_its_names() -> None:
    for name in ("segclip/loveda.toml", "segclip/loveda", "loveda.toml", "loveda"):
        assert recipe_files(name) == [(ROOT / "recipes/segclip/loveda.toml", Path("loveda.toml"))]


def test_notebooks_are_copied_alone_or_together() -> None:
    titles = {recipe.name: recipe.title for recipe in recipes()}
    assert titles["notebooks/segclip.ipynb"] == "Train SegCLIP on a folder, a notebook"
    assert recipe_files("tour") == [(ROOT / "notebooks/tour.ipynb", Path("tour.ipynb"))]
    assert len(recipe_files("notebooks")) == len(list((ROOT / "notebooks").glob("*.ipynb"))) == 6


def test_a_script_comes_with_all_that_it_uses() -> None:
    places = {place.as_posix() for _, place in recipe_files("change/real.py")}
    assert {"change/real.py", "change/later.py", "world/world.py"} <= places
    assert places == {place.as_posix() for _, place in recipe_files("change")}


@pytest.mark.parametrize(
    ("name", "said"),
    [("lovedo", "near is loveda"), ("../world", "no recipe is called"), ("", "no recipe is called"), ("x" * 9, "list")],
)
def test_an_unknown_recipe_is_refused(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        recipe_files(name)


def test_a_name_of_several_recipes_wants_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / "shipped/recipes" / folder).mkdir(parents=True)
        (tmp_path / "shipped/notebooks").mkdir(exist_ok=True)
        (tmp_path / "shipped/recipes" / folder / "x.toml").write_text("# X\n#   geoglot train align x.toml\n")
    monkeypatch.setattr("geoglot.shipped._PACKAGE", tmp_path)
    with pytest.raises(InputError, match=r"a/x\.toml, b/x\.toml; give the folder"):
        recipe_files("x")
    with pytest.raises(InputError, match="docs are missing"):
        docs()
