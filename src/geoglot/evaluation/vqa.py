"""Score the answers of `ask` to the questions of a data set by RSVQA's rules.

A number is right if it falls into the same range as the true number; `exact` metrics require the same number. A refusal
is wrong, and is also counted separately. Ranges (Lobry et al. 2020, section III; VocabEncoder.py of github
syvlo/RSVQA): counts 0, 1 to 10, 11 to 100, 101 to 1,000 and more; areas 0 m², above 0 to 10, to 100, to 1,000 and more.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

import numpy as np
import torch

from geoglot.aliases import Progress
from geoglot.datasets.dataset import Asked, Question
from geoglot.errors import AnswerError, ServiceError
from geoglot.evaluation.metrics import Estimate, bootstrap, divide, mean_and_each
from geoglot.evaluation.scorecard import Measured, Run
from geoglot.models.zoo import Model
from geoglot.nouns import SYNONYMS, singular
from geoglot.options import ReadOptions
from geoglot.tasks.ask.answer import Answer
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.chat import NoReplyError
from geoglot.tasks.ask.grammar.lexicon import AREAS, LENGTHS
from geoglot.tasks.ask.plan import Plan, Planner, Trial
from geoglot.tasks.ask.view import Value

_RANGES = (0, 10, 100, 1000)
_TOLERANCE = 0.005  # relative, for measured numbers: areas in pixels and on the ellipsoid differ
_AREA = re.compile(r"(\d+\.?\d*|\.\d+) ?(m2|m²|ha|km2|km²|m|km|%)?")
_METRIC = {unit: 1 if size == 1 else size for unit, size in (LENGTHS | AREAS).items()}  # a count stays a whole number
_THEME = "theme"

#: Opens an image, by index, for questions with these possible answers to theme questions
Open = Callable[[int, tuple[str, ...]], Asker]


@dataclass(frozen=True)
class Scored:
    """A question, its answer, and whether the answer is right."""

    question: Question
    answer: Answer
    right: bool
    exact: bool


class Insisting:
    """A planner to be measured: a server that gives no reply ends the run, and is no wrong answer."""

    def __init__(self, planner: Planner) -> None:
        self._planner, self.name = planner, planner.name

    def plan(self, question: str, trial: Trial) -> Plan:
        try:
            return self._planner.plan(question, trial)
        except AnswerError as error:
            if isinstance(error.__cause__, NoReplyError):
                raise ServiceError(f"{error}; the question was {question!r}") from error
            raise


@torch.inference_mode()
def measure_answers(run: Run, samples: Asked, model: Model) -> Measured:
    """Metrics of the answers of `ask`."""
    resolution = run.dataset.resolution
    read = ReadOptions(batch=run.options.batch, resolution=resolution and resolution[0])

    def open_image(image: int, themes: tuple[str, ...]) -> Asker:
        options = AskOptions(themes=themes) if len(themes) > 1 else AskOptions()
        options = replace(options, planner=run.planner and Insisting(run.planner))
        return Asker.open(samples.images[image], model=model, read=read, options=options, refiner=run.refiner)

    scored = answer_all(samples, open_image, run.progress)
    facts = {
        "name": "rsvqa", "split": run.split, "planner": run.planner.name if run.planner else "rules",
        "refine": run.refine, "questions": len(scored), "resolution_m": resolution,
        "counts": "RSVQA's ranges; exact/... asks for the very number", "refusals": "count as wrong",
        "limit": run.options.limit,
    }  # fmt: skip
    return Measured(score_questions(scored, len(samples)), facts)


def answer_all(asked: Asked, open_image: Open, progress: Progress | None = None) -> list[Scored]:
    """Answer all questions, image by image, so that each image is encoded once."""
    themes = tuple(sorted({question.answer for question in asked.questions if question.kind == _THEME}))
    scored, image_of = list[Scored](), attrgetter("image")
    for image, questions in groupby(sorted(asked.questions, key=image_of), image_of):
        with open_image(image, themes) as asker:
            for question in questions:
                answer = asker.ask(question.text)
                scored.append(Scored(question, answer, *matches(answer.value, question.answer, answer.unit)))
                if progress:
                    progress("questions", len(scored), len(asked.questions))
    return scored


def matches(value: Value | None, truth: str, unit: str | None = None) -> tuple[bool, bool]:
    """Whether an answer is right by RSVQA's ranges, and whether it is exact.

    Areas are compared in square metres and lengths in metres; a truth without a unit is in that of the answer.
    """
    if value is None:
        return False, False
    expected = truth.strip().lower()
    if isinstance(value, bool):
        same = expected in (("yes", "true") if value else ("no", "false"))
        return same, same
    number = _AREA.fullmatch(expected)
    if isinstance(value, int | float) and number:
        own, theirs = unit or "", (number[2] or unit or "").replace("2", "²")
        value, true = (_METRIC.get(each, 1) * size for each, size in ((own, value), (theirs, float(number[1]))))
        exact = value == true if isinstance(value, int) else abs(value - true) <= max(_TOLERANCE * true, 0.5)
        return exact or bucket(value) == bucket(true), exact
    if isinstance(value, str):
        same = _normalise(value) == _normalise(expected)
        return same, same
    return False, False


def bucket(number: int | float) -> int:
    """Index of RSVQA's range: 0, then up to 10, 100, 1,000, and more."""
    return sum(number > edge for edge in _RANGES)


def _normalise(text: str) -> str:
    """A class name for comparison: singular, without "area", by its usual synonym."""
    words = re.sub(r"[_-]", " ", text.lower()).split()
    name = " ".join([*words[:-1], singular(words[-1])]) if words else ""
    name = SYNONYMS.get(name, name)
    return re.sub(r" (?:area|region|zone)$", "", name)


def score_questions(scored: Sequence[Scored], images: int) -> dict[str, Estimate]:
    """Accuracy, exact answers, refusals and a baseline: over all questions, as the mean over kinds, and by kind.

    The baseline, `majority`, always gives the most frequent answer to each kind in this set. Intervals draw images, so
    the questions of one image stay together.
    """
    questions = [each.question for each in scored]
    kinds = sorted({question.kind for question in questions})
    answers = {kind: Counter(question.answer for question in questions if question.kind == kind) for kind in kinds}
    usual = {kind: counter.most_common(1)[0][0] for kind, counter in answers.items()}
    figures = {
        "accuracy": [each.right for each in scored],
        "exact": [each.exact for each in scored],
        "refused": [each.answer.refused for each in scored],
        "majority": [question.answer == usual[question.kind] for question in questions],
    }
    places = [question.image for question in questions], [kinds.index(question.kind) for question in questions]
    total = np.zeros((images, len(kinds)), np.int64)
    np.add.at(total, places, 1)
    result: dict[str, Estimate] = {}
    for figure, hits in figures.items():
        table = np.zeros_like(total)
        np.add.at(table, places, hits)

        def statistic(counts: np.ndarray, table: np.ndarray = table) -> np.ndarray:
            right, asked = counts @ table, counts @ total
            return np.concatenate(
                [divide(right.sum(keepdims=True), asked.sum(keepdims=True)), mean_and_each(divide(right, asked))]
            )

        overall, mean, *by_kind = bootstrap(statistic, images)
        result |= {figure: overall, f"{figure}/mean of kinds": mean}
        result |= {f"{figure}/{kind}": estimate for kind, estimate in zip(kinds, by_kind, strict=True)}
    return result
