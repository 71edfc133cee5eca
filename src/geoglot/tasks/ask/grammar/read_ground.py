"""Readers of questions that measure, and of questions about the scene and about where things are.

A reader takes the words that a pattern of `questions.txt` kept, and gives a query; NotUnderstood if it cannot.
"""

from __future__ import annotations

import re
from dataclasses import replace

from geoglot.tasks.ask.grammar.lexicon import uncountable
from geoglot.tasks.ask.grammar.noun import NotUnderstood, Related, Sized, Thing
from geoglot.tasks.ask.grammar.noun_phrase import metres, part_name, square_metres, thing
from geoglot.tasks.ask.grammar.patterns import Groups, expression
from geoglot.tasks.ask.grammar.queries import (
    Query,
    amount,
    covers,
    find,
    ground,
    larger_of,
    listed,
    part,
    per_unit,
    percent,
    there_are,
)
from geoglot.tasks.ask.grammar.read_things import BOTH, alike, in_part_of_all, of_all

#: What is compared if a question names no classes of land cover
_LAND_COVER = ("water", "forest", "grass", "farmland", "building", "road", "bare soil")
_CITY = ("urban area", "rural area")
_SIGNS = {"at least": ">=", "at most": "<=", "less": "<", "less extensive": "<", "smaller": "<", "under": "<",
          "shorter": "<"}  # fmt: skip
_FRACTIONS = {"half": 0.5, "third": 1 / 3, "quarter": 0.25}
_SCENE = ("", "@", "area", "land", "scene")


def _measured(text: str) -> Thing:
    """A thing that can be measured; NotUnderstood for forest beside a road: which part of the forest is?"""
    what = thing(text)
    sized = any(isinstance(one, Sized) for one in what.filters)
    if what.picked or sized or not uncountable(what.name) or not what.relations:
        return what
    last = what.filters[-1]
    if len(what.relations) > 1 or not isinstance(last, Related) or last.how != "near" or what.part or what.when:
        raise NotUnderstood(what.rest)
    return what


def area(groups: Groups) -> Query:
    """How much ground does a thing cover?"""
    text = re.sub(r"^(?:area|surface|size) (?:of|covered by) ", "", groups["a"])
    what, unit = _measured(f"{text} {groups['rest']}"), groups["unit"] or "m²"
    found, where = ground(what)
    sentence = f"{covers(what)} {amount('area', unit)}"
    if not where and not what.when:
        sentence += f", {percent('share(found)')} of the scene"
    return Query({"found": found}, "area", sentence, unit, {"area": f"area_m2(found{where}){per_unit(unit)}"})


def area_bound(groups: Groups) -> Query:
    """Does a thing cover more, or less, than so much?"""
    first, what = groups["a"].partition(" ")[0], _measured(groups["a"])
    if first in ("there", "number", "any", "all", "every", "each", "average"):
        raise NotUnderstood(first)
    if groups["verb"] == "are" and not groups["all"] and not uncountable(what.name):
        raise NotUnderstood(groups["a"])  # each of them, or all together?
    found, where = ground(what)
    value = f"area {_SIGNS.get(groups['more'], '>')} {square_metres(groups):.12g}"
    sentence = f"{covers(what)} {amount('area', 'm²')}"
    return Query({"found": found}, value, sentence, compute={"area": f"area_m2(found{where})"})


def mean_area(groups: Groups) -> Query:
    """How large is a thing on average?"""
    what, unit = thing(f"{groups['a']} {groups['rest']}"), groups["unit"] or "m²"
    mean = {"area": f"area_m2(found) / count(found){per_unit(unit)}"}
    return Query({"found": what}, "area", f"{there_are(what)}, of {amount('area', unit)} on average", unit, mean)


def part_area(groups: Groups) -> Query:
    """How large is the scene, or a part of it?"""
    name, unit = "" if groups["part"] in _SCENE else part_name(groups["part"]), groups["unit"] or "m²"
    region = part(name).removeprefix(", ") or "whole()"
    sentence = f"the {name or 'scene'} covers {amount('area', unit)}"
    return Query({}, "area", sentence, unit, {"area": f"region_area_m2({region}){per_unit(unit)}"})


