"""Queries about things and the scene: what is there, how many, where, of what colour, and what has changed.

Each query knows the program that answers it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from geoglot.tasks.ask.grammar.noun import Thing
from geoglot.tasks.ask.grammar.program import answer, covers, find, number, part, percent, there_are, two

_BOTH = "together(first, second)"
_QUARTERS = ("upper left quarter", "upper right quarter", "lower left quarter", "lower right quarter")
CITY = ("urban area", "rural area")


class Query:
    """What a question asks for."""

    def program(self) -> str:
        """The program that answers it."""
        raise NotImplementedError


@dataclass(frozen=True)
class Exists(Query):
    """Is there a thing, or none? Of several joined by "and": is there each of them?"""

    thing: Thing
    none: bool = False

    def program(self) -> str:
        thing, no = self.thing, "not " if self.none else ""
        if not thing.every or thing.filters or thing.superlative:
            return answer(f"found = {find(thing)}", value=f"{no}exists(found)", sentence=there_are(thing))
        each = {f"thing{index}": replace(thing, names=(name,)) for index, name in enumerate(thing.names, 1)}
        lines = [f"{name} = {find(one)}" for name, one in each.items()]
        first, *others = [(Thing(one.names), name) for name, one in each.items()]
        numbers = " and ".join([there_are(*first), *(number(*other) for other in others)])
        value = " and ".join(f"{no}exists({name})" for name in each)
        return answer(*lines, f"found = {find(thing)}", value=value, sentence=f"{numbers} {thing.rest}".strip())


@dataclass(frozen=True)
class OneWithout(Query):
    """Is there one thing, and none of another?"""

    thing: Thing
    other: Thing

    def program(self) -> str:
        sentence = f"{there_are(self.thing, 'first')} and {number(self.other, 'second')}"
        value = "exists(first) and not exists(second)"
        return answer(*two(self.thing, self.other), value=value, sentence=sentence, evidence="first")


@dataclass(frozen=True)
class SuperlativeIn(Query):
    """Does the largest of all lie in a part?"""

    thing: Thing
    part: str

    def program(self) -> str:
        value = f'exists(within(found, part("{self.part}")))'
        return answer(f"found = {find(self.thing)}", value=value, sentence=f"{self.thing.one} is {{placed(found)}}")


@dataclass(frozen=True)
class Holds(Query):
    """Is what `some` says true of all, or of most, of the things?"""

    every: Thing
    some: Thing
    most: bool = False

    def program(self) -> str:
        value = "2 * count(found) > count(every)" if self.most else "exists(every) and count(found) == count(every)"
        return of_all(self.every, self.some, value)


def of_all(every: Thing, some: Thing, value: str, unit: str = "") -> str:
    """An answer from how many things there are, and how many of them are also `some`."""
    told = some.rest.removeprefix(every.rest).strip().removeprefix("that are ")
    sentence = f"{there_are(every, 'every')}, {{count(found)}} of them {told}"
    return answer(f"every = {find(every)}", f"found = {find(some)}", value=value, sentence=sentence, unit=unit)


@dataclass(frozen=True)
class Count(Query):
    """How many are there? With bounds such as (">=", 3): does the number keep to all of them?"""

    thing: Thing
    bounds: tuple[tuple[str, str], ...] = ()

    def program(self) -> str:
        bounds = [f"count(found) {sign} {number}" for sign, number in self.bounds] or ["count(found)"]
        return answer(f"found = {find(self.thing)}", value=" and ".join(bounds), sentence=there_are(self.thing))


@dataclass(frozen=True)
class CompareCounts(Query):
    """Two things by number: one of > < ==, the "difference", the "gap" (without a sign), or "which" are more."""

    how: str
    one: Thing
    other: Thing

    def program(self) -> str:
        one, other = "count(first)", "count(second)"
        value = {
            "which": f'which_is_larger({{"{self.one.many}": {one}, "{self.other.many}": {other}}})',
            "difference": f"{one} - {other}",
            "gap": f"abs({one} - {other})",
        }.get(self.how, f"{one} {self.how} {other}")
        sentence = f"{there_are(self.one, 'first')} and {number(self.other, 'second')}"
        return answer(*two(self.one, self.other), value=value, sentence=sentence, evidence=_BOTH)


@dataclass(frozen=True)
class CompareParts(Query):
    """The number of a thing in two parts of the scene: > or <, or "which" part has more."""

    how: str
    thing: Thing
    first: str
    second: str

    def program(self) -> str:
        parts = {"first": self.first, "second": self.second}
        lines = [f'{name} = within({find(self.thing)}, part("{place}"))' for name, place in parts.items()]
        value = f"count(first) {self.how} count(second)"
        if self.how == "which":
            value = f'which_is_larger({{"{self.first}": count(first), "{self.second}": count(second)}})'
        sentence = f"{there_are(self.thing, 'first')} in the {self.first} and {{count(second)}} in the {self.second}"
        return answer(*lines, value=value, sentence=sentence, evidence=_BOTH)


@dataclass(frozen=True)
class MostIn(Query):
    """Which quarter of the scene has the most?"""

    thing: Thing

    def program(self) -> str:
        counts = ", ".join(f'"{name}": count(within(found, part("{name}")))' for name in _QUARTERS)
        lines = [f"found = {find(self.thing)}", f"counts = {{{counts}}}", "winner = which_is_larger(counts)"]
        return answer(*lines, value="winner", sentence=f"{there_are(self.thing)}, most of them here: {{winner}}")


@dataclass(frozen=True)
class Classify(Query):
    """Which of some names fits the scene, or a part, best? With `asked`: is it this name?"""

    names: tuple[str, ...]
    part: str = ""
    asked: str = ""

    def program(self) -> str:
        listed = ", ".join(f'"{name}"' for name in self.names)
        value = '"urban" if kind == "urban area" else "rural"' if self.names == CITY else "kind"
        value = f'kind == "{self.asked}"' if self.asked else value
        where = f', part("{self.part}")' if self.part else ""
        sentence = f"of {' and '.join(self.names)}, {{kind}} describes the {self.part or 'scene'} best"
        return answer(f"kind = classify([{listed}]{where})", value=value, sentence=sentence, evidence="")


@dataclass(frozen=True)
class LooksLike(Query):
    """Does a name fit the scene better than any usual theme?"""

    name: str

    def program(self) -> str:
        sentence = f"{self.name} is {{'' if fits else 'not '}}the best word for the scene"
        return answer(f'fits = looks_like("{self.name}")', value="fits", sentence=sentence, evidence="")


@dataclass(frozen=True)
class Theme(Query):
    """What does the scene, or a part, show as a whole?"""

    part: str = ""

    def program(self) -> str:
        where = f'part("{self.part}")' if self.part else ""
        sentence = f"the best word for the {self.part or 'scene'} is {{kind}}"
        return answer(f"kind = theme({where})", value="kind", sentence=sentence, evidence="")


@dataclass(frozen=True)
class Where(Query):
    """Where is a thing, in words?"""

    thing: Thing

    def program(self) -> str:
        sentence = f"{there_are(self.thing)}, {{placed(found)}}"
        if self.thing.superlative:
            long = ", {amount(length_m(found), 'm')} long," if self.thing.superlative == "longest" else ""
            sentence = f"{self.thing.one}{long} is {{placed(found)}}"
        return answer(f"found = {find(self.thing)}", value="where(found)", sentence=sentence)


@dataclass(frozen=True)
class Colour(Query):
    """What is the main colour of a thing? With `asked`: is it this colour?"""

    thing: Thing
    asked: str = ""

    def program(self) -> str:
        value = f'colour_of(found) == "{self.asked}"' if self.asked else "colour_of(found)"
        sentence = f"{self.thing.many} {'is' if self.thing.single else 'are'} mainly {{colour_of(found)}}"
        return answer(f"found = {find(self.thing)}", value=value, sentence=sentence)


@dataclass(frozen=True)
class Change(Query):
    """What is new, or gone, on the second date? `ask` is count, exists, where or area_m2."""

    ask: str
    thing: Thing
    gone: bool = False

    def program(self) -> str:
        new = replace(self.thing, names=(f"new {self.thing.name}",))
        sentence = f"{number(self.thing)} disappeared" if self.gone else there_are(new)
        unit = ""
        if self.ask == "area_m2":
            sentence, unit = f"{covers(new)} {{amount(area_m2(found), 'm²')}}", "m²"
        elif self.ask == "where":
            sentence += ", {placed(found)}"
        call = "disappeared" if self.gone else "appeared"
        line = f'found = {call}("{self.thing.name}"{part(self.thing)})'
        return answer(line, value=f"{self.ask}(found)", sentence=sentence, unit=unit)


@dataclass(frozen=True)
class Growth(Query):
    """A thing on two dates, by share of the scene or by count: one of > < !=, or the "difference"."""

    by: str
    how: str
    thing: Thing
    lost: bool = False
    """True if the difference counts what is lost."""

    def program(self) -> str:
        thing = self.thing
        old, new = (find(replace(thing, when=when)) for when in ("before", "after"))
        if self.by == "share" and self.how == "difference":
            lines = [f'grown = change("{thing.name}"{part(thing)})', 'more = "less" if grown < 0 else "more"']
            sentence = f"{covers(thing)} {{amount(abs(grown), 'm²')}} {{more}} than before"
            value, evidence = "-grown" if self.lost else "grown", f"together({old}, {new})"
            return answer(*lines, value=value, sentence=sentence, unit="m²", evidence=evidence)
        value = f"{self.by}(new) {'-' if self.how == 'difference' else self.how} {self.by}(old)"
        sentence = f"{covers(thing)} {percent('share(new)')} of the scene now, and {percent('share(old)')} before"
        if self.by == "count":
            sentence = f"the number of {thing.many} was {{count(old)}} before and is {{count(new)}} now"
        return answer(f"old = {old}", f"new = {new}", value=value, sentence=sentence, evidence="together(old, new)")
