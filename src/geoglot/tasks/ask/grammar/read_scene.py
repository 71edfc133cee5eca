"""Readers of questions about the scene as a whole, and about where things are and what colour they have."""

import re
from dataclasses import replace

from geoglot.figures import format_list
from geoglot.tasks.ask.grammar.noun import NotUnderstood
from geoglot.tasks.ask.grammar.noun_phrase import subject, thing
from geoglot.tasks.ask.grammar.parts import part_name
from geoglot.tasks.ask.grammar.patterns import Groups, expression
from geoglot.tasks.ask.grammar.queries import Query, amount, find, part, per_unit, there_are
from geoglot.tasks.ask.grammar.read_compare import BOTH
from geoglot.tasks.ask.grammar.read_ground import names_in

_CITY = ("urban area", "rural area")
#: Names that ask for a kind of ground, not for things
_GROUND = ("area", "place", "region", "zone", "type", "class", "land cover")


def classify(groups: Groups) -> Query:
    """Which of some names fits the scene, or a part, best? Or is it urban, or rural?"""
    place = part_name(groups["part"]) if groups["part"] else ""
    town = groups["kind"] or re.fullmatch(expression("TOWN_OR_LAND"), f"{groups['many']} ") or not groups["many"]
    names = _CITY if town else names_in(groups["many"])
    if len(names) < 2:
        raise NotUnderstood(groups["many"])
    quoted = ", ".join(f'"{name}"' for name in names)
    fits = f"classify([{quoted}]{part(place)})"
    if not town:
        sentence = f"of {format_list(names)}, {{kind}} describes the {place or 'scene'} best"
        return Query({}, "kind", sentence, compute={"kind": fits})
    setting = f'"urban" if {fits} == "urban area" else "rural"'
    asked = "rural" if groups["kind"].startswith(("rural", "country")) else "urban"
    value = f'kind == "{asked}"' if groups["kind"] else "kind"
    return Query({}, value, f"the {place or 'scene'} looks {{kind}}", compute={"kind": setting})


def which_are(groups: Groups) -> Query:
    """Which things are as the question says? It must say more than their part of the scene."""
    every, some = subject(f"{groups['a']} that are {groups['rest']}")
    no_more = len(some.filters) == len(every.filters)
    if no_more or every.superlative or every.name in _GROUND or groups["a"].startswith("of "):
        raise NotUnderstood(groups["rest"])
    return Query({"found": some}, "where(found)", f"{there_are(some)}, {{placed(found)}}")


def looks_like(groups: Groups) -> Query:
    """Does a name fit the scene better than any usual theme?"""
    what = thing(re.sub(r"^(?:@ of|picture of|of|taken over|located in|in|showing) ", "", groups["a"]))
    if not what.bare or len(what.names) > 1:
        raise NotUnderstood(groups["a"])
    sentence = f"{what.name} is {{'' if fits else 'not '}}the best word for the scene"
    return Query({}, "fits", sentence, compute={"fits": f'looks_like("{what.name}")'})


def theme(groups: Groups) -> Query:
    """What does the scene, or a part, show as a whole?"""
    place = part_name(groups["part"]) if groups["part"] not in ("", "@") else ""
    sentence = f"the best word for the {place or 'scene'} is {{kind}}"
    return Query({}, "kind", sentence, compute={"kind": f"theme({part(place).removeprefix(', ')})"})


def nearer(groups: Groups) -> Query:
    """Which of two things is nearer to a third?"""
    one, two, other = things = [thing(groups[key]) for key in "abc"]
    if len(set(things)) < 3 or not all(each.bare for each in things):
        raise NotUnderstood(groups["a"])
    first, second = one.name, two.name
    gaps = {"one, two": "distance_m(first, others), distance_m(second, others)"}
    gaps["winner"] = f'"{first}" if one < two else "{second}" if two < one else "equal"'
    sentence = f"the {first} is {amount('one', 'm')} and the {second} {amount('two', 'm')} away from {other.singular}"
    return Query({"others": other, "first": one, "second": two}, "winner", sentence, compute=gaps, evidence=BOTH)


def distance(groups: Groups) -> Query:
    """How far apart are the nearest edges of two things?"""
    one, two = (thing(re.sub("^(?:nearest|closest) ", "", groups[key])) for key in "ab")
    if one == two or one.every or two.every:
        raise NotUnderstood(groups["b"])
    unit = groups["unit"] or groups["unit2"] or "m"
    value = f"gap{per_unit(unit)}"
    sentence = f"there are {amount(value, unit)} between the nearest of {one.plural} and {two.plural}"
    evidence = "together(nearest(first, second), nearest(second, first))"
    gap = {"gap": "distance_m(first, second)"}
    return Query({"first": one, "second": two}, value, sentence, unit, gap, evidence)


def nearest(groups: Groups) -> Query:
    """Where is the thing that is nearest to another, and how far is it?"""
    one, two = thing(groups["a"]), thing(groups["b"])
    if two.every or one.superlative:
        raise NotUnderstood(groups["b"])  # to both together, or to one of them?
    sentence = f"the {f'{one.noun} {one.rest}'.strip()} nearest to {two.singular} is {{placed(found)}}"
    sentence += f", {amount('distance_m(found, others)', 'm')} away"
    return Query({"others": two, "found": f"nearest({find(one)}, others)"}, "where(found)", sentence)


def where(groups: Groups) -> Query:
    """Where is a thing, in words?"""
    text = re.sub(r"^(?:most|majority) of ", "", groups["a"])
    if text != groups["a"] and groups["place"] == "half":
        raise NotUnderstood("half")  # the upper or lower, or the left or right?
    if groups["several"]:
        what = replace(thing(text), superlative=groups["best"].replace("biggest", "largest"))
    else:
        what = thing(f"{groups['best']} {text}".strip())
    long = f", {amount('length_m(found)', 'm')} long," if what.superlative == "longest" else ""
    sentence = (
        f"{what.singular}{long} is {{placed(found)}}" if what.superlative else f"{there_are(what)}, {{placed(found)}}"
    )
    return Query({"found": what}, "where(found)", sentence)


def colour(groups: Groups) -> Query:
    """What is the main colour of a thing, or is it this one?"""
    first, what = groups["a"].partition(" ")[0], thing(groups["a"])
    if groups["colour"] and first in ("there", "all", "every", "each", "any", "most"):
        raise NotUnderstood(first)
    value = f'colour_of(found) == "{groups["colour"]}"' if groups["colour"] else "colour_of(found)"
    return Query(
        {"found": what}, value, f"{what.plural} {'is' if what.verb_in_singular else 'are'} mainly {{colour_of(found)}}"
    )