def _share(text: str, place: str, value: str, unit: str = "") -> Query:
    """A share of the scene, or of a part."""
    what = thing(text if place in _SCENE else f"{text} in {part_name(place)}")
    if uncountable(what.name) and what.relations:
        raise NotUnderstood(what.rest)  # which part of a forest is beside a road, and which is not?
    sentence = f"{covers(replace(what, part=''))} {percent('part_covered')} of the {what.part or 'scene'}"
    share = {"part_covered": f"share(found{part(what.part)})"}
    return Query({"found": find(what, clip=True)}, value, sentence, unit, share)


def share(groups: Groups) -> Query:
    """What share of the scene, or of a part, does a thing cover?"""
    text = groups["a"]
    if re.search(r"\b(?:is|are|that|which|have|has|lie|lies)\b", text) or text in ("land", "ground"):
        raise NotUnderstood(text)  # "percentage of buildings that are large" is no share of the scene
    if thing(text).relations and not groups["whole"]:
        raise NotUnderstood(text)  # a share of the scene, or of the things?
    return _share(text, re.sub(r" of @$", "", groups["place"]), "100 * part_covered", "%")


def share_bound(groups: Groups) -> Query:
    """Does a thing cover more, or less, than so large a part?"""
    much = groups["much"] or "half"
    bound = _FRACTIONS.get(much) or float(much.rstrip("%")) / (100 if "%" in much else 1)
    return _share(groups["a"], groups["place"], f"part_covered {_SIGNS.get(groups['more'], '>')} {bound:.6g}")


def share_of(groups: Groups) -> Query:
    """What percentage of the things, by number, are as the question says? Of forest in a part, by area."""
    every, some = thing(groups["a"]), thing(f"{groups['a']} that {groups['rest'].removeprefix('that ')}")
    if not every.bare or some.bare or (uncountable(every.name) and (not some.part or some.filters)):
        raise NotUnderstood(groups["rest"])
    if uncountable(every.name):
        return in_part_of_all(every, some, "100 * inside_m2 / all_m2", "%")
    return of_all(every, some, "100 * count(found) / count(every)", "%")


def compare_areas(groups: Groups) -> Query:
    """Does one thing cover more than another, which covers more, or how much more?"""
    if groups["a"].split()[0] in ("there", "number", "any", "amount") or " or " in groups["b"]:
        raise NotUnderstood(groups["a"])
    (one, two), how = alike(groups), groups["ask"]
    found = {"first": one, "second": two}
    if how == "difference":
        areas = [amount(f"area_m2({name})", "m²") for name in found]
        sentence = f"{covers(one)} {areas[0]} and {two.many} {areas[1]}"
        return Query(found, "area_m2(first) - area_m2(second)", sentence, "m²", evidence=BOTH)
    value = f"share(first) {'<' if groups['down'] else '>'} share(second)"
    value = larger_of({one.name: "share(first)", two.name: "share(second)"}) if how == "which" else value
    sentence = f"{covers(one)} {percent('share(first)')} of the scene and {two.many} {percent('share(second)')}"
    return Query(found, value, sentence, evidence=BOTH)


def _names(text: str) -> tuple[str, ...]:
    """Bare names in a row: "forest, water or farmland"."""
    things = [thing(name) for name in re.split(r" ?, | or | and ", text) if name.strip(" ,")]
    if any(not one.bare or len(one.names) > 1 for one in things):
        raise NotUnderstood(text)
    return tuple(one.name for one in things)


def dominant(groups: Groups) -> Query:
    """Which of several land covers covers most of the scene, or of a part?"""
    place = part_name(groups["place"]) if groups["place"] else ""
    names = _names(groups["many"]) or _LAND_COVER
    shares = {"shares": "{}"} | {f'shares["{name}"]': f'share(find("{name}"){part(place)})' for name in names}
    sentence = f"of {listed(names)}, {{winner}} covers most of the {place or 'scene'}"
    return Query({}, "winner", sentence, compute={**shares, "winner": "which_is_larger(shares)"})


def length(groups: Groups) -> Query:
    """How long is the longest of a thing, or is it longer than so much?"""
    if groups["more"] in ("more", "less") and not groups["long"]:
        raise NotUnderstood(groups["more"])
    what, unit = thing(groups["a"]), groups["unit"] or "m"
    value = f"length_m(found){per_unit(unit)}"
    sentence = f"{what.one if what.superlative else f'the longest of the {what.many}'} is {amount(value, unit)} long"
    if groups["more"]:
        return Query({"found": what}, f"{value} {_SIGNS.get(groups['more'], '>')} {metres(groups):.12g}", sentence)
    return Query({"found": what}, value, sentence, unit)


