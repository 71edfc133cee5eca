"""What is asked of dates that lie on one grid, and all that decides the answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from geoglot.errors import InputError
from geoglot.options import ChangeOptions, ReadOptions
from geoglot.scene.class_words import ClassWords, parse_words
from geoglot.scene.consult_bands import Consulted, consult_bands
from geoglot.scene.dense import Dense, model_facts
from geoglot.scene.question import BACKGROUND, ChannelQuestion, Question, TextQuestion
from geoglot.scene.read import check_bands, reading_facts
from geoglot.scene.taught_question import TaughtQuestion, question_facts
from geoglot.scene.visible import unseen_notes, why_not_seen
from geoglot.scene.windows import WindowPlan
from geoglot.tasks.change.align.align import Aligned
from geoglot.tasks.change.decide import Gate
from geoglot.tasks.change.legends import states_of
from geoglot.tasks.change.stack import knows_nothing_else, rest_words


@dataclass(frozen=True)
class Asked:
    """All that decides a run."""

    dense: Dense
    question: Question
    words: tuple[ClassWords, ...]
    aligned: Aligned
    plan: WindowPlan
    read: ReadOptions
    bands: tuple[Consulted, ...]
    """What the bands of each date say."""
    why: Mapping[str, str]
    gate: Gate
    least: int
    """Pixels of a region of change, at least."""
    facts: dict[str, Any]

    @classmethod
    def of(
        cls, dense: Dense, words: tuple[ClassWords, ...], aligned: Aligned, read: ReadOptions, options: ChangeOptions
    ) -> "Asked":
        """Put the classes to the model and to the bands; InputError if the pixels can show none of them."""
        for date in aligned.dates:
            check_bands(date, dense.card.bands, dense.card.name)
        background = None if options.background is None else parse_words(options.background)
        question = dense.question(words, background, options.templates)
        # Bands judge each class that competes, so those of a model that nobody asks for are asked, too.
        if rivals := question.unasked if isinstance(question, ChannelQuestion | TaughtQuestion) else ():
            question = dense.question((*words, *rivals), background, options.templates)
        plan = dense.windows(aligned.grid.shape, read.tile, read.overlap).on(aligned.grid)
        why = {name: note for date in aligned.dates for name, note in why_not_seen(dense, date, read, words).items()}
        if len(why) == len(words):
            raise InputError("; ".join(unseen_notes(why)))
        rest = () if knows_nothing_else(question) else (ClassWords("", _rest_words(question)),)
        channels = (*words, *rivals, *rest)
        bands = tuple(
            consult_bands(date, channels, options.evidence, compete=True, hidden=why) for date in aligned.dates
        )
        gate, least = _gate(aligned, plan), _least_pixels(aligned, options)
        facts = {
            **reading_facts(aligned.dates[0], plan),
            **aligned.facts(),
            "model": model_facts(dense),
            "classes": [asdict(entry) for entry in words],
            "options": {**read.facts(), **asdict(options)},
            **question_facts(question),
            "bands": [each.facts() for each in bands],
            "why": why,
            "gate": asdict(gate) | {"least": least},
        }
        return cls(dense, question, words, aligned, plan, read, bands, why, gate, least, facts)

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states."""
        return states_of([entry.name for entry in self.words])


def _rest_words(question: Question) -> tuple[str, ...]:
    """General words for what is none of the classes: those that mean no class, if there are some."""
    return (rest_words(question) or question.rivals[0]) if isinstance(question, TextQuestion) else BACKGROUND


def _gate(aligned: Aligned, plan: WindowPlan) -> Gate:
    """Beside the doubt of the alignment, an edge that a model draws wanders by a part of its patch."""
    reach = max(1, ceil(2 * aligned.uncertainty_px + plan.patch / 8))
    return Gate(reach, reach + plan.patch // 2)


def _least_pixels(aligned: Aligned, options: ChangeOptions) -> int:
    """How many pixels a region of change has at least: four, or what the user asks for."""
    if options.min_area is None:
        return 4
    pixel_m2 = aligned.grid.pixel_area_m2()
    if pixel_m2 is None:
        raise InputError("the scenes have no CRS, so there are no square metres: leave out --min-area")
    return max(1, ceil(options.min_area / pixel_m2))
