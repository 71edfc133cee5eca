"""A form is one way to ask: patterns, an example for people, and the query that the kept words mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from geoglot.tasks.ask.grammar.noun import NotUnderstood, Thing
from geoglot.tasks.ask.grammar.noun_phrase import subject, thing
from geoglot.tasks.ask.grammar.patterns import Groups, expression, kept
from geoglot.tasks.ask.grammar.queries import Query


class Form:
    """One form, in one or several patterns, tried in their order."""

    def __init__(self, kind: str, example: str, query: Callable[[Groups], Query], *patterns: str) -> None:
        self.kind, self.example, self._query = kind, example, query
        self._patterns = tuple(re.compile(expression(pattern)) for pattern in patterns)

    def read(self, question: str) -> Query | None:
        """The query of a plain question; None if it is not of this form, NotUnderstood if only a phrase is not read."""
        unread: NotUnderstood | None = None
        for pattern in self._patterns:
            match = pattern.fullmatch(f"{question} ")
            try:
                if match:
                    return self._query(kept(match))
            except NotUnderstood as error:
                unread = error
        if unread:
            raise unread
        return None


def names_in(text: str) -> tuple[str, ...]:
    """Bare names in a row: "forest, water or farmland"."""
    things = [thing(part) for part in re.split(r" ?, | or | and ", text) if part.strip(" ,")]
    if any(not one.bare or len(one.names) > 1 for one in things):
        raise NotUnderstood(text)
    return tuple(one.name for one in things)


def alike(groups: Groups) -> tuple[Thing, Thing]:
    """The phrases A and B, which are compared; a part that only B names counts for both.

    "more trees than houses in the left half" is about trees in the left half, too.
    """
    one, two = thing(groups["a"]), thing(groups["b"])
    if two.part and not one.part:
        if one.relations or one.when or one.superlative:
            raise NotUnderstood(groups["b"])
        one = replace(one, part=two.part)
    if one == two:
        raise NotUnderstood(groups["b"])
    return one, two


def plain_thing(text: str) -> Thing:
    """One name, perhaps in a part of the scene, without any filter, date or superlative."""
    what = thing(text)
    if len(what.names) > 1 or not replace(what, part="").bare:
        raise NotUnderstood(text)
    return what


def every_and_some(text: str) -> tuple[Thing, Thing]:
    """Things, and those of them for which the one modifier of the phrase is true."""
    every, some = subject(text)
    if len(some.filters) - len(every.filters) + bool(some.part) != 1 or some.when or every.superlative:
        raise NotUnderstood(text)
    return every, some