def perimeter(groups: Groups) -> Query:
    """How long are the outlines?"""
    what, unit = thing(groups["a"]), groups["unit"] or "m"
    value = f"perimeter_m(found){per_unit(unit)}"
    outlines = "outline" if what.single else "outlines"
    sentence = f"the {outlines} of {what.many} {'is' if what.single else 'are'} {amount(value, unit)} long"
    return Query({"found": what}, value, sentence, unit)


def classify(groups: Groups) -> Query:
    """Which of some names fits the scene, or a part, best? Or is it urban, or rural?"""
    place = part_name(groups["part"]) if groups["part"] else ""
    town = groups["kind"] or re.fullmatch(expression("TOWN_OR_LAND"), f"{groups['many']} ") or not groups["many"]
    names = _CITY if town else _names(groups["many"])
    if len(names) < 2:
        raise NotUnderstood(groups["many"])
    quoted = ", ".join(f'"{name}"' for name in names)
    fits = f"classify([{quoted}]{part(place)})"
    if not town:
        sentence = f"of {listed(names)}, {{kind}} describes the {place or 'scene'} best"
        return Query({}, "kind", sentence, compute={"kind": fits})
    setting = f'"urban" if {fits} == "urban area" else "rural"'
    asked = "rural" if groups["kind"].startswith(("rural", "country")) else "urban"
    value = f'kind == "{asked}"' if groups["kind"] else "kind"
    return Query({}, value, f"the {place or 'scene'} looks {{kind}}", compute={"kind": setting})


def looks_like(groups: Groups) -> Query:
    """Does a name fit the scene better than any usual theme?"""
    what = thing(re.sub(r"^(?:@ of|picture of|of|taken over|located in|in) ", "", groups["a"]))
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
    sentence = f"the {first} is {amount('one', 'm')} and the {second} {amount('two', 'm')} away from {other.one}"
    return Query({"others": other, "first": one, "second": two}, "winner", sentence, compute=gaps, evidence=BOTH)


def distance(groups: Groups) -> Query:
    """How far apart are the nearest edges of two things?"""
    one, two = (thing(re.sub("^(?:nearest|closest) ", "", groups[key])) for key in "ab")
    if one == two or one.every or two.every:
        raise NotUnderstood(groups["b"])
    unit = groups["unit"] or groups["unit2"] or "m"
    value = f"gap{per_unit(unit)}"
    sentence = f"there are {amount(value, unit)} between the nearest of {one.many} and {two.many}"
    evidence = "together(nearest(first, second), nearest(second, first))"
    gap = {"gap": "distance_m(first, second)"}
    return Query({"first": one, "second": two}, value, sentence, unit, gap, evidence)


def nearest(groups: Groups) -> Query:
    """Where is the thing that is nearest to another, and how far is it?"""
    one, two = thing(groups["a"]), thing(groups["b"])
    if two.every or one.superlative:
        raise NotUnderstood(groups["b"])  # to both together, or to one of them?
    sentence = f"the {f'{one.noun} {one.rest}'.strip()} nearest to {two.one} is {{placed(found)}}"
    sentence += f", {amount('distance_m(found, others)', 'm')} away"
    return Query({"others": two, "found": f"nearest({find(one)}, others)"}, "where(found)", sentence)


def where(groups: Groups) -> Query:
    """Where is a thing, in words?"""
    text = re.sub(r"^(?:most|majority) of ", "", groups["a"])
    what = thing(f"{groups['best']} {text}".strip())
    long = f", {amount('length_m(found)', 'm')} long," if what.superlative == "longest" else ""
    sentence = f"{what.one}{long} is {{placed(found)}}" if what.superlative else f"{there_are(what)}, {{placed(found)}}"
    return Query({"found": what}, "where(found)", sentence)


def colour(groups: Groups) -> Query:
    """What is the main colour of a thing, or is it this one?"""
    first, what = groups["a"].partition(" ")[0], thing(groups["a"])
    if groups["colour"] and first in ("there", "all", "every", "each", "any", "most"):
        raise NotUnderstood(first)
    value = f'colour_of(found) == "{groups["colour"]}"' if groups["colour"] else "colour_of(found)"
    return Query({"found": what}, value, f"{what.many} {'is' if what.single else 'are'} mainly {{colour_of(found)}}")
