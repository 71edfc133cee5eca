"""Questions that name their dates, "since 2015" or "between 2010 and 2020", about scenes of one place."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError
from geoglot.figures import format_list
from geoglot.options import ReadOptions
from geoglot.sources.gdal import open_dataset
from geoglot.sources.scene_day import Period, period_of
from geoglot.tasks.ask.answer import Answer
from geoglot.tasks.ask.ask import Asker, ModelLike
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.refine.refiner import Refiner
from geoglot.times import parse_tiff_time

_DAY = r"(?:19|20)\d\d(?:-\d\d(?:-\d\d)?)?"
_SINCE = re.compile(rf"\b(?:since|after)\s+(?P<start>{_DAY})\b", re.IGNORECASE)
_NO_MEASURE = r"\b(?!\s*(?:%|(?:k?m[²2]?|ha|px|acres?|hectares?|pixels?|met(?:er|re)s?|square)\b))"
_BETWEEN = re.compile(
    rf"\b(?:between|from)\s+(?P<start>{_DAY})\s+(?:and|to|until|till)\s+(?P<end>{_DAY}){_NO_MEASURE}", re.IGNORECASE
)
_BOTH = "between the two dates"  # what the grammar reads in place of the days


class Dated(NamedTuple):
    """A question about two dates of one place."""

    question: str
    """Without the days, which the grammar does not read."""
    before: str
    after: str
    note: str
    """Which dates were chosen."""


def names_dates(question: str) -> bool:
    """Whether a question says since when, or between which dates."""
    return bool(_BETWEEN.search(question) or _SINCE.search(question))


def ask_dates(
    sources: Sequence[PathLike],
    questions: Sequence[str] | str,
    *,
    model: ModelLike = "mini",
    read: ReadOptions = ReadOptions(),
    options: AskOptions | None = None,
    refiner: Refiner | str | None = None,
    progress: Progress | None = None,
) -> Iterator[Answer]:
    """Answer questions such as "How many buildings were built since 2015?" about scenes of one place on several dates.

    Each question is asked of the two scenes whose dates are nearest to those that it names. InputError as in
    `choose_dates`; all other errors are those of `ask`.
    """
    options = options or AskOptions()
    asked = [questions] if isinstance(questions, str) else questions
    for question, dated in [(question, choose_dates(question, sources)) for question in asked]:
        opened = Asker.open(
            dated.before, dated.after, model=model, read=read, options=options, refiner=refiner, progress=progress
        )
        with opened as asker:
            answer = asker.ask(dated.question, evidence=options.evidence)
        yield replace(answer, question=question, notes=(dated.note, *answer.notes))


def choose_dates(question: str, sources: Sequence[PathLike]) -> Dated:
    """The two scenes whose dates are nearest to those that a question names; "since" ends at the latest scene.

    InputError for scenes whose date is not known, and if one scene is nearest to both dates.
    """
    found = _BETWEEN.search(question) or _SINCE.search(question)
    if found is None:
        raise InputError(f"the question names no dates, such as since 2015: {question}")
    dated = {str(source): _period_of(source) for source in sources}
    if unknown := [source for source, period in dated.items() if period is None]:
        raise InputError(
            f"the date of {format_list(unknown, 5)} is not known; put it into the file's name, such as "
            "scene_2015-06-30.tif, or give two scenes: BEFORE --after AFTER"
        )
    known = {source: period for source, period in dated.items() if period is not None}
    before = _nearest(known, read_period(found["start"]), earliest=True)
    end = found.groupdict().get("end")
    after = _nearest(known, read_period(end), earliest=False) if end else max(known, key=lambda each: known[each])
    if known[before] >= known[after]:
        raise InputError(
            f"two dates are needed, and {before} is the nearest to {found['start']} as well as the later one; give "
            "scenes of more dates"
        )
    asked = f"{question[: found.start()]}{_BOTH}{question[found.end() :]}"
    days = " and ".join(str(known[source]) for source in (before, after))
    return Dated(asked, before, after, f"the dates that are compared are {days}: {before} and {after}")


def read_period(text: str) -> Period:
    """A year, a month or a day, such as 2015, 2015-06 or 2015-06-30; InputError for one that does not exist."""
    parts = [int(part) for part in text.split("-")]
    try:
        match parts:
            case [year]:
                return Period(date(year, 1, 1), date(year, 12, 31))
            case [year, month]:
                return Period(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
        day = date(*parts)
    except (ValueError, calendar.IllegalMonthError) as error:
        raise InputError(f"{text} is no date ({error}); write it as 2015, 2015-06 or 2015-06-30") from error
    return Period(day, day)


def _period_of(source: PathLike) -> Period | None:
    """When a scene was taken; its file is opened only if its name does not say it."""
    if period := period_of(str(source), None):
        return period
    with open_dataset(str(source)) as dataset:
        return period_of(str(source), parse_tiff_time(dataset.tags().get("TIFFTAG_DATETIME", "")))


def _nearest(known: Mapping[str, Period], wanted: Period, *, earliest: bool) -> str:
    """The scene nearest to a period; of several within it the earliest or the latest."""
    sign = 1 if earliest else -1
    return min(known, key=lambda each: (known[each].away(wanted), sign * known[each].first.toordinal()))
