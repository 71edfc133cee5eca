"""What a form of question is: a pattern over plain questions, an example, and the program that it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from geoglot.tasks.ask.noun import NotUnderstood, Thing
from geoglot.tasks.ask.nouns import thing
from geoglot.tasks.ask.order import ORDER

Groups = dict[str, str]
Build = Callable[[Groups], str]


@dataclass(frozen=True)
class Form:
    """One form, or several ways to say it."""

    kind: str
    """What it asks for: presence, count, comparison, area, share, ..."""
    example: str
    """A question of this form, for people."""
    patterns: tuple[re.Pattern[str], ...]
    build: Build

    def read(self, question: str) -> str | None:
        """The program of a plain question, or None where it is not of this form."""
        for pattern in self.patterns:
            match = pattern.fullmatch(question)
            if match is None:
                continue
            try:
                return self.build({key: value or "" for key, value in match.groupdict().items()})
            except NotUnderstood:
                continue
        return None


_FORMS: dict[str, Form] = {}
_BOTH = "together(first, second)"
#: Calls that an adjective is: they choose by what a thing is, and not by where it lies
ADJECTIVES = ("larger(", "smaller(", "shaped(", "coloured(")


def form(kind: str, example: str, *patterns: str) -> Callable[[Build], Build]:
    """Register a form under the name of its function, which `order.ORDER` holds."""

    def register(build: Build) -> Build:
        _FORMS[build.__name__] = Form(kind, example, tuple(re.compile(pattern) for pattern in patterns), build)
        return build

    return register


def forms() -> tuple[Form, ...]:
    """All forms, in the order in which they are tried."""
    return tuple(_FORMS[name] for name in ORDER)


def program(found: str, value: str, sentence: str, unit: str = "", *, first: str = "") -> str:
    """The usual program: find, then answer."""
    lines = [first] if first else []
    lines += [f"found = {found}"] if found else []
    return "\n".join([*lines, _answer(value, sentence, unit, "found" if found else "")])


def _answer(value: str, sentence: str, unit: str, evidence: str) -> str:
    parts = [value, f'f"{sentence}"' if "{" in sentence else f'"{sentence}"']
    parts += [f'"{unit}"'] if unit else []
    parts += [f"evidence={evidence}"] if evidence else []
    return f"answer({', '.join(parts)})"


def said(what: Thing, variable: str = "found") -> str:
    """A number of things, as a part of a sentence: {say(count(found), 'ship')} in the left half."""
    return f"{{say(count({variable}), '{what.name}')}} {what.rest}".strip()


def tell(what: Thing, value: str, unit: str = "") -> str:
    """Find a thing, answer with a value of it, and say how many there are."""
    return program(what.find(), value, f"{said(what)} found", unit)


def both(one: Thing, two: Thing, value: str, sentence: str, unit: str = "", evidence: str = _BOTH) -> str:
    """Find two things, as `first` and `second`, and answer with a value of them."""
    return "\n".join([f"first = {one.find()}", f"second = {two.find()}", _answer(value, sentence, unit, evidence)])


def tell_both(one: Thing, two: Thing, value: str, evidence: str = _BOTH) -> str:
    """Find two things, answer with a value of them, and say how many there are of each."""
    return both(one, two, value, f"{said(one, 'first')} and {said(two, 'second')} found", evidence=evidence)


def bare_names(text: str, separators: str) -> list[str]:
    """Names in a row, parted by what a pattern says; NotUnderstood where one is more than a name."""
    names = [thing(part.strip(" ,")) for part in re.split(separators, text) if part.strip(" ,")]
    if any(not one.is_bare or len(one.names) > 1 for one in names):
        raise NotUnderstood(text)
    return [one.name for one in names]


def alike(first: str, second: str) -> tuple[Thing, Thing]:
    """Two noun phrases that are compared; NotUnderstood where they mean the same.

    A part of the scene that only the second names is meant for both: "more trees than houses in the left half".
    """
    one, two = thing(first), thing(second)
    if two.region and not one.region:
        if any(not wrap.startswith(ADJECTIVES) for wrap in one.wraps) or one.when or one.superlative:
            raise NotUnderstood(second)
        one = replace(one, region=two.region, place=two.place)
    if one == two:
        raise NotUnderstood(second)
    return one, two
