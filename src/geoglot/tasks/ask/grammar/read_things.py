"""Readers of questions about things: all or most of them, their number, their density and their presence.

A reader turns the words that a pattern of `questions.txt` kept into a query; it raises NotUnderstood if it cannot.
"""

from dataclasses import replace

from geoglot.nouns import uncountable
from geoglot.tasks.ask.grammar.lexicon import AREAS, THEMES
from geoglot.tasks.ask.grammar.noun import Coloured, NotUnderstood, Thing, in_words
from geoglot.tasks.ask.grammar.noun_phrase import subject, thing
from geoglot.tasks.ask.grammar.parts import part_name
from geoglot.tasks.ask.grammar.patterns import Groups
from geoglot.tasks.ask.grammar.queries import Query, amount, ground, number, part, there_are

_SIGNS = {
    "at least": ">=", "no fewer than": ">=", "no less than": ">=", "not fewer than": ">=", "not less than": ">=",
    "more than": ">", "over": ">", "greater than": ">", "larger than": ">", "higher than": ">", "above": ">",
    "at most": "<=", "no more than": "<=", "not more than": "<=", "up to": "<=", "fewer than": "<", "less than": "<",
    "under": "<", "smaller than": "<", "lower than": "<", "below": "<",
}  # fmt: skip


def one_name(text: str) -> Thing:
    """One name, perhaps in a part of the scene, without any filter, date or superlative."""
    what = thing(text)
    if len(what.names) > 1 or not replace(what, part="").bare:
        raise NotUnderstood(text)
    return what


def of_all(every: Thing, some: Thing, value: str, unit: str = "") -> Query:
    """An answer from how many things there are, and how many of them are also `some`."""
    more = some.filters[len(every.filters) :]
    state = in_words(more[0]) if more else f"in the {some.part}"
    sentence = f"{there_are(every, 'every')}, {{count(found)}} of them {state}"
    return Query({"every": every, "found": some}, value, sentence, unit)


def in_part_of_all(every: Thing, some: Thing, value: str, unit: str = "") -> Query:
    """An answer from the area of a thing, and how much of it lies in a part or near something."""
    inside, whole = amount("inside_m2", "m²"), amount("all_m2", "m²")
    region = ground(some)[1]
    if not region or len(some.filters) + bool(some.part) > 1:
        raise NotUnderstood(some.rest)  # which part of a forest is beside a road?
    sentence = f"{inside} of the {whole} of {every.noun} are {some.rest}"
    areas = {"inside_m2": f"area_m2(found{region})", "all_m2": "area_m2(found)"}
    return Query({"found": every}, value, sentence, unit, areas)


def all_or_most(groups: Groups) -> Query:
    """Is something true of all things, or of most of them?"""
    every, some = subject(f"{groups['a']} {groups['rest']}")
    if groups["colour"] and every == some:
        some = every.add(Coloured(groups["colour"]))
    if every.name == "land" or some.when or every.superlative:
        raise NotUnderstood(groups["a"])
    if len(some.filters) - len(every.filters) + bool(some.part) != 1:
        raise NotUnderstood(groups["a"])
    if groups["ask"] == "all":
        return of_all(every, some, "exists(every) and count(found) == count(every)")
    if not uncountable(every.name):
        return of_all(every, some, "2 * count(found) > count(every)")
    return in_part_of_all(every, some, "2 * inside_m2 > all_m2")


def _exists(what: Thing, *, none: bool = False) -> Query:
    """Is there a thing, or none? Of several joined by "and": is there each of them?"""
    no = "not " if none else ""
    if not what.every or what.filters or what.superlative:
        return Query({"found": what}, f"{no}exists(found)", there_are(what))
    each = {f"thing{index}": replace(what, names=(name,)) for index, name in enumerate(what.names, 1)}
    first, *others = [(Thing(one.names), name) for name, one in each.items()]
    numbers = " and ".join([there_are(*first), *(number(*other) for other in others)])
    value = " and ".join(f"{no}exists({name})" for name in each)
    return Query({**each, "found": what}, value, f"{numbers} {what.rest}".strip())


def _count(what: Thing, *bounds: tuple[str, str]) -> Query:
    """How many are there, or does the number keep to all bounds?"""
    compared = " and ".join(f"count(found) {sign} {bound}" for sign, bound in bounds)
    return Query({"found": what}, compared or "count(found)", there_are(what))


