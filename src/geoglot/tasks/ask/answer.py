"""An answer: its value, sentence, confidence and evidence, and all that is needed to replay it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from geoglot.figures import format_number
from geoglot.outputs.notebook.page import Drawing, Page
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.scene.absence import ABSENT, round_presence
from geoglot.sources.raster import Raster
from geoglot.tasks.ask.answer_page import draw_answer, page_of_answer
from geoglot.tasks.ask.plan import Message
from geoglot.tasks.ask.view import Record, Reply, Value, View
from geoglot.version import __version__

_EXPONENT = re.compile(r"(?<![\w.])-?[0-9]+(?:\.[0-9]+)?e[+-]?[0-9]{1,2}(?![\w.])")  # 1.7e+06, as Python may print it


@dataclass(frozen=True, repr=False)
class Answer(ShownOnMap):
    """The answer to a question. A refusal has no value, and its text says why."""

    question: str
    value: Value | None
    unit: str | None
    text: str
    confidence: float | None
    """Probability 0..1 that the answer holds, as far as it rests on what is there: see `confidence_of`."""
    reason: str
    """Why the confidence is what it is."""
    program: str | None
    planner: str
    kind: str
    source: str
    after: str | None
    model: str
    sha256: str
    refiner: str
    evidence: Mapping[str, Any]
    """A GeoJSON FeatureCollection of objects and regions."""
    calls: tuple[Mapping[str, Any], ...]
    messages: tuple[Message, ...]
    notes: tuple[str, ...]
    seconds: float
    presence: Mapping[str, float] = field(default_factory=dict)
    """The probability that each name is in the scene: "house", or "house (before)" of two dates."""
    scene: Raster | None = field(default=None, compare=False)
    """The raster that the evidence lies on, as it was read, closed; None for a scene that is no raster."""

    def __repr__(self) -> str:
        sure = "" if self.confidence is None else f", confidence {self.confidence:.2f}"
        return f"Answer({self.question!r}: {self.text!r}{sure})"

    @property
    def refused(self) -> bool:
        return self.value is None

    def page(self) -> Page:
        return page_of_answer(self)

    def draw(self) -> Drawing:
        return draw_answer(self)

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot ask --json`, which `--replay` reads."""
        return {
            "question": self.question, "value": self.value, "unit": self.unit, "text": self.text,
            "confidence": self.confidence, "reason": self.reason, "program": self.program,
            "evidence": dict(self.evidence), "planner": self.planner, "kind": self.kind, "seconds": self.seconds,
            "source": self.source, "after": self.after, "model": {"name": self.model, "sha256": self.sha256},
            "refiner": self.refiner,
            "presence": {name: round_presence(probability, 4) for name, probability in self.presence.items()},
            "calls": [dict(call) for call in self.calls],
            "messages": [asdict(message) for message in self.messages],
            "notes": list(self.notes), "geoglot": __version__,
        }  # fmt: skip


def sentence_of(reply: Reply) -> str:
    """The answer in words: "Yes, there are 3 ships." """
    sentence = _EXPONENT.sub(lambda match: format_number(float(match[0])), reply.sentence.strip().rstrip("."))
    if isinstance(reply.value, bool):
        verdict = "Yes" if reply.value else "No"
        return f"{verdict}, {sentence}." if sentence else f"{verdict}."
    if not sentence:
        number = format_number(reply.value) if isinstance(reply.value, float) else str(reply.value)
        sentence = f"{number} {reply.unit}".strip()
    return f"{sentence[0].upper()}{sentence[1:]}."


def confidence_of(view: View) -> tuple[float, str]:
    """The confidence in an answer, and the reason for it.

    The confidence is a product. Each name that a program found has the probability that it is in the scene, less half
    the share of its objects that are in doubt, because their mean score is below the line (`Threshold.line`). A name
    that was not found has the probability that it is not there. Each class that was chosen has its probability as a
    factor.
    """
    confidence, reasons = 1.0, []
    for (name, when), seen in view.sightings.items():
        title = title_of(name, when)
        there = f"there with probability {round_presence(seen.presence, 2):.2f}"
        if scores := [thing.score for thing in seen.objects]:
            confidence *= seen.presence * (1 - seen.doubtful / len(scores) / 2)
            spread = f"scores {min(scores):.2f} to {max(scores):.2f}, threshold {seen.threshold:.2f}"
            doubt = f"{seen.doubtful} in doubt" if seen.doubtful else "none in doubt"
            reasons.append(f"{title}: {len(scores)} found, {spread}, {doubt}; {there}")
        else:
            confidence *= 1 - seen.presence
            why = ", as nothing looks more like one than like anything else" if seen.presence < ABSENT else ""
            reasons.append(f"{title}: none found{why}; {there}")
    for record in view.records:
        if record.probabilities:
            *rest, best = sorted(record.probabilities.values())
            second = rest[-1] if rest else 0.0  # the same name twice is one class
            confidence *= best
            reasons.append(f"{record.name}: the best fits with {best:.2f}, the next with {second:.2f}")
    return round(confidence, 4), "; ".join(reasons) or "nothing was looked for"


def title_of(name: str, when: str) -> str:
    """A name on a date: "house (before)"."""
    return f"{name} ({when})" if when else name


def calls_to_json(records: Sequence[Record]) -> tuple[Mapping[str, Any], ...]:
    """The calls of a program as JSON; "ship 3" is the ship with id 3 in the evidence."""
    return tuple(
        {
            "call": call.name, "arguments": list(call.arguments), "result": call.result,
            "objects": [f"{thing.name} {thing.id} {thing.when}".rstrip() for thing in call.objects],
            "scores": [round(thing.score, 4) for thing in call.objects],
            "probabilities": {name: round(probability, 4) for name, probability in call.probabilities.items()},
        }
        for call in records
    )  # fmt: skip
