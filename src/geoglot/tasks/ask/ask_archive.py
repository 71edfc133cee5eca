"""Questions about an archive: which scenes show something, the best of something, and all that is asked of scenes."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from geoglot.aliases import PathLike, Progress
from geoglot.figures import format_some
from geoglot.geo import Window
from geoglot.index.search.hits import Hits
from geoglot.index.search.index import Index
from geoglot.options import ReadOptions, SearchOptions
from geoglot.outputs.legend import check_names
from geoglot.scene.absence import ABSENT
from geoglot.tasks.ask.answer import Answer
from geoglot.tasks.ask.archive_shortlist import ArchiveShortlist
from geoglot.tasks.ask.ask_many import Answers, ask_many
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.refine.refiner import Refiner

_SCENES = r"(?:scenes?|images?|pictures?|tiles?|chips?|places?|photos?)"
_ARTICLE = r"(?:(?:an?|any|some|the|one)\s+)?"
_WHICH = re.compile(
    rf"(?:(?:which|what)\s+(?:of\s+the\s+)?{_SCENES}\s+(?:contains?|shows?|has|have|includes?|holds?)|"
    rf"(?:in|on)\s+(?:which|what)\s+{_SCENES}\s+(?:is|are)\s+there)\s+{_ARTICLE}(?P<name>.+?)\s*[?.]?",
    re.IGNORECASE,
)
_BEST = re.compile(
    rf"(?:(?:please\s+)?(?:show|give|find|list)\s+(?:me\s+|us\s+)?)?(?:the\s+)?"
    rf"(?:(?:best|top|first)\s+(?P<count>\d{{1,4}})|(?P<before>\d{{1,4}})\s+best)\s+"
    rf"(?:{_SCENES}\s+(?:of|with|that\s+show)\s+)?{_ARTICLE}(?P<name>.+?)\s*[?.!]?",
    re.IGNORECASE,
)
_NAMED = 20
_LOOKED = 48  # scenes that are looked into to tell which show something


@dataclass(frozen=True)
class ArchiveQuestion:
    """A question that the archive answers without reading a scene."""

    name: str
    top: int | None
    """How many of the best are wanted; None asks which scenes show it at all."""


def read_question(question: str) -> ArchiveQuestion | None:
    """None for a question that scenes must be asked."""
    text = " ".join(question.split())
    if found := _WHICH.fullmatch(text):
        return ArchiveQuestion(found["name"], None)
    if found := _BEST.fullmatch(text):
        return ArchiveQuestion(found["name"], max(1, int(found["count"] or found["before"])))
    return None


def ask_archive(
    place: PathLike,
    questions: Sequence[str] | str,
    *,
    model: PathLike | None = None,
    read: ReadOptions = ReadOptions(),
    options: AskOptions | None = None,
    refiner: Refiner | str | None = None,
    progress: Progress | None = None,
) -> Answers:
    """Answer questions about all scenes of an archive.

    "Which scenes contain a harbour?" and "Show me the best 12 harbours" are answered from the archive. Any other
    question is asked of the scenes that fit its names best, at most `options.best`.
    """
    options = options or AskOptions()
    questions = [questions] if isinstance(questions, str) else list(questions)
    index = Index(place, model=model, device=options.device)
    shortlist = ArchiveShortlist(index)
    own = {question: found for question in questions if (found := read_question(question))}
    rest = [question for question in questions if question not in own]
    about = None if not rest else ask_many(
        shortlist.sources, rest, model=model or index.archive.model.name, read=read, options=options, refiner=refiner,
        shortlister=shortlist, progress=progress,
    )  # fmt: skip

    def answer_all() -> Iterator[Answer]:
        for question, asked in own.items():
            yield _answer(question, asked, shortlist)
        if about is not None:
            yield from about
            answers.failed, answers.unreadable = about.failed, about.unreadable

    answers = Answers(() if about is None else about.shortlists, (answer for answer in answer_all()))
    return answers


def _answer(question: str, asked: ArchiveQuestion, shortlist: ArchiveShortlist) -> Answer:
    began = time.monotonic()
    check_names([asked.name])
    if asked.top is None:
        return _answer_which(question, asked.name, shortlist, began)
    hits = shortlist.index.search(asked.name, options=SearchOptions(top=asked.top))
    count = len(hits)
    named = format_some([f"{hit.rank}. {hit.source}" for hit in hits.hits], _NAMED) if count else ""
    text = f"The best {count}: {named}" if count else f"{hits.summary[0].upper()}{hits.summary[1:]}"
    sure = None if hits.present is None else hits.present if count else 1 - hits.present
    answer = _plain(question, shortlist.index, began, count, "places", f"{text}.", sure)
    return replace(answer, evidence=_evidence(hits), notes=hits.notes)


def _answer_which(question: str, name: str, shortlist: ArchiveShortlist, began: float) -> Answer:
    odds = sorted(shortlist.probabilities(name, _LOOKED).items(), key=lambda each: -each[1])
    shown = [source for source, probability in odds if probability >= ABSENT]
    total = f"{len(odds):,} scenes" if len(odds) != 1 else "1 scene"
    if shown:
        text = f"{len(shown):,} of {total}: {format_some(shown, _NAMED)}."
        sure = sum(probability for _, probability in odds[: len(shown)]) / len(shown)
    else:
        text, sure = f"None of {total} shows {name}.", 1 - odds[0][1] if odds else 1.0
    answer = _plain(question, shortlist.index, began, len(shown), "scenes", text, sure)
    features = [_feature(None, {"source": source, "score": round(p, 4)}) for source, p in odds[: len(shown)]]
    return replace(answer, evidence={"type": "FeatureCollection", "features": features})


def _plain(question: str, index: Index, began: float, value: int, unit: str, text: str, sure: float | None) -> Answer:
    model = index.archive.model
    shows = "shows it" if value else "does not show it"
    reason = f"the probability that the archive {shows}" if sure is not None else "the model knows no absence"
    return Answer(
        question=question, value=value, unit=unit, text=text, confidence=None if sure is None else round(sure, 4),
        reason=reason, program=None, planner="archive", kind="search", source=index.archive.place, after=None,
        model=model.name, sha256=model.sha256, refiner="none", evidence={"type": "FeatureCollection", "features": []},
        calls=(), messages=(), notes=(), seconds=round(time.monotonic() - began, 3),
    )  # fmt: skip


def _evidence(hits: Hits) -> dict[str, Any]:
    found = [] if hits.absent else hits.hits
    features = [
        _feature(hit.geometry, {"rank": hit.rank, "score": round(hit.score, 6), "source": hit.source,
                                "window": list(Window(*hit.window))})
        for hit in found
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def _feature(geometry: Any, properties: dict[str, Any]) -> dict[str, Any]:
    shape = None if geometry is None else geometry.__geo_interface__
    return {"type": "Feature", "geometry": shape, "properties": properties}
