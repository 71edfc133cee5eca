"""`geoglot train words`: words and unlabelled scenes become a segmenter. The same call again resumes a run.

A teacher that reads words maps the scenes in several looks (`looks.py`), of which the surest share of each class counts
(`surest.py`). A student learns that; then its checkpoints vote beside the teacher, and it learns again.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import compress
from pathlib import Path

import torch

from geoglot.aliases import PathLike, Progress
from geoglot.errors import OutputError
from geoglot.models.base import VisionLanguageModel
from geoglot.models.stored import resolve_model
from geoglot.models.taught import Taught
from geoglot.models.zoo import load_word_model
from geoglot.outputs.atomic import disk_errors
from geoglot.outputs.own import is_marked, mark
from geoglot.recipe import open_recipe, recipe_facts
from geoglot.scene.class_words import ClassWords
from geoglot.scene.question import BACKGROUND as GENERAL
from geoglot.scene.question import other_meanings
from geoglot.scene.taught_question import as_taught
from geoglot.scene.taught_scores import scores_of
from geoglot.scene.text_vectors import text_vectors
from geoglot.scene.wording import word_notes
from geoglot.training.loop import Report, quiet
from geoglot.training.processes import own_device
from geoglot.training.trained import MODEL, Trained
from geoglot.training.words.looks import Looks
from geoglot.training.words.students import restore
from geoglot.training.words.taught_card import FACTS
from geoglot.training.words.words_recipe import BACKGROUND, WordsRecipe, places
from geoglot.training.words.words_run import WordsRun

log = logging.getLogger(__name__)


def train_words(
    recipe: WordsRecipe | PathLike,
    device: str | None = None,
    report: Report = quiet,
    progress: Progress | None = None,
) -> Trained:
    """Train a student by a recipe or its file, from where an earlier call stopped if there is one.

    RUN/model can be used to map with as soon as weights were evaluated, and always holds the best. Raises InputError,
    SourceError or ModelError for what cannot be used, before anything is written.
    """
    asked, folder = open_recipe(recipe, WordsRecipe)
    place = own_device(device)
    texts = resolve_model(asked.teacher.model, folder)
    teacher = load_word_model(texts, device=str(place))
    own = as_taught(teacher, asked.words)
    for note in word_notes(teacher, own, background=asked.background, templates=asked.teacher.templates):
        log.warning("%s", note)
    words = teaching_words(asked, teacher)
    told = {"model": teacher.card.sha256, "words": [asdict(entry) for entry in words]}
    extra = max(0, len(asked.read.bands or ()) - 3)
    scores = scores_of(teacher, words, templates=asked.teacher.templates)
    looks = Looks([scores], asked.teacher.flips, asked.teacher.scales, told, extra)
    run = WordsRun(
        recipe=asked, facts=recipe_facts(asked, folder, "output") | {"told": told}, uris=places(asked.scenes, folder),
        names=looks.classes, texts=texts, teacher=teacher, looks=looks, device=place, report=report, progress=progress,
    )  # fmt: skip
    blank = run.open_scenes()
    student = run.new_student(blank)
    _open_output(asked.output)
    with _telling_what_is_kept(run.model):
        return run.go(blank, student)


@torch.inference_mode()
def teaching_words(recipe: WordsRecipe, teacher: VisionLanguageModel) -> tuple[ClassWords, ...]:
    """The classes that the teacher maps: those of the recipe, and the rest if there are words for it.

    A single class needs something to compete with: without words for the rest, general words of other meaning. A
    taught class has the other classes of its model.
    """
    words, rest = as_taught(teacher, recipe.words), recipe.background
    taught = isinstance(teacher, Taught) and any(map(teacher.class_of, words[0].words))
    if not rest and len(words) == 1 and not taught:
        texts = partial(text_vectors, teacher, templates=recipe.teacher.templates)
        rest = tuple(compress(GENERAL, other_meanings(texts(words=GENERAL), texts(words=words[0].words))))
    return (*words, ClassWords(BACKGROUND, rest)) if rest else words


def _open_output(output: Path) -> None:
    """Create the folder of a run, or open that of an unfinished one; OutputError if it is complete or not a run's."""
    if (output / FACTS).exists():
        raise OutputError(f"{output} is complete: its model is {output / MODEL}; give another output to train again")
    if output.exists() and any(output.iterdir()) and not is_marked(output):
        raise OutputError(f"{output} was not made by a run; give another output")
    with disk_errors(output):
        output.mkdir(parents=True, exist_ok=True)
        mark(output)
    restore(output / MODEL)


@contextmanager
def _telling_what_is_kept(model: Path) -> Iterator[None]:
    """Where a run ends early, say what can be mapped with."""
    try:
        yield
    except BaseException:
        if model.is_dir():
            log.warning("the best weights so far are in %s, and can be mapped with", model)
        raise
