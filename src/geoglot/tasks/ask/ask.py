"""Questions in, answers out: plan, run, and keep what the answer rests on. A scene is encoded once for all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from geoglot.aliases import PathLike, Progress
from geoglot.errors import AnswerError, InputError
from geoglot.models.base import VisionLanguageModel
from geoglot.models.segmenter import Segmenter
from geoglot.outputs.journal import fingerprint
from geoglot.outputs.made import Made
from geoglot.scene.read import ReadOptions
from geoglot.tasks.ask.answer import Answer, certainty, recorded, round_value, sentence_of
from geoglot.tasks.ask.evidence import check_evidence, collection, evidence_files, write_evidence
from geoglot.tasks.ask.lexicon import THEMES
from geoglot.tasks.ask.limits import Budget, Limits
from geoglot.tasks.ask.plan import Plan, Planner
from geoglot.tasks.ask.rules import Rules
from geoglot.tasks.ask.sandbox import ProgramError, Sandbox
from geoglot.tasks.ask.scene_things import Scene
from geoglot.tasks.ask.scenes import RasterScene, SceneOptions, check_pair
from geoglot.tasks.ask.vocabulary import Vocabulary
from geoglot.tasks.find.find_options import FindOptions
from geoglot.tasks.refine.load import choose_refiner
from geoglot.tasks.refine.refiner import Refiner
from geoglot.tasks.segment.segment import load_mapper

ModelLike = VisionLanguageModel | Segmenter | PathLike


@dataclass(frozen=True)
class AskOptions:
    """What a user may decide about questions, beside source, model and planner."""

    find: FindOptions = field(default_factory=lambda: FindOptions(overlay=False))
    """How things are looked for."""
    limits: Limits = field(default_factory=Limits)
    """Of every program."""
    device: str | None = None
    """Where a model given by its name is put."""


class Asker:
    """A scene, or two dates of one place, to be asked any number of questions. A context manager.

    Scenes are anything that keeps to `scene.Scene`; rasters become one by `open`.
    """

    def __init__(
        self, scene: Scene, after: Scene | None = None, *, planner: Planner | None = None, limits: Limits | None = None
    ) -> None:
        self.scene, self.after = scene, after
        self.planner: Planner = planner or Rules()
        self.pixel_m: float | None = None
        self.decided: dict[str, Any] = {}
        """What decides answers beside the question."""
        self.refiner = "none"
        """By its name: what outlined the things of the scene."""
        self.themes: tuple[str, ...] = THEMES
        """What a scene as a whole may be said to be."""
        self._stack = ExitStack()
        self._sandbox = self._stack.enter_context(Sandbox(limits))

    @classmethod
    def open(
        cls,
        source: PathLike,
        after: PathLike | None = None,
        *,
        model: ModelLike = "mini",
        planner: Planner | None = None,
        read: ReadOptions = ReadOptions(),
        options: AskOptions | None = None,
        refiner: Refiner | str | None = None,
        progress: Progress | None = None,
    ) -> Asker:
        """Over rasters. Raises SourceError, ModelError, and InputError for two rasters of different places.

        `refiner` outlines things: "none", "edges", what `load_sam` gives, or one of your own.
        """
        options = options or AskOptions()
        loaded = load_mapper(model, device=options.device) if isinstance(model, PathLike) else model
        refiner = choose_refiner(refiner)
        seen = SceneOptions(read, options.find, progress, refiner)
        with ExitStack() as stack:
            first = stack.enter_context(RasterScene(source, loaded, seen))
            second = stack.enter_context(RasterScene(after, loaded, seen)) if after is not None else None
            if second is not None:
                check_pair(first, second)
            made = cls(first, second, planner=planner, limits=options.limits)
            made.pixel_m = read.resolution if first.grid.crs is None else None
            scenes = [one.facts for one in (first, second) if one]
            made.decided = {
                "scenes": scenes,
                "options": {**read.facts(), **asdict(options.find), "batch": None, "vectors": None},
            }
            made.refiner = refiner.name if refiner else "none"
            made._stack.push(stack.pop_all())
        return made

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def ask(self, question: str) -> Answer:
        """Plan and run. What cannot be planned or answered is a refusal, not an error."""
        started = time.monotonic()
        try:
            plan = self._planned(question)
        except AnswerError as error:
            kept = getattr(error, "messages", ())
            return self._refusal(question, str(error), Plan("", "", kept), started)
        return self.run(question, plan, started)

    def run(self, question: str, plan: Plan, started: float | None = None) -> Answer:
        """Run a program that is there already."""
        started = time.monotonic() if started is None else started
        words = self._words()
        try:
            reply = self._sandbox.run(plan.program, words)
        except AnswerError as error:
            return self._refusal(question, _reason(error), plan, started)
        regions = tuple(one.region for one in words.records if one.region and one.name != "whole")
        sure, why = certainty(words)
        return replace(
            self._blank(question, plan, started),
            value=round_value(reply.value),
            unit=reply.unit or None,
            text=sentence_of(reply),
            confidence=sure,
            reason=why,
            evidence=collection(reply.objects, regions, words.ground),
            calls=recorded(words.records),
        )

    def replay(self, document: Mapping[str, Any]) -> Answer:
        """Give an answer again from its document; AnswerError where it comes out another.

        Raises InputError for what is no answer, or one by another model.
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
        if refiner != self.refiner:
            raise InputError(f"things were outlined by --refine {refiner} then, and by {self.refiner} now")
        again = replace(self.run(question, Plan(program, document.get("kind", ""))), planner=planner)
        if again.value != value or again.unit != document["unit"] or again.text != document["text"]:
            raise AnswerError(
                f"the answer is another one now: {again.text!r} and not {document['text']!r}; "
                "the scene, or an option such as --min-score, --gsd or --bands, is not what it was"
            )
        return again

    def start_evidence(self, question: str, path: Path, overwrite: bool = False) -> Made:
        """The files of a question's evidence; refused, before any work, where they would take the place of others."""
        made = evidence_files(path)
        made.check(*(one.uri for one in (self.scene, self.after) if one is not None))
        asked = {"question": question, "planner": self.planner.name, "refiner": self.refiner}
        made.start(fingerprint(self.decided | asked), overwrite)
        return made

    def write_evidence(self, answer: Answer, path: Path, overwrite: bool = False) -> tuple[Path, Path]:
        """An answer's evidence as GeoJSON, and a PNG beside it; another answer's is replaced with `overwrite` only.

        Raises InputError for an answer about another scene.
        """
        scene = self.after or self.scene
        if not isinstance(scene, RasterScene):
            raise InputError("only rasters can be drawn")
        if (answer.source, answer.after) != (self.scene.uri, self.after.uri if self.after else None):
            raise InputError(f"the answer is about {answer.source}, and this scene is {self.scene.uri}")
        made = self.start_evidence(answer.question, path, overwrite)
        return write_evidence(made, answer.evidence, scene, answer.text)

    @property
    def failed(self) -> int:
        """Windows that could not be looked at."""
        return sum(one.failed for one in (self.scene, self.after) if isinstance(one, RasterScene))

    def _words(self) -> Vocabulary:
        return Vocabulary(self.scene, self.after, Budget(self._sandbox.limits), self.pixel_m, self.themes)

    def _planned(self, question: str) -> Plan:
        if not question.strip():
            raise InputError("the question is empty")
        return self.planner.plan(question, lambda program: self._sandbox.run(program, self._words(), check=True))

    def _refusal(self, question: str, why: str, plan: Plan, started: float) -> Answer:
        return replace(self._blank(question, plan, started), text=f"{why[0].upper()}{why[1:]}")

    def _blank(self, question: str, plan: Plan, started: float) -> Answer:
        dates = [one for one in (self.scene, self.after) if one is not None]
        notes = [note for one in dates for note in getattr(one, "notes", ())]
        return Answer(
            question=question, value=None, unit=None, text="", confidence=None, reason="",
            program=plan.program or None, planner=self.planner.name, kind=plan.kind, source=self.scene.uri,
            after=self.after.uri if self.after else None, model=self.scene.model, sha256=self.scene.sha256,
            refiner=self.refiner, evidence={"type": "FeatureCollection", "features": []}, calls=(),
            messages=plan.messages, notes=tuple(dict.fromkeys(notes)), seconds=round(time.monotonic() - started, 3),
        )  # fmt: skip


