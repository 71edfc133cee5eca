"""The recipes of SegCLIP are read as they are meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import Mapped
from geoglot.errors import InputError
from geoglot.recipe import read_recipe
from geoglot.training.train_segment import SegmentRecipe, build
from published import save

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
        with pytest.raises(InputError, match="base must be the name"):
            read_recipe(path, SegmentRecipe)
    path.write_text('base = "b.toml"\n')
    with pytest.raises(InputError, match=r"no recipe .*b.toml"):
        read_recipe(path, SegmentRecipe)


def test_the_guide_lays_out_a_set_and_its_recipe_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Table, renumbered masks and recipe as docs/segclip.md has them give a model of its classes and ground."""
    guide = (FOLDER.parents[1] / "docs" / "segclip.md").read_text(encoding="utf-8")
    csv, python, toml = (guide.split(f"```{language}\n")[1].split("```")[0] for language in ("csv", "python", "toml"))
    monkeypatch.chdir(tmp_path)
    save(Path("masks/a.png"), np.arange(64, dtype=np.uint8).reshape(8, 8) % 8)
    save(Path("mine/train/images/a.png"), np.zeros((8, 8, 3), np.uint8))
    Path("mine/classes.csv").write_text(csv)
    exec(compile(python, "segclip.md", "exec"), {})
    Path("mine.toml").write_text(toml)
    recipe = read_recipe(Path("mine.toml"), SegmentRecipe)
    samples = dataset_of(recipe.data.set).read(recipe.data.folder, "train")
    assert isinstance(samples, Mapped)
    assert samples.masks[0]()[0].tolist() == [-1, 0, 1, 2, 3, 4, 5, 6]
    model = build(recipe, Path(), samples)
    assert len(model.classes) == 7 and model.card.resolution == (0.15, 0.6)
