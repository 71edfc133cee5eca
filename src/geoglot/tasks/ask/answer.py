"""An answer: the value, the sentence, how sure, what it rests on, and all that is needed to give it again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geoglot.figures import format_number
from geoglot.tasks.ask.plan import Message
from geoglot.tasks.ask.scene_things import SceneObject, Sighting
from geoglot.tasks.ask.vocabulary import Record, Reply, Value, Vocabulary
from geoglot.version import __version__

_DIGITS = 6
_EXPONENT = re.compile(r"(?<![\w.])-?[0-9]+(?:\.[0-9]+)?e[+-]?[0-9]{1,2}(?![\w.])")  # as a program may write a number
_CLASSIFIED = ("classify", "theme", "looks_like")


@dataclass(frozen=True, repr=False)
class Answer:
    """What a question got. A refusal has no value, and its text says why."""

    question: str
    value: Value | None
    unit: str | None
    text: str
    confidence: float | None
    """0..1: how much of what was seen is not in doubt (`certainty`); no calibrated probability."""
    reason: str
    """Of the confidence."""
    program: str | None
    planner: str
    kind: str
    source: str
    after: str | None
    model: str
    sha256: str
    refiner: str
    """What outlined the things."""
    evidence: Mapping[str, Any]
    """A GeoJSON FeatureCollection of things and regions."""
    calls: tuple[Mapping[str, Any], ...]
    messages: tuple[Message, ...]
    notes: tuple[str, ...]
    seconds: float

    def __repr__(self) -> str:
        sure = "" if self.confidence is None else f", confidence {self.confidence:.2f}"
        return f"Answer({self.question!r}: {self.text!r}{sure})"

    @property
    def refused(self) -> bool:
        """Whether there is no answer."""
        return self.value is None

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot ask --json`, which `--replay` reads."""
        return {
            "question": self.question, "value": self.value, "unit": self.unit, "text": self.text,
            "confidence": self.confidence, "reason": self.reason, "program": self.program,
            "evidence": dict(self.evidence), "planner": self.planner, "kind": self.kind, "seconds": self.seconds,
            "source": self.source, "after": self.after, "model": {"name": self.model, "sha256": self.sha256},
            "refiner": self.refiner,
            "calls": [dict(call) for call in self.calls],
            "messages": [{"role": one.role, "content": one.content} for one in self.messages],
            "notes": list(self.notes), "geoglot": __version__,
        }  # fmt: skip


def rounded(value: Value) -> Value:
    """Floats to six digits after the point: what is compared when an answer is given again."""
    return round(value, _DIGITS) if isinstance(value, float) else value


def sentence(reply: Reply) -> str:
    """The answer in words: "Yes: 3 ships found." """
    said = _EXPONENT.sub(lambda found: format_number(float(found[0])), reply.sentence.strip().rstrip("."))
    if isinstance(reply.value, bool):
        verdict = "Yes" if reply.value else "No"
        return f"{verdict}: {said}." if said else f"{verdict}."
    if not said:
        number = format_number(reply.value) if isinstance(reply.value, float) else str(reply.value)
        said = f"{number} {reply.unit}".strip()
    return f"{said[0].upper()}{said[1:]}."


def certainty(words: Vocabulary) -> tuple[float, str]:
    """How sure an answer is, and why: the product over all names looked for and all classes chosen.

    Of a name: the share of things that are not in doubt, which are those whose mean score is below the threshold that
    their best patch reaches; of a name not found, less the more would be found at a threshold 0.05 lower. Of a
    choice: the probability of what was chosen.
    """
    share, reasons = 1.0, []
    for (name, when), seen in words.view.sightings.items():
        share *= _steady(seen)
        reasons.append(_seen(f"{name} ({when})" if when else name, seen))
    for record in words.records:
        if record.name in _CLASSIFIED and record.probabilities:
            best = max(record.probabilities.values())
            second = sorted(record.probabilities.values())[-2]
            share *= best
            reasons.append(f"{record.name}: the best fits with {best:.2f}, the next with {second:.2f}")
    return round(share, 4), "; ".join(reasons) or "nothing was looked for"


def _steady(seen: Sighting) -> float:
    if not seen.objects:
        return 1 / (1 + seen.doubtful)
    return 1 - seen.doubtful / len(seen.objects) / 2  # a thing in doubt is as likely as not


def _seen(name: str, seen: Sighting) -> str:
    scores = [thing.score for thing in seen.objects]
    spread = f", scores {min(scores):.2f} to {max(scores):.2f}" if scores else ""
    doubt = f"{seen.doubtful} in doubt" if seen.doubtful else "none in doubt"
    return f"{name}: {len(scores)} found{spread}, threshold {seen.threshold:.2f}, {doubt}"


def recorded(records: Sequence[Record]) -> tuple[Mapping[str, Any], ...]:
    """The calls of a program as JSON."""
    return tuple(
        {
            "call": one.name, "arguments": list(one.arguments), "result": one.result,
            "objects": [_key(thing) for thing in one.objects],
            "scores": [round(thing.score, 4) for thing in one.objects],
            "probabilities": {name: round(odds, 4) for name, odds in one.probabilities.items()},
        }
        for one in records
    )  # fmt: skip


def _key(thing: SceneObject) -> str:
    """What ties a thing of a call to its feature in the evidence."""
    return f"{thing.name} {thing.id}{f' {thing.when}' if thing.when else ''}"
