"""Students before their first step, and the folder that a run's best weights are mapped with."""

import copy
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from geoglot.errors import ModelError
from geoglot.models.base import VisionLanguageModel
from geoglot.models.card import Card
from geoglot.models.light.light import Light
from geoglot.models.mini.mini import Mini
from geoglot.models.segclip.builder import Origins, build_segmenter
from geoglot.models.segmenter import IMAGENET_MEAN, IMAGENET_STD, STRIDE, Segmenter, new_segmenter, save_segmenter
from geoglot.models.zoo import load_word_model
from geoglot.outputs.own import hidden_path
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.training.words.words_recipe import WordsRecipe


def new_student(
    recipe: WordsRecipe, names: Sequence[str], teacher: VisionLanguageModel, texts: str, scenes: Sequence[EncodedScene]
) -> Segmenter:
    """The student of a recipe; `texts` is where the teacher was loaded from."""
    settings, extra = recipe.student, bands_of(scenes) - 3
    config = {"classes": tuple(names)} | ({"extra_bands": extra} if extra else {})
    card = Card(
        name=recipe.name, family=settings.architecture, dim=0, patch_size=STRIDE, tile_size=recipe.crops.side,
        resolution=_resolution(scenes, teacher.card.resolution, recipe.crops.scales), mean=IMAGENET_MEAN,
        std=IMAGENET_STD, logit_scale=1.0, licence=teacher.card.licence,
        source=f"trained by geoglot on {len(scenes)} scenes, taught by {teacher.card.name} and words", config=config,
    )  # fmt: skip
    if settings.architecture == "segclip":
        return build_segmenter(card, settings.segclip, Origins(texts=texts, backbone=None, whole=None))
    card = replace(card, config=config | {"network": asdict(settings.light)})
    student = new_segmenter(card, settings.light)
    if settings.start == "mini":
        _start_from_mini(student)
    return student


def bands_of(scenes: Sequence[EncodedScene]) -> int:
    """How many bands all scenes are read with."""
    return len(scenes[0].raster.indexes)


def publish(student: Segmenter, folder: Path) -> None:
    """Store a model in the place of an earlier one: at every moment there is a whole one, but for a rename."""
    fresh, old = hidden_path(folder, "new"), hidden_path(folder, "old")
    restore(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    save_segmenter(copy.deepcopy(student).cpu(), fresh)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def restore(folder: Path) -> None:
    """After a kill between the two renames of `publish`, put the earlier model back."""
    old = hidden_path(folder, "old")
    if old.exists() and not folder.exists():
        old.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _start_from_mini(student: Segmenter) -> None:
    mini = load_word_model("mini", device="cpu")
    assert isinstance(student.network, Light)
    if not isinstance(mini, Mini):
        raise ModelError("the bundled model is not of the family mini")
    student.network.start_from(mini.image.trunk)


def _resolution(
    scenes: Sequence[EncodedScene], understood: tuple[float, float], scales: tuple[float, float]
) -> tuple[float, float]:
    """Metres a pixel that training shows; what the teacher understands where no scene knows its own."""
    known = [each for scene in scenes if (each := scene.raster.grid.resolution_m)]
    finest, coarsest = (min(known), max(known)) if known else understood
    return finest / scales[1], coarsest / scales[0]