def _reason(error: AnswerError) -> str:
    """The last line of what went wrong: the lines before it are the program's."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    last = lines[-1].strip() if lines else "the program failed"
    return last.partition(": ")[2] or last if isinstance(error, ProgramError) else last


def ask(
    source: PathLike,
    question: str,
    *,
    after: PathLike | None = None,
    model: ModelLike = "mini",
    planner: Planner | None = None,
    evidence: PathLike | None = None,
    read: ReadOptions = ReadOptions(),
    options: AskOptions | None = None,
    refiner: Refiner | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Answer:
    """Answer a question about a raster, or about two dates of one place (`after` the second).

    `evidence` is a .geojson, beside which a picture is put. To ask several questions of a scene use Asker.open: it is
    encoded once. A question that cannot be read, or a program that fails, gives an answer without a value, whose text
    says why; SourceError, ModelError and InputError are raised for what cannot be opened or meant.
    """
    if evidence is not None:
        check_evidence(Path(evidence))
    opened = Asker.open(
        source, after, model=model, planner=planner, read=read, options=options, refiner=refiner, progress=progress
    )
    with opened as asker:
        if evidence is not None:
            asker.start_evidence(question, Path(evidence), overwrite)
        answer = asker.ask(question)
        if evidence is not None:
            asker.write_evidence(answer, Path(evidence), overwrite)
        return answer
