"""Questions about many scenes: each question is planned once, and asked only of the scenes that fit it best."""

import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from geoglot.aliases import PathLike, Progress
from geoglot.errors import AnswerError, OutsideError, SourceError
from geoglot.models.taught import named
from geoglot.models.zoo import load_model
from geoglot.options import ReadOptions
from geoglot.tasks.ask.answer import Answer
from geoglot.tasks.ask.ask import Asker, ModelLike
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.plan import Plan, Planner, Trial
from geoglot.tasks.ask.rules import Rules
from geoglot.tasks.ask.scene_overviews import Overviews
from geoglot.tasks.ask.shortlist import Shortlist, Shortlister, names_of_questions, shortlist
from geoglot.tasks.refine.refiner import Refiner


@dataclass(eq=False)
class Answers:
    """An iterator over the answers of many scenes, each computed when it is asked for.

    Raises SourceError at the end if no scene can be read.
    """

    shortlists: tuple[Shortlist, ...]
    """The scenes that were chosen for each question; empty if every scene is asked."""
    _answers: Generator[Answer, None, None]
    failed: int = 0
    """Number of windows so far that the model did not see."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Why scenes could not be read, so far; they are passed over."""

    def __iter__(self) -> Iterator[Answer]:
        return self

    def __next__(self) -> Answer:
        return next(self._answers)

    def close(self) -> None:
        """Stop, and close the scene that is open."""
        self._answers.close()


def ask_many(
    sources: Sequence[PathLike] | PathLike,
    questions: Sequence[str] | str,
    *,
    model: ModelLike = "mini",
    read: ReadOptions = ReadOptions(),
    options: AskOptions | None = None,
    refiner: Refiner | str | None = None,
    shortlister: Shortlister | None = None,
    progress: Progress | None = None,
) -> Answers:
    """Answer the same questions about many rasters.

    If there are more than `options.best` rasters, only those that fit the names in a question best are asked.
    `shortlister` scores them; None shows the model a small overview of each raster.
    """
    options = options or AskOptions()
    loaded = load_model(model, device=options.device)
    questions = [questions] if isinstance(questions, str) else questions
    sources = [sources] if isinstance(sources, PathLike) else sources
    uris, shortlists = [str(source) for source in sources], tuple[Shortlist, ...]()
    todo = {uri: list(questions) for uri in uris}
    if len(uris) > options.best:
        planner = PlannedOnce(options.planner or Rules(named(loaded.card.classes)))
        options = replace(options, planner=planner)
        names = names_of_questions(questions, planner.draft, options.limits)
        scorer = shortlister or Overviews(loaded, read, options.find)
        shortlists = shortlist(uris, names, scorer, best=options.best, progress=progress)
        todo = {}
        for chosen in shortlists:
            for candidate in chosen.asked:
                todo.setdefault(candidate.source, []).append(chosen.question)

    def ask_all() -> Generator[Answer, None, None]:
        reasons = [candidate.failed for chosen in shortlists for candidate in chosen.failed]
        settings: dict[str, Any] = {"model": loaded, "read": read, "options": options, "refiner": refiner}
        for uri, asked in todo.items():
            try:
                with Asker.open(uri, progress=progress, **settings) as asker:
                    yield from map(asker.ask, asked)
                    answers.failed += asker.failed
            except (SourceError, OutsideError) as error:
                answers.unreadable[uri] = str(error)
                reasons.append(str(error))
        if len(answers.unreadable) == len(todo) and reasons:
            raise SourceError(f"no scene can be read: {reasons[0]}")

    answers = Answers(shortlists, ask_all())
    return answers


class PlannedOnce:
    """A planner for many scenes: it calls another planner once for each question, and tries programs on one scene."""

    def __init__(self, planner: Planner) -> None:
        self._planner, self.name, self._lock = planner, planner.name, threading.Lock()
        self._drafts: dict[str, Plan] = {}
        self._known: dict[str, Plan | AnswerError] = {}

    def draft(self, question: str, check: Trial) -> Plan:
        """Plan before there is a scene; `check` tests a program without running it. AnswerError for no program."""
        self._drafts[question] = self._planner.plan(question, check)
        return self._drafts[question]

    def plan(self, question: str, trial: Trial) -> Plan:
        """Return the program of a question, and try it if it is new; AnswerError for no program."""
        with self._lock:
            if question not in self._known:
                self._known[question] = self._try_draft(question, trial)
        plan = self._known[question]
        if isinstance(plan, AnswerError):
            raise plan
        return plan

    def _try_draft(self, question: str, trial: Trial) -> Plan | AnswerError:
        """The draft if it runs, else a new plan. Without a new plan the draft stays, as it may run on other scenes."""
        draft = self._drafts.get(question)
        if draft is not None:
            try:
                trial(draft.program)
                return draft
            except AnswerError:
                pass
        try:
            return self._planner.plan(question, trial)
        except AnswerError as error:
            return draft or error
