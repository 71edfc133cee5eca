"""docs/graft.md does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from geoglot.models.zoo import load_word_model
from geoglot.training.train_align import train_align
from tinyclip import store_clip

GUIDE = (Path(__file__).parents[2] / "docs" / "graft.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", GUIDE, flags=re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def test_a_pair_set_and_a_recipe_by_the_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block("python"), "graft.md", "exec"), {})
    store_clip(tmp_path / "clip-vit-b-16")  # a folder beside the recipe wins over a name of the zoo
    Path("mine.toml").write_text(block("toml"))
    assert load_word_model(train_align(Path("mine.toml")).model).card.name == "mine"
