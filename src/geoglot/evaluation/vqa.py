"""Visual question answering: `ask` answers the questions of a data set, compared as RSVQA compares.

RSVQA's ranges (Lobry et al. 2020, section III; VocabEncoder.py of github syvlo/RSVQA): counts 0, 1 to 10, 11 to 100,
101 to 1,000 and more; areas 0 m², above 0 to 10, to 100, to 1,000 and more. A number is right if it falls into the
range of the true number; `exact` metrics require the same number. A refusal is wrong, and also counted by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from geoglot.aliases import Progress
from geoglot.datasets.dataset import Asked, Question
from geoglot.evaluation.metrics import Estimate, bootstrap
from geoglot.evaluation.scorecard import Measured, Run
from geoglot.models.zoo import Model
from geoglot.options import ReadOptions
from geoglot.tasks.ask.answer import Answer
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.grammar.lexicon import SYNONYMS, singular
from geoglot.tasks.ask.view import Value

_RANGES = (0, 10, 100, 1000)
_TOLERANCE = 0.005  # relative, for measured numbers: areas in pixels and on the ellipsoid differ
_AREA = re.compile(r"([\d.]+) ?(m2|m²|ha|km2|km²|m|%)?")
_THEME = "theme"

#: Opens an image for questions; `themes` are the possible answers to its theme questions
Open = Callable[[int, tuple[str, ...]], Asker]


@dataclass(frozen=True)
class Scored:
    """A question, its answer, and whether the answer is right."""

    question: Question
    answer: Answer
    right: bool
    exact: bool


@torch.inference_mode()
def measure_answers(run: Run, samples: Asked, model: Model) -> Measured:
    """Metrics of the answers of `ask` with the rules planner, without a language model."""
    resolution = run.dataset.resolution
    read = ReadOptions(batch=run.options.batch, resolution=resolution and resolution[0])

    def open_image(image: int, themes: tuple[str, ...]) -> Asker:
        options = AskOptions(themes=themes) if len(themes) > 1 else AskOptions()
        return Asker.open(samples.images[image], model=model, read=read, options=options)

    scored = answer_all(samples, open_image, run.progress)
    facts = {
        "name": "rsvqa", "split": run.split, "planner": "rules", "questions": len(scored), "resolution_m": resolution,
        "counts": "RSVQA's ranges; exact/... asks for the very number", "refusals": "count as wrong",
        "limit": run.options.limit,
    }  # fmt: skip
    return Measured(score_questions(scored, len(samples)), facts)


def answer_all(asked: Asked, opened: Open, progress: Progress | None = None) -> list[Scored]:
    """Answer all questions, image by image, so that each image is encoded once."""
    themes = tuple(sorted({one.answer for one in asked.questions if one.kind == _THEME}))
    scored, done = [], 0
    for image in range(len(asked.images)):
        own = [one for one in asked.questions if one.image == image]
        if not own:
            continue
        with opened(image, themes) as asker:
            for one in own:
                answer = asker.ask(one.text)
                right, exact = matches(answer.value, one.answer)
                scored.append(Scored(one, answer, right, exact))
                done += 1
                if progress:
                    progress("questions", done, len(asked.questions))
    return scored


def matches(value: Value | None, truth: str) -> tuple[bool, bool]:
    """Whether an answer is right by RSVQA's ranges, and whether it is exact."""
    if value is None:
        return False, False
    wanted = truth.strip().lower()
    if isinstance(value, bool):
        same = wanted in (("yes", "true") if value else ("no", "false"))
        return same, same
    number = _AREA.fullmatch(wanted)
    if isinstance(value, int | float) and number:
        true = float(number[1])
        exact = value == true if isinstance(value, int) else abs(value - true) <= max(_TOLERANCE * true, 0.5)
        return exact or bucket(value) == bucket(true), exact
    if isinstance(value, str):
        same = _plain(value) == _plain(wanted)
        return same, same
    return False, False


def bucket(number: int | float) -> int:
    """Index of RSVQA's range of a number: 0, then up to 10, 100, 1,000, and more."""
    return sum(number > edge for edge in _RANGES)


def _plain(text: str) -> str:
    """A class name for comparison: singular, without "area", by its usual synonym."""
    words = re.sub(r"[_-]", " ", text.lower()).split()
    name = " ".join([*words[:-1], singular(words[-1])]) if words else ""
    name = SYNONYMS.get(name, name)
    return re.sub(r" (?:area|region|zone)$", "", name)


def score_questions(scored: Sequence[Scored], images: int) -> dict[str, Estimate]:
    """Accuracy over all questions, the mean over kinds, and each kind's; likewise of exact answers and refusals.

    `majority` is the baseline that always gives the most frequent answer of each kind in this set. Intervals draw
    images, so the questions of one image stay together.
    """
    kinds = sorted({one.question.kind for one in scored})
    usual = {kind: _majority([one.question.answer for one in scored if one.question.kind == kind]) for kind in kinds}
    figures = {
        "accuracy": [one.right for one in scored],
        "exact": [one.exact for one in scored],
        "refused": [one.answer.refused for one in scored],
        "majority": [one.question.answer == usual[one.question.kind] for one in scored],
    }
    result: dict[str, Estimate] = {}
    for figure, hits in figures.items():
        table = _table(scored, hits, kinds, images)
        total = _table(scored, [True] * len(scored), kinds, images)

        def statistic(counts: np.ndarray, table: np.ndarray = table, total: np.ndarray = total) -> np.ndarray:
            by_kind = _divide(counts @ table, counts @ total)
            overall = _divide((counts @ table).sum(keepdims=True), (counts @ total).sum(keepdims=True))
            known = by_kind[~np.isnan(by_kind)]
            return np.concatenate([overall, [known.mean() if len(known) else np.nan], by_kind])

        overall, mean, *each = bootstrap(statistic, images)
        result |= {figure: overall, f"{figure}/mean of kinds": mean}
        result |= {f"{figure}/{kind}": one for kind, one in zip(kinds, each, strict=True)}
    return result


def _majority(answers: Sequence[str]) -> str:
    return Counter(answers).most_common(1)[0][0]


def _table(scored: Sequence[Scored], hits: Sequence[bool], kinds: Sequence[str], images: int) -> np.ndarray:
    """Hits of each image (rows) and kind."""
    table = np.zeros((images, len(kinds)), np.int64)
    for one, hit in zip(scored, hits, strict=True):
        table[one.question.image, kinds.index(one.question.kind)] += hit
    return table


def _divide(parts: np.ndarray, whole: np.ndarray) -> np.ndarray:
    quotient: np.ndarray = np.divide(parts, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return quotient
