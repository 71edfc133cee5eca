"""The recipe of `geoglot train words`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Literal

from geoglot.aliases import Amount, ClassesLike, Count, Part, PathLike, Positive
from geoglot.errors import GeoglotError, InputError
from geoglot.models.light.light import LightConfig
from geoglot.models.segclip.config import Prompts, SegClipConfig
from geoglot.models.stored import lasting_place
from geoglot.options import TEMPLATES, Architecture, Flips, ReadOptions, WordsOptions
from geoglot.outputs.atomic import check_folder, write_bytes
from geoglot.outputs.own import is_marked
from geoglot.recipe import read_recipe
from geoglot.recipe_text import recipe_text
from geoglot.scene.class_words import ClassWords, parse_classes, parse_words
from geoglot.sources.raster_guard import is_local
from geoglot.training.loop import Fit
from geoglot.training.soft_losses import SoftLoss
from geoglot.training.words.soft_crops import SoftSampling

BACKGROUND = "background"


@dataclass(frozen=True)
class Teaching:
    """The teacher, and what of its maps counts."""

    model: str = "mini"
    """A model that reads words, by name or folder; it may have been taught classes of its own."""
    templates: tuple[str, ...] = TEMPLATES
    """Sentences with {} for the word, over which the teacher averages."""
    flips: Flips = "all"
    scales: tuple[Positive, ...] = (1.0, 1.5)
    """Sizes at which the teacher sees each window."""
    keep: Part = 0.6
    """Of what the teacher finds of each class, the surest share counts, and the rest is ignored."""
    agree: Part = 0.75
    """Least share of the looks that agree with what they find together."""

    def __post_init__(self) -> None:
        if not self.scales or not self.keep:
            raise InputError("teacher.scales must have a number at least, and teacher.keep must be above 0")


@dataclass(frozen=True)
class Student:
    """The model that is trained."""

    architecture: Architecture = "light"
    """light: EfficientNet-Lite0 with a small decoder, any bands; segclip: text prompts, whose classes take other
    words."""
    start: Literal["mini", "random"] = "mini"
    """First weights of a light student's encoder: those of the bundled model, or random ones."""
    light: LightConfig = field(default_factory=LightConfig)
    segclip: SegClipConfig = field(
        default_factory=lambda: SegClipConfig(
            backbone={"embedding_size": 32, "hidden_sizes": [32, 64, 128, 256], "depths": [2, 2, 2, 2],
                      "layer_type": "basic"},
            queries=48, width=96, heads=4, feed_forward=192, layers=6, encoder_layers=2, encoder_feed_forward=192,
            prompts=Prompts(background="text"), class_head="cosine",
        )
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.segclip.classes:
            raise InputError("student.segclip.classes come from the words; leave them out")


@dataclass(frozen=True)
class WordsRecipe:
    """Everything that decides a student."""

    name: str
    output: Path
    """Folder for votes, checkpoints and the model."""
    scenes: tuple[str, ...]
    """Rasters, relative to the recipe's folder."""
    classes: dict[str, tuple[str, ...]]
    """The classes, each with the words that the teacher reads."""
    background: tuple[str, ...] = ()
    """Words for the ground that is none of the classes; it becomes the class "background". If there is a single class
    and no such word, general words of other meaning take their place."""
    area: Path | None = None
    """A file of polygons, relative to the recipe's folder: what lies outside teaches nothing. None is all ground."""
    rounds: Count = 2
    """Trainings; after each but the last the student's checkpoints vote beside the teacher."""
    voters: Amount = 3
    """Checkpoints that vote, the last evaluated ones of a round; 0 for the teacher alone."""
    read: ReadOptions = field(default_factory=ReadOptions)
    """How scenes are read: bands beyond red, green and blue are for the student alone."""
    teacher: Teaching = field(default_factory=Teaching)
    student: Student = field(default_factory=Student)
    crops: SoftSampling = field(default_factory=SoftSampling)
    loss: SoftLoss = field(default_factory=SoftLoss)
    fit: Fit = field(
        default_factory=lambda: Fit(
            steps=400, rate=2e-3, warmup=0.05, weight_decay=0.05, clip=1.0, average=0.98, evaluate_every=80,
            checkpoint_every=80,
        )
    )  # fmt: skip
    """One round."""

    def __post_init__(self) -> None:
        if not self.scenes or not self.classes:
            raise InputError("a recipe needs scenes and classes")
        if self.background and BACKGROUND in self.classes:
            raise InputError(f"{BACKGROUND} is the name of the rest; give that class another name, or no background")
        if self.student.architecture == "segclip" and len(self.read.bands or ()) > 3:
            raise InputError('a segclip sees red, green and blue; take student.architecture = "light" for more bands')

    @property
    def words(self) -> tuple[ClassWords, ...]:
        """The classes with their words, without the background."""
        return parse_classes({name: words or (name,) for name, words in self.classes.items()})


def places(scenes: tuple[str, ...], folder: Path) -> list[str]:
    """The scenes of a recipe in `folder`; URLs and GDAL's own paths stay as they are."""
    return [os.path.normpath(folder / scene) if is_local(scene) else scene for scene in scenes]


@contextmanager
def recipe_beside(
    output: Path,
    scenes: tuple[str, ...],
    classes: ClassesLike,
    chosen: WordsOptions = WordsOptions(),
    read: ReadOptions = ReadOptions(),
) -> Iterator[Path]:
    """The recipe file beside a run's folder, which is written if it is not there yet.

    A new one is removed again if an error ends the block before the run begins. InputError if the file is there, of
    other scenes or classes.
    """
    path, folder = output.with_name(f"{output.name}.toml"), output.parent
    place = lasting_place(chosen.teacher)
    teacher = os.path.relpath(place, folder) if Path(place).is_absolute() else place
    asked = WordsRecipe(
        name=output.name,
        output=Path(output.name),
        scenes=tuple(os.path.relpath(scene, folder) if is_local(scene) else scene for scene in scenes),
        classes={entry.name: entry.words for entry in parse_classes(classes)},
        background=parse_words(chosen.background),
        area=Path(os.path.relpath(chosen.area, folder)) if chosen.area else None,
        read=read,
        teacher=Teaching(model=teacher),
        student=Student(architecture=chosen.student),
    )
    if not path.exists():
        check_folder(path)
        other = "segclip" if chosen.student == "light" else "light"
        write_bytes(path, recipe_text(asked, _COMMENTS, {f"student.{other}"}).encode())
        try:
            yield path
        except GeoglotError:
            if not is_marked(output):
                path.unlink()
            raise
        return
    there = read_recipe(path, WordsRecipe)
    for what in ("scenes", "classes", "background", "teacher.model", "student.architecture"):
        if attrgetter(what)(there) != attrgetter(what)(asked):
            raise InputError(
                f"{path} has other {what}; go on with it by: geoglot train words {path}, or give another output"
            )
    if _absolute(there.area) != _absolute(chosen.area):
        raise InputError(
            f"{path} has another area; go on with it by: geoglot train words {path}, or give another output"
        )
    yield path


def _absolute(path: PathLike | None) -> str | None:
    return None if path is None else os.path.realpath(path)


_COMMENTS = {
    "name": "geoglot train words THIS_FILE begins the run, or goes on with it.",
    "rounds": "After each round but the last, the student's checkpoints vote beside the teacher.",
    "teacher.keep": "The share of what is found of each class that counts: the surest. The rest is ignored.",
    "teacher.agree": "The least share of the looks (flips times scales) that must agree.",
    "student.architecture": '"light", or "segclip", whose classes can be given other words later.',
    "fit.steps": "Of one round.",
}
