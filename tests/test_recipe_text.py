"""Recipes as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from geoglot.recipe import read_recipe
from geoglot.recipe_text import recipe_text


@dataclass(frozen=True)
class Inner:
    share: float = 0.5
    names: tuple[str, ...] = ("a", 'with "quotes"')
    words: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"swimming pool": ("pool",)})


@dataclass(frozen=True)
class Outer:
    name: str
    folder: Path
    inner: Inner = field(default_factory=Inner)
    nothing: str | None = None
    many: int = 3
    on: bool = True


def test_a_recipe_that_is_written_is_read_again(tmp_path: Path) -> None:
    recipe = Outer("straße", Path("data"))
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_text(recipe), encoding="utf-8")
    assert read_recipe(path, Outer) == Outer("straße", tmp_path / "data")


def test_comments_stand_above_their_key_and_what_is_left_out_is_not_there() -> None:
    text = recipe_text(Outer("x", Path("y")), {"inner.share": "of all", "many": "two\nlines"}, {"inner.words", "on"})
    assert "# of all\nshare = 0.5" in text and "# two\n# lines\nmany = 3" in text
    assert "nothing" not in text and "pool" not in text and "on =" not in text