def bounded(groups: Groups) -> Query:
    """Does a number lie within bounds, which count as within?"""
    bounds = [(">=", groups["least"]), ("<=", groups["most"]), (">", "1" if groups["many"] else "")]
    return _count(thing(groups["a"]), *((sign, bound) for sign, bound in bounds if bound))


def compare_number(groups: Groups) -> Query:
    """Is a number larger or smaller than the one of the question?"""
    return _count(thing(groups["a"]), (_SIGNS.get(groups["bound"], "=="), groups["number"]))


def holds(groups: Groups) -> Query:
    """Does a place hold something, or how much of it? The place is a part or a theme such as a harbor."""
    try:
        part_name(groups["a"])
    except NotUnderstood:
        where = thing(groups["a"])
        if not where.bare or where.name not in THEMES:  # a house that has a pool is no such place
            raise
    what = thing(f"{groups['b']} in {groups['a']}")
    if groups["number"]:
        return _count(what, (_SIGNS.get(groups["bound"], "=="), groups["number"]))
    return _count(what) if groups["ask"] == "count" else _exists(what)


def neither(groups: Groups) -> Query:
    """Is there none of two things?"""
    return _exists(thing(f"{groups['a']} or {groups['b']}"), none=True)


def one_without(groups: Groups) -> Query:
    """Is there one thing, and none of another?"""
    one, two = thing(groups["a"]), thing(groups["b"])
    if len(one.names + two.names) > 2:
        raise NotUnderstood(groups["a"])
    sentence = f"{there_are(one, 'first')} and {number(two, 'second')}"
    return Query({"first": one, "second": two}, "exists(first) and not exists(second)", sentence, evidence="first")


def each_other(groups: Groups) -> Query:
    """Do two things lie beside each other?"""
    return _exists(thing(f"{groups['a']} {groups['how']} {groups['b']}"))


def in_state(groups: Groups) -> Query:
    """How many things are in a state that a name can say: FloodNet's (Rahnemoonfar et al. 2021)."""
    bare = thing(groups["a"])
    if not bare.bare or len(bare.names) > 1:
        raise NotUnderstood(groups["a"])
    what = thing(f"{groups['state'].replace('non ', 'non-')} {groups['a']}")
    return _count(what) if groups["ask"] == "count" else _exists(what)


def density(groups: Groups) -> Query:
    """How many are there per unit of area?"""
    what, unit = thing(f"{groups['a']} {groups['rest']}"), groups["unit"] or "km²"
    if what.relations or uncountable(what.name):
        raise NotUnderstood(what.rest or what.name)  # per hectare of the scene, or of the park?
    region = part(what.part).removeprefix(", ") or "whole()"
    value = {"density": f"count(found) / region_area_m2({region}) * {AREAS[unit]:.12g}"}
    return Query(
        {"found": what}, "density", f"{there_are(what)}, {{amount(density, 'per {unit}')}}", f"per {unit}", value
    )


def _maybe_coloured(groups: Groups) -> Thing:
    if groups["colour"]:
        return one_name(groups["a"]).add(Coloured(groups["colour"]))
    if groups["adjective"]:
        return thing(f"{groups['a']} that are {groups['adjective']}")
    return thing(f"{groups['a']} {groups['rest']}")


def count(groups: Groups) -> Query:
    """How many are there?"""
    return _count(_maybe_coloured(groups))


def presence(groups: Groups) -> Query:
    """Is there a thing, or none?"""
    if groups["a"].startswith(("more ", "less ", "fewer ", "as many ")):
        raise NotUnderstood(groups["a"].partition(" ")[0])
    what = _maybe_coloured(groups)
    if what.superlative:  # there is always a largest
        raise NotUnderstood(what.superlative)
    return _exists(what, none=bool(groups["no"]) or groups["ask"] == "none")


def relation(groups: Groups) -> Query:
    """Does a thing lie where the question says? The phrase must say where."""
    first, what = groups["a"].partition(" ")[0], thing(groups["a"])
    if first in ("all", "every", "each", "most"):
        raise NotUnderstood(first)
    if what.superlative and what.part and not what.filters:  # the largest of all, not of this part
        alone = replace(what, part="")
        return Query(
            {"found": alone}, f"exists(within(found{part(what.part)}))", f"{alone.singular} is {{placed(found)}}"
        )
    if what.superlative or not (what.part or what.relations):
        raise NotUnderstood(groups["a"])
    return _exists(what)
