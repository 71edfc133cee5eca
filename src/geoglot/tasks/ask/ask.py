"""Questions about one scene: plan a program, run it, and keep the evidence of its answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from geoglot.aliases import PathLike, Progress
from geoglot.errors import AnswerError, InputError
from geoglot.hashing import fingerprint
from geoglot.models.taught import named
from geoglot.models.zoo import Model, load_model
from geoglot.options import ReadOptions
from geoglot.outputs.made import Made
from geoglot.outputs.vector_names import check_placed
from geoglot.scene.dense import model_of
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.sources.raster import Raster
from geoglot.tasks.ask.answer import Answer, calls_to_json, confidence_of, sentence_of, title_of
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.evidence import Pictured, check_evidence, collection, write_evidence
from geoglot.tasks.ask.ground import shared_notes
from geoglot.tasks.ask.limits import Budget
from geoglot.tasks.ask.plan import Plan, Planner
from geoglot.tasks.ask.rules import Rules
from geoglot.tasks.ask.sandbox import ProgramError, Sandbox, shorten
from geoglot.tasks.ask.scene_things import Scene
from geoglot.tasks.ask.scenes import RasterScene, SceneOptions, check_pair
from geoglot.tasks.ask.two_dates import TwoDates
from geoglot.tasks.ask.vocabulary import Vocabulary
from geoglot.tasks.refine.load import choose_refiner
from geoglot.tasks.refine.refiner import Refiner

ModelLike = Model | PathLike

_NOTHING = "there is nothing to divide by: none of the things that a share or a mean is taken of was found"


class Asker(AbstractContextManager["Asker"]):
    """Answers any number of questions about a scene, or about two dates of one place. A context manager.

    A scene is encoded once. Threads may share an Asker, which answers their questions one after the other.
    """

    def __init__(self, scene: Scene, after: Scene | None = None, *, options: AskOptions | None = None) -> None:
        self.scene, self.after, self.options = scene, after, options or AskOptions()
        self.planner: Planner = self.options.planner or Rules()
        self._dates = [scene] if after is None else [scene, after]
        self._pair: TwoDates | None = None
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
        """Open rasters. Raises SourceError, ModelError, and InputError for two rasters of different places.

        An `EncodedScene` is not encoded again, and answers with the model that encoded it instead of `model`. `refiner`
        outlines objects: "none", "edges", the result of `load_sam`, or your own.
        """
        options = options or AskOptions()
        model = load_model(model_of(source.dense) if isinstance(source, EncodedScene) else model, device=options.device)
        options = replace(options, planner=options.planner or Rules(named(model.card.classes)))
        scene_options = SceneOptions(read, options.find, progress, choose_refiner(refiner))
        with ExitStack() as stack:
            second = stack.enter_context(RasterScene(after, model, scene_options)) if after is not None else None
            crs = second.grid.crs if second else None
            first = stack.enter_context(RasterScene(source, model, scene_options, crs))
            if second is not None:
                check_pair(first, second)
            asker = cls(first, second, options=options)
            if second is not None and second.grid.crs is not None:
                asker._pair = TwoDates(first, second, model, scene_options)
            asker._stack.push(stack.pop_all())
        return asker

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask(self, question: str, *, evidence: PathLike | None = None) -> Answer:
        """Answer a question. A question that cannot be planned or answered gets a refusal, which is not an error.

        `evidence` is a file as in `AskOptions`. Before any work: OutputError if it may not be replaced, InputError if
        the scene is no raster and cannot be drawn.
        """
        if not isinstance(question, str):
            raise InputError(f"a question must be a text, got {question!r}")
        if not question.strip():
            raise InputError("the question is empty")
        with self._lock:
            started = time.monotonic()
            if evidence is not None:
                made, scene = self._start_evidence(question, Path(evidence), self.options.overwrite)
            try:
                plan = self.planner.plan(question, lambda text: self._sandbox.run(text, self._words(), check=True))
                answer = self.run(question, plan, started)
            except AnswerError as error:
                plan = Plan("", "", getattr(error, "messages", ()))
                answer = self._draft(question, plan, started, str(error))
            if evidence is not None:
                write_evidence(made, answer.evidence, scene, answer.text)
            return answer

    def run(self, question: str, plan: Plan, started: float | None = None) -> Answer:
        """Answer a question with a program that is planned already."""
        with self._lock:
            started, words = time.monotonic() if started is None else started, self._words()
            try:
                reply = self._sandbox.run(plan.program, words)
            except AnswerError as error:
                lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                why = lines[-1] if lines else "the program failed"  # the lines before the last one show the program
                if isinstance(error, ProgramError):
                    kind, _, rest = why.partition(": ")
                    why = _NOTHING if kind == ZeroDivisionError.__name__ else rest or why
                return replace(self._draft(question, plan, started, why), presence=_presence(words))
            regions = tuple(call.region for call in words.records if call.region and call.name != "whole")
            confidence, reason = confidence_of(words)
            return replace(
                self._draft(question, plan, started),
                # Six digits are enough for `replay` to compare.
                value=round(reply.value, 6) if isinstance(reply.value, float) else reply.value,
                unit=reply.unit or None,
                text=sentence_of(reply),
                confidence=confidence,
                reason=reason,
                evidence=collection(reply.objects, regions, words.ground),
                calls=calls_to_json(words.records),
                presence=_presence(words),
            )

    def replay(self, document: Mapping[str, Any]) -> Answer:
        """Run the program of an answer's document again; AnswerError if the answer has changed.

        Raises InputError for a document without an answer, or with an answer of another model or refiner.
        """
        try:
            question, program, planner = document["question"], document["program"], document["planner"]
            model, sha256 = document["model"]["name"], document["model"]["sha256"]
            value, unit, text = document["value"], document["unit"], document["text"]
            refiner, kind = document.get("refiner", "none"), document.get("kind", "")
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"this is not a document of `geoglot ask --json`: {error!r}") from error
        if program is None or value is None:
            raise InputError("this document holds a refusal, and no program to run again")
        texts = {"question": question, "program": program, "planner": planner, "kind": kind, "text": text,
                 "model": model, "sha256": sha256, "refiner": refiner}  # fmt: skip
        for name, given in texts.items():
            if not isinstance(given, str):
                raise InputError(f"{name} in the document must be a text, got {type(given).__name__}")
        if sha256 != self.scene.sha256:
            raise InputError(f"the answer came from {shorten(model)}, whose weights differ from these")
        if refiner != self.scene.refiner:
            raise InputError(f"--refine must be {shorten(refiner)}, as in the document, got {self.scene.refiner}")
        again = replace(self.run(question, Plan(program, kind)), planner=planner)
        if (again.value, again.unit, again.text) != (value, unit, text):
            raise AnswerError(
                f"the answer is now {shorten(again.text)!r}, and it was {shorten(text)!r}: the scene, or an option "
                "such as --min-score, --gsd or --bands, has changed"
            )
        return again

    def write_evidence(self, answer: Answer, path: Path, overwrite: bool = False) -> tuple[Path, Path]:
        """Write the evidence of an answer about this scene as GeoJSON, and a PNG beside it.

        Raises OutputError for files of another answer unless `overwrite`, InputError for an answer about another scene.
        """
        if (answer.source, answer.after) != (self.scene.uri, self.after.uri if self.after else None):
            raise InputError(f"the answer is about {answer.source}, and this scene is {self.scene.uri}")
        with self._lock:
            made, scene = self._start_evidence(answer.question, path, overwrite)
            return write_evidence(made, answer.evidence, scene, answer.text)

    @property
    def failed(self) -> int:
        """Windows that the model did not see."""
        return sum(scene.failed for scene in self._dates)

    def _start_evidence(self, question: str, path: Path, overwrite: bool) -> tuple[Made, Pictured]:
        """The files of the evidence, if they may be written, and the scene to draw it on."""
        scene = self._dates[-1]
        if not isinstance(scene, Pictured):
            raise InputError("only rasters can be drawn")
        check_evidence(path)
        check_placed(path, scene.grid.crs)
        made = Made("ask", path, [path.with_suffix(".png")])
        made.check(*(scene.uri for scene in self._dates))
        decided = {"scenes": [scene.facts for scene in self._dates], "refiner": self.scene.refiner}
        made.start(fingerprint(decided | {"question": question, "planner": self.planner.name}), overwrite)
        return made, scene

    def _words(self) -> Vocabulary:
        compare = self._pair.compare if self._pair else None
        return Vocabulary(self.scene, self.after, Budget(self.options.limits), self.options.themes, compare)

    def _draft(self, question: str, plan: Plan, started: float, why: str = "") -> Answer:
        """An answer without a value: a refusal, if `why` is its reason."""
        told = (*(on.notes for on in self._dates), self._pair.notes if self._pair else ())
        return Answer(
            question=question, value=None, unit=None, text=f"{why[:1].upper()}{why[1:]}", confidence=None, reason="",
            program=plan.program or None, planner=self.planner.name, kind=plan.kind, source=self.scene.uri,
            after=self.after.uri if self.after else None, model=self.scene.model, sha256=self.scene.sha256,
            refiner=self.scene.refiner, evidence={"type": "FeatureCollection", "features": []}, calls=(),
            notes=tuple(dict.fromkeys(chain(plan.notes, shared_notes(self._dates), *told))),
            messages=plan.messages, seconds=round(time.monotonic() - started, 3),
            scene=last.raster.reopened() if isinstance(last := self._dates[-1], RasterScene) else None,
        )  # fmt: skip


def _presence(words: Vocabulary) -> dict[str, float]:
    """The probability that each name that was looked for is in the scene."""
    return {title_of(*key): seen.presence for key, seen in words.sightings.items()}


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
    """Answer a question about a raster; `after` is the same place on a later date, for questions about change.

    To ask several questions use `Asker.open`, which encodes the scene once. A question that cannot be read, or whose
    program fails, gets an answer without a value, and its text says why. Raises SourceError, ModelError and InputError
    for files, models and options that cannot be used.
    """
    options = options or AskOptions()
    if options.evidence is not None:
        check_evidence(Path(options.evidence))
    opened = Asker.open(source, after, model=model, read=read, options=options, refiner=refiner, progress=progress)
    with opened as asker:
        return asker.ask(question, evidence=options.evidence)
