"""Choose the scenes that fit the names in a question best, since asking every scene would take long.

A scene's score for a question is the mean of its scores for the names in the question. A question that looks for
nothing is asked of every scene.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from geoglot.aliases import Progress
from geoglot.errors import AnswerError
from geoglot.tasks.ask.limits import Limits
from geoglot.tasks.ask.plan import Plan, Trial
from geoglot.tasks.ask.sandbox import Sandbox, calls_in

#: Words of the vocabulary whose first argument is the name of an object
_LOOKS = {"find", "appeared", "disappeared", "change"}


@dataclass(frozen=True)
class SceneScores:
    """Scores of names in one scene."""

    scores: Mapping[str, float] = field(default_factory=dict)
    """0..1 by name; empty if the scene cannot be read."""
    failed: str = ""
    """Why the scene cannot be read."""
    missed: str = ""
    """The part of the scene that the model did not see, and why."""


@runtime_checkable
class Shortlister(Protocol):
    """Scores scenes, for example from overviews or an index."""

    def score(
        self, sources: Sequence[str], names: Sequence[str], progress: Progress | None
    ) -> Mapping[str, SceneScores]:
        """Return the scores of all names, by source."""


@dataclass(frozen=True)
class Candidate:
    """A scene and its score for a question."""

    source: str
    score: float | None
    """Mean over the names, 0..1; None if the question has no names or the scene cannot be read."""
    failed: str = ""
    """As in `SceneScores`."""
    missed: str = ""
    """As in `SceneScores`."""

    def to_json(self) -> dict[str, Any]:
        line = {"source": self.source, "score": None if self.score is None else float(f"{self.score:.4g}")}
        troubles = {"failed": self.failed, "missed": self.missed}
        return line | {what: why for what, why in troubles.items() if why}


@dataclass(frozen=True)
class Shortlist:
    """The scenes that are asked a question, best first, and the scenes that are left out."""

    question: str
    names: tuple[str, ...]
    """Names that the program looks for. If it looks for none, every scene is asked."""
    asked: tuple[Candidate, ...]
    left_out: tuple[Candidate, ...]
    refused: str = ""
    """Why the question has no program; then no scene is asked."""

    @property
    def failed(self) -> tuple[Candidate, ...]:
        """Scenes that cannot be read."""
        return tuple(scene for scene in self.left_out if scene.failed)

    @property
    def missed(self) -> tuple[Candidate, ...]:
        """Scenes, asked or left out, that the model saw only in part."""
        return tuple(scene for scene in (*self.asked, *self.left_out) if scene.missed)

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "question": self.question, "names": list(self.names), "asked": [scene.to_json() for scene in self.asked],
            "left_out": [scene.to_json() for scene in self.left_out],
        }  # fmt: skip
        return document | ({"refused": self.refused} if self.refused else {})


def shortlist(
    sources: Sequence[str],
    names: Mapping[str, Sequence[str] | AnswerError],
    shortlister: Shortlister,
    *,
    best: int,
    progress: Progress | None = None,
) -> tuple[Shortlist, ...]:
    """Choose at most `best` scenes for each question; `names` is the result of `names_of_questions`.

    A question without names gets all scenes, and one without a program none. Scenes that cannot be read are left out,
    last. Scenes with the same score keep their order. The shortlister is called once, with all names, if there are any.
    """
    every = dict.fromkeys(name for some in names.values() if not isinstance(some, AnswerError) for name in some)
    scores = shortlister.score(sources, tuple(every), progress) if every else {}
    unscored = tuple(Candidate(source, None) for source in sources)
    shortlists = []
    for question, wanted in names.items():
        if isinstance(wanted, AnswerError):
            shortlists.append(Shortlist(question, (), (), unscored, str(wanted)))
        elif not wanted:
            shortlists.append(Shortlist(question, (), unscored, ()))
        else:
            bad = [Candidate(source, None, scores[source].failed) for source in sources if scores[source].failed]
            good = [
                Candidate(source, float(np.mean([found.scores[name] for name in wanted])), missed=found.missed)
                for source in sources
                if not (found := scores[source]).failed
            ]
            good.sort(key=lambda scene: -(scene.score or 0.0))
            shortlists.append(Shortlist(question, tuple(wanted), tuple(good[:best]), (*good[best:], *bad)))
    return tuple(shortlists)


def names_of_questions(
    questions: Sequence[str], plan: Callable[[str, Trial], Plan], limits: Limits | None = None
) -> dict[str, tuple[str, ...] | AnswerError]:
    """The names that each question looks for, or the error that left the question without a program.

    Programs are checked but not run, since there is no scene yet.
    """
    names: dict[str, tuple[str, ...] | AnswerError] = {}
    with Sandbox(limits) as sandbox:
        for question in questions:
            try:
                names[question] = names_of_program(plan(question, sandbox.check).program)
            except AnswerError as error:
                names[question] = error
    return names


def names_of_program(program: str) -> tuple[str, ...]:
    """The names that a program looks for. The program is read, not run."""
    first = [call.args[0] for word, call in calls_in(program) if word in _LOOKS and call.args]
    texts = [node.value.strip() for node in first if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return tuple(dict.fromkeys(filter(None, texts)))
