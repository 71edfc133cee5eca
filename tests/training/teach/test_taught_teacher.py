"""A model that was taught by a few labels teaches a student in its turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drawn import FIELD, points, save
from geoglot.models.zoo import load_segmenter, load_word_model
from geoglot.training.loop import Fit
from geoglot.training.teach.teach import teach
from geoglot.training.words.soft_crops import SoftSampling
from geoglot.training.words.train_words import teaching_words, train_words
from geoglot.training.words.words_recipe import Teaching, WordsRecipe


@pytest.fixture
def recipe(scene: Path, base: Path, tmp_path: Path) -> WordsRecipe:
    teach(scene, save(points(FIELD, 8), tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    return WordsRecipe(
        name="tiny", output=tmp_path / "run", scenes=(str(scene),), classes={"shed": ("sheds",), "water": ("water",)},
        teacher=Teaching(model=str(tmp_path / "mine"), flips="none", scales=(1.0,)), rounds=1,
        crops=SoftSampling(batch=2, side=32, scales=(1.0, 1.0)), fit=Fit(steps=2, rate=1e-3),
    )  # fmt: skip


def test_taught_classes_and_words_teach_a_student_and_what_is_left_is_the_background(recipe: WordsRecipe) -> None:
    made = train_words(recipe, "cpu")
    assert load_segmenter(made.model, device="cpu").classes == ("shed", "water", "background")
    found = {line.split(" | ")[0].strip("| "): line for line in (made.output / "taught.md").read_text().splitlines()}
    share = float(found["shed"].split(" | ")[1].rstrip("%"))
    assert share == pytest.approx(100 * (FIELD == 2).mean(), abs=5)


def test_a_taught_class_alone_needs_no_other_words(recipe: WordsRecipe) -> None:
    teacher = load_word_model(recipe.teacher.model, device="cpu")
    for words in ((), ("grey thing",)):  # what a class file has for models that were not taught it
        (own,) = teaching_words(replace(recipe, classes={"shed": words}), teacher)
        assert own.name == "shed"
    assert len(teaching_words(replace(recipe, classes={"water": ()}), teacher)) == 2
