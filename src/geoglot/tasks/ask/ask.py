"""Questions about one scene: plan a program, run it, and keep what the answer rests on."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from geoglot.aliases import PathLike, Progress
from geoglot.errors import AnswerError, InputError
from geoglot.models.zoo import Model, load_model
from geoglot.options import ReadOptions
from geoglot.outputs.journal import fingerprint
from geoglot.outputs.made import Made
from geoglot.scene.dense import model_of
from geoglot.scene.seen import EncodedScene
from geoglot.sources.raster import Raster
from geoglot.tasks.ask.answer import Answer, certainty, recorded, round_value, sentence_of
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.evidence import Pictured, check_evidence, collection, evidence_files, write_evidence
from geoglot.tasks.ask.limits import Budget
from geoglot.tasks.ask.plan import Plan, Planner
from geoglot.tasks.ask.rules import Rules
from geoglot.tasks.ask.sandbox import ProgramError, Sandbox
from geoglot.tasks.ask.scene_things import Scene
from geoglot.tasks.ask.scenes import RasterScene, SceneOptions, check_pair
from geoglot.tasks.ask.vocabulary import Vocabulary
from geoglot.tasks.refine.load import choose_refiner
from geoglot.tasks.refine.refiner import Refiner

ModelLike = Model | PathLike


class Asker(AbstractContextManager["Asker"]):
    """A scene, or two dates of one place, that answers any number of questions. A context manager.

    A scene is encoded once. Threads may share an Asker; their questions are answered one after the other.
    """

    def __init__(self, scene: Scene, after: Scene | None = None, *, options: AskOptions | None = None) -> None:
        self.scene, self.after, self.options = scene, after, options or AskOptions()
        self.planner: Planner = self.options.planner or Rules()
        self._dates = [scene] if after is None else [scene, after]
        self._lock, self._stack = threading.RLock(), ExitStack()
        self._sandbox = self._stack.enter_context(Sandbox(self.options.limits))

    @classmethod
    def open(
        cls,
        source: PathLike | Raster | EncodedScene,
        after: PathLike | Raster | EncodedScene | None = None,
        *,
        model: ModelLike = "mini",
        read: ReadOptions = ReadOptions(),
        options: AskOptions | None = None,
        refiner: Refiner | str | None = None,
        progress: Progress | None = None,
    ) -> Asker:
        """Ask rasters. Raises SourceError, ModelError, and InputError for two rasters of different places.

        A scene that is encoded already is not encoded again; `model` is then the one that encoded it. `refiner`
        outlines objects: "none", "edges", what `load_sam` gives, or your own.
        """
        options = options or AskOptions()
        loaded = load_model(
            model_of(source.dense) if isinstance(source, EncodedScene) else model, device=options.device
        )
        looks = SceneOptions(read, options.find, progress, choose_refiner(refiner))
        with ExitStack() as stack:
            first = stack.enter_context(RasterScene(source, loaded, looks))
            second = stack.enter_context(RasterScene(after, loaded, looks)) if after is not None else None
            if second is not None:
                check_pair(first, second)
            asker = cls(first, second, options=options)
            asker._stack.push(stack.pop_all())
        return asker

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask(self, question: str, *, evidence: PathLike | None = None) -> Answer:
        """Answer a question. A question that cannot be planned or answered gets a refusal, which is no error.

        `evidence` is a file as in `AskOptions`; a file that may not be replaced is refused before any work.
        """
        if not question.strip():
            raise InputError("the question is empty")
        with self._lock:
            started = time.monotonic()
            if evidence is not None:
                self._start_evidence(question, Path(evidence), self.options.overwrite)
            try:
                plan = self.planner.plan(
                    question, lambda program: self._sandbox.run(program, self._words(), check=True)
                )
                answer = self.run(question, plan, started)
            except AnswerError as error:
                answer = self._refusal(question, str(error), Plan("", "", getattr(error, "messages", ())), started)
            if evidence is not None:
                self.write_evidence(answer, Path(evidence), self.options.overwrite)
            return answer

    def run(self, question: str, plan: Plan, started: float | None = None) -> Answer:
        """Answer a question by a program that is planned already."""
        with self._lock:
            started, words = time.monotonic() if started is None else started, self._words()
            try:
                reply = self._sandbox.run(plan.program, words)
            except AnswerError as error:
                return self._refusal(question, _reason(error), plan, started)
            regions = tuple(one.region for one in words.records if one.region and one.name != "whole")
            confidence, reason = certainty(words)
            return replace(
                self._blank(question, plan, started),
                value=round_value(reply.value),
                unit=reply.unit or None,
                text=sentence_of(reply),
                confidence=confidence,
                reason=reason,
                evidence=collection(reply.objects, regions, words.ground),
                calls=recorded(words.records),
            )

    def replay(self, document: Mapping[str, Any]) -> Answer:
        """Give an answer again from its document; AnswerError if it is another one now.

        Raises InputError for a document that holds no answer, or an answer by another model or refiner.
        """
        try:
            question, program, planner = document["question"], document["program"], document["planner"]
            known, value = document["model"]["sha256"], document["value"]
            refiner = document.get("refiner", "none")
        except (KeyError, TypeError) as error:
            raise InputError(f"this is no document of `geoglot ask --json`: {error!r}") from error
        if program is None or value is None:
            raise InputError("this document holds a refusal, and no program to run again")
        if known != self.scene.sha256:
            raise InputError(f"the answer came from {document['model']['name']}, whose weights differ from these")
        if refiner != self.scene.refiner:
            raise InputError(f"things were outlined by --refine {refiner} then, and by {self.scene.refiner} now")
        again = replace(self.run(question, Plan(program, document.get("kind", ""))), planner=planner)
        if again.value != value or again.unit != document["unit"] or again.text != document["text"]:
            raise AnswerError(
                f"the answer is another one now: {again.text!r} and not {document['text']!r}; "
                "the scene, or an option such as --min-score, --gsd or --bands, is not what it was"
            )
        return again

    def write_evidence(self, answer: Answer, path: Path, overwrite: bool = False) -> tuple[Path, Path]:
        """Write the evidence of an answer of this scene as GeoJSON, and a PNG beside it.

        Raises OutputError for files of another answer unless `overwrite`, InputError for an answer about another scene.
        """
        scene = self._dates[-1]
        if not isinstance(scene, Pictured):
            raise InputError("only rasters can be drawn")
        if (answer.source, answer.after) != (self.scene.uri, self.after.uri if self.after else None):
            raise InputError(f"the answer is about {answer.source}, and this scene is {self.scene.uri}")
        with self._lock:
            made = self._start_evidence(answer.question, path, overwrite)
            return write_evidence(made, answer.evidence, scene, answer.text)

    @property
    def failed(self) -> int:
        """Windows that the model did not see."""
        return sum(one.failed for one in self._dates)

    def _start_evidence(self, question: str, path: Path, overwrite: bool) -> Made:
        made = evidence_files(path)
        made.check(*(one.uri for one in self._dates))
        decided = {"scenes": [one.facts for one in self._dates], "refiner": self.scene.refiner}
        made.start(fingerprint(decided | {"question": question, "planner": self.planner.name}), overwrite)
        return made

    def _try(self, program: str) -> None:
        self._sandbox.run(program, self._words(), check=True)

    def _words(self) -> Vocabulary:
        limits, pixel_m, themes = self.options.limits, self.scene.pixel_m, self.options.themes
        return Vocabulary(self.scene, self.after, Budget(limits), pixel_m, themes)

    def _refusal(self, question: str, why: str, plan: Plan, started: float) -> Answer:
        return replace(self._blank(question, plan, started), text=f"{why[0].upper()}{why[1:]}")

    def _blank(self, question: str, plan: Plan, started: float) -> Answer:
        return Answer(
            question=question, value=None, unit=None, text="", confidence=None, reason="",
            program=plan.program or None, planner=self.planner.name, kind=plan.kind, source=self.scene.uri,
            after=self.after.uri if self.after else None, model=self.scene.model, sha256=self.scene.sha256,
            refiner=self.scene.refiner, evidence={"type": "FeatureCollection", "features": []}, calls=(),
            messages=plan.messages, notes=tuple(dict.fromkeys(note for one in self._dates for note in one.notes)),
            seconds=round(time.monotonic() - started, 3),
        )  # fmt: skip


def _reason(error: AnswerError) -> str:
    """The last line of an error: the lines before it are the program's."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    last = lines[-1].strip() if lines else "the program failed"
    return last.partition(": ")[2] or last if isinstance(error, ProgramError) else last


def ask(
    source: PathLike | Raster | EncodedScene,
    question: str,
    *,
    after: PathLike | Raster | EncodedScene | None = None,
    model: ModelLike = "mini",
    read: ReadOptions = ReadOptions(),
    options: AskOptions | None = None,
    refiner: Refiner | str | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Answer a question about a raster, or about two dates of one place, of which `after` is the second.

    To ask several questions use `Asker.open`, which encodes the scene once. A question that cannot be read, or whose
    program fails, gets an answer without a value, whose text says why. SourceError, ModelError and InputError are
    raised for files, models and options that cannot be used.
    """
    options = options or AskOptions()
    if options.evidence is not None:
        check_evidence(Path(options.evidence))
    opened = Asker.open(source, after, model=model, read=read, options=options, refiner=refiner, progress=progress)
    with opened as asker:
        return asker.ask(question, evidence=options.evidence)
