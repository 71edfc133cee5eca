"""A run of `geoglot train words` from its first look to its card: rounds of votes and training."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch

from geoglot.aliases import Progress
from geoglot.errors import InputError
from geoglot.hashing import fingerprint
from geoglot.models.base import VisionLanguageModel
from geoglot.models.segmenter import Segmenter
from geoglot.models.zoo import load_segmenter
from geoglot.outputs.atomic import disk_errors
from geoglot.scene.dense import ClassDense
from geoglot.scene.encoded_scene import EncodedScene, encode_scene
from geoglot.training.checkpoint import TrainState
from geoglot.training.identity import identity
from geoglot.training.loop import Fitted, Report, fit
from geoglot.training.processes import SINGLE, own_random_state
from geoglot.training.trained import MODEL, Trained
from geoglot.training.words.duration import estimate
from geoglot.training.words.looks import Looks
from geoglot.training.words.soft_crops import SoftCrops, hold_out
from geoglot.training.words.students import new_student, publish
from geoglot.training.words.surest import Surest, choose_surest
from geoglot.training.words.taught_card import describe, doubts, round_facts, write_card
from geoglot.training.words.votes import Cell, Source, Taught
from geoglot.training.words.words_objective import WordsObjective
from geoglot.training.words.words_recipe import WordsRecipe

log = logging.getLogger(__name__)

_VOTER = "voter"


@dataclass
class WordsRun:
    """A run that is open: its teacher, its scenes and its folder."""

    recipe: WordsRecipe
    facts: dict[str, Any]
    uris: list[str]
    names: tuple[str, ...]
    texts: str
    teacher: VisionLanguageModel
    looks: Looks
    device: torch.device
    report: Report
    progress: Progress | None

    def open_scenes(self) -> list[EncodedScene]:
        """The scenes before any look at them; SourceError or InputError for one that cannot be read."""
        return [self._encode(uri, self.looks, "teacher", blank=True) for uri in self.uris]

    def new_student(self, blank: Sequence[EncodedScene]) -> Segmenter:
        """The student before its first step."""
        with own_random_state(self.device, self.recipe.fit.seed):
            return new_student(self.recipe, self.names, self.teacher, self.texts, blank).to(self.device)

    def go(self, blank: Sequence[EncodedScene], student: Segmenter) -> Trained:
        """All rounds, and the card at the end."""
        log.warning("%s", estimate(self.recipe, self.looks, blank, student))
        scenes = [self._encode(uri, self.looks, "teacher") for uri in self.uris]
        rounds = list[dict[str, Any]]()
        sources: tuple[Source, ...] = (Source(scenes, 1),)
        for number in range(self.recipe.rounds):
            surest, fitted = self._round(number, student, sources)
            rounds.append(round_facts(number + 1, surest, sum(each.voters for each in sources[1:]), fitted.metrics))
            student = cast(Segmenter, fitted.model).requires_grad_(True)
            if self.recipe.voters and number + 1 < self.recipe.rounds:
                sources = (sources[0], self._vote(number))
        publish(student, self.model)
        notes = (*doubts(surest), *_failures(scenes), *fitted.notes)
        write_card(self.recipe.output, self._card(student, scenes, rounds, notes))
        figures = fitted.metrics | (
            {"step": number * self.recipe.fit.steps + fitted.metrics["step"]} if fitted.metrics else {}
        )
        return Trained(
            self.recipe.output, self.recipe.rounds * self.recipe.fit.steps, figures, notes, self._folder(number)
        )

    @property
    def model(self) -> Path:
        return self.recipe.output / MODEL

    def _round(self, number: int, student: Segmenter, sources: tuple[Source, ...]) -> tuple[Surest, Fitted]:
        """Choose what counts of the votes, and train the student on it."""
        recipe, teaching = self.recipe, self.recipe.teacher
        taught = Taught(sources, recipe.read, self.teacher.card.resolution)
        cells = taught.cells(recipe.crops.cell)
        surest = choose_surest(taught, cells, self.names, teaching.keep, teaching.agree, self.progress)
        for line in describe(surest):
            log.warning("%s", line)
        _check_found(surest)
        folder = self._folder(number)
        with disk_errors(folder):
            folder.mkdir(exist_ok=True)
        objective = self._objective(number, student, taught, cells, surest)
        seen = fingerprint({"facts": [scene.facts for scene in sources[0].scenes]})
        run = identity(self.facts, **{"the scenes": seen, "the round": number})
        report, evaluated = self._reporting(number), partial(self._evaluated, number)
        try:
            return surest, fit(objective, recipe.fit, folder, run, SINGLE, report, evaluated)
        finally:
            taught.close()

    def _objective(
        self, number: int, student: Segmenter, taught: Taught, cells: Sequence[Cell], surest: Surest
    ) -> WordsObjective:
        crops = replace(self.recipe.crops, seed=self.recipe.crops.seed + 1000 * number)
        held_out = hold_out(cells, crops.held_out, self.recipe.crops.seed)
        seen = sorted(set(range(len(cells))) - set(held_out))
        return WordsObjective(
            student, SoftCrops(taught, cells, seen, surest, crops), held_out, self.recipe.loss,
            self.recipe.fit.bfloat16,
        )  # fmt: skip

    def _reporting(self, number: int) -> Report:
        """The steps of all rounds in one row."""
        steps, rounds = self.recipe.fit.steps, self.recipe.rounds
        return lambda step, _, figures: self.report(number * steps + step, rounds * steps, figures)

    def _evaluated(self, number: int, state: TrainState, improved: bool) -> None:
        """Keep the best weights where they can be mapped with, and the last ones as voters."""
        student, fit_settings = cast(Segmenter, state.ema or state.model), self.recipe.fit
        if improved or state.best is None:
            publish(student, self.model)
        left = -(-(fit_settings.steps - state.step) // fit_settings.evaluate_every)
        if number + 1 < self.recipe.rounds and left < self.recipe.voters:
            publish(student, self._folder(number) / f"{_VOTER}-{state.step}")

    def _vote(self, number: int) -> Source:
        """The checkpoints of a round look at all scenes."""
        folders = sorted(self._folder(number).glob(f"{_VOTER}-*"), key=lambda path: int(path.name.split("-")[1]))
        voters = [load_segmenter(folder, device=str(self.device)) for folder in folders]
        hashes = [voter.card.sha256 for voter in voters]
        looks = Looks([ClassDense(voter) for voter in voters], "none", (1.0,), hashes, max(0, voters[0].card.bands - 3))
        if self.recipe.read.resolution is None:  # scenes are read as the teacher reads them
            looks.card = replace(looks.card, resolution=self.teacher.card.resolution)
        return Source([self._encode(uri, looks, f"votes-{number + 1}") for uri in self.uris], len(voters))

    def _encode(self, uri: str, looks: Looks, where: str, *, blank: bool = False) -> EncodedScene:
        """The votes about a scene, in files that stay; of a blank one its windows alone."""
        folder, read = self.recipe.output / where, self.recipe.read
        if not blank:
            with disk_errors(folder):
                folder.mkdir(exist_ok=True)
        area, progress = self.recipe.area, self.progress
        with encode_scene(uri, looks, read=read, area=area, vectors=folder, blank=blank, progress=progress) as scene:
            return scene

    def _folder(self, number: int) -> Path:
        return self.recipe.output / f"round-{number + 1}"

    def _card(
        self, student: Segmenter, scenes: Sequence[EncodedScene], rounds: list[dict[str, Any]], notes: tuple[str, ...]
    ) -> dict[str, Any]:
        return {
            "name": self.recipe.name,
            "architecture": self.recipe.student.architecture,
            "parameters": sum(parameter.numel() for parameter in student.parameters()),
            "bands": list(scenes[0].raster.bands),
            "teacher": self.teacher.card.name,
            "scenes": [scene.raster.uri for scene in scenes],
            "rounds": rounds,
            "notes": list(notes),
        }


def _check_found(surest: Surest) -> None:
    """InputError if nothing can be learned from what the voters found."""
    if not any(entry.found for entry in surest.classes):
        raise InputError("the scenes have no data that the teacher can see, so there is nothing to learn")
    if not surest.cells.any():
        raise InputError(
            f"less than {surest.agree:.0%} of the looks agree about every place, so there is nothing to learn; try "
            "other words, or another output with a lower teacher.agree in its recipe"
        )


def _failures(scenes: Sequence[EncodedScene]) -> tuple[str, ...]:
    failed = [(scene, window) for scene in scenes for window in scene.failed]
    if not failed:
        return ()
    scene, window = failed[0]
    return (f"{len(failed)} windows could not be read, and count nowhere; the first of {scene.raster.uri}: "
            f"{window.reason}",)  # fmt: skip
