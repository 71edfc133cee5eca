"""Readers of questions about areas, shares of the ground and lengths."""

import re
from dataclasses import replace

from geoglot.figures import format_list
from geoglot.nouns import uncountable
from geoglot.tasks.ask.grammar.noun import NotUnderstood, Related, Sized, Thing
from geoglot.tasks.ask.grammar.noun_phrase import in_plural, metres, square_metres, subject, thing
from geoglot.tasks.ask.grammar.parts import part_name
from geoglot.tasks.ask.grammar.patterns import Groups
from geoglot.tasks.ask.grammar.queries import (
    Query,
    amount,
    covers,
    find,
    ground,
    larger_of,
    part,
    per_unit,
    percent,
    there_are,
)
from geoglot.tasks.ask.grammar.read_compare import BOTH, alike
from geoglot.tasks.ask.grammar.read_things import in_part_of_all, of_all

#: What is compared if a question names no classes of land cover
_LAND_COVER = ("water", "forest", "grass", "farmland", "building", "road", "bare soil")
_SIGNS = {"at least": ">=", "at most": "<=", "less": "<", "less extensive": "<", "smaller": "<", "under": "<",
          "below": "<", "lower": "<", "shorter": "<"}  # fmt: skip
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
    first, what = groups["a"].partition(" ")[0], _measured(f"{groups['a']} {groups['rest']}")
    if first in ("there", "number", "any", "all", "every", "each", "average"):
        raise NotUnderstood(first)
    if groups["verb"] == "are" and not groups["all"] and not uncountable(what.name):
        raise NotUnderstood(groups["a"])  # each of them, or all together?
    if groups["rest"] and not (uncountable(what.name) or in_plural(groups["a"])):
        raise NotUnderstood(groups["rest"])  # one of them there, or all together?
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
    every, what = subject(text)
    if len(what.filters) > len(every.filters) and not groups["whole"]:
        if what.relations or uncountable(what.name) or not every.bare:
            raise NotUnderstood(text)  # a share of the scene, or of the things?
        return of_all(every, what, "100 * count(found) / count(every)", "%")
    return _share(text, re.sub(r" of @$", "", groups["place"]), "100 * part_covered", "%")


def share_in_part(groups: Groups) -> Query:
    """What percentage of the things, by number, is in a part of the scene?"""
    every, what = subject(groups["a"])
    if what != replace(every, part=what.part) or not what.part or every.superlative or not in_plural(groups["a"]):
        raise NotUnderstood(groups["a"])
    return of_all(every, what, "100 * count(found) / count(every)", "%")


def share_bound(groups: Groups) -> Query:
    """Does a thing cover more, or less, than so large a part?"""
    much = groups["much"] or "half"
    bound = _FRACTIONS.get(much) or float(much.rstrip("%")) / (100 if "%" in much else 1)
    return _share(groups["a"], groups["place"], f"part_covered {_SIGNS.get(groups['more'], '>')} {bound:.6g}")


def share_of(groups: Groups) -> Query:
    """What percentage of the things, by number, are as the question says? Of forest in a part, by area."""
    every, some = thing(groups["a"]), thing(f"{groups['a']} that {groups['rest'].removeprefix('that ')}")
    if not every.bare or some.bare:
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
        unit = groups["unit"] or "m²"
        areas = [amount(f"area_m2({name}){per_unit(unit)}", unit) for name in found]
        sentence = f"{covers(one)} {areas[0]} and {two.plural} {areas[1]}"
        value = "area_m2(first) - area_m2(second)"
        value = value if unit == "m²" else f"({value}){per_unit(unit)}"
        return Query(found, value, sentence, unit, evidence=BOTH)
    value = f"share(first) {'<' if groups['down'] else '>'} share(second)"
    if how == "which":
        names = (one.name, two.name) if one.name != two.name else (one.plural, two.plural)
        value = larger_of(dict(zip(names, ("share(first)", "share(second)"), strict=True)))
    sentence = f"{covers(one)} {percent('share(first)')} of the scene and {two.plural} {percent('share(second)')}"
    return Query(found, value, sentence, evidence=BOTH)


def names_in(text: str) -> tuple[str, ...]:
    """Bare names in a row: "forest, water or farmland"."""
    things = [thing(name) for name in re.split(r" ?, | or | and ", text) if name.strip(" ,")]
    if any(not one.bare or len(one.names) > 1 for one in things):
        raise NotUnderstood(text)
    return tuple(one.name for one in things)


def dominant(groups: Groups) -> Query:
    """Which of several land covers covers most of the scene, or of a part?"""
    place = part_name(groups["place"]) if groups["place"] else ""
    names = names_in(groups["many"]) or _LAND_COVER
    shares = {"shares": "{}"} | {f'shares["{name}"]': f'share(find("{name}"){part(place)})' for name in names}
    most = '"none" if winner == "equal" else winner'
    sentence = f"of {format_list(names)}, {{most}} covers the largest share of the {place or 'scene'}"
    return Query({}, "winner", sentence, compute={**shares, "winner": "which_is_larger(shares)", "most": most})


def length(groups: Groups) -> Query:
    """How long is the longest of a thing, or is it longer than so much?"""
    if groups["more"] in ("more", "less") and not groups["long"]:
        raise NotUnderstood(groups["more"])
    if groups["a"].startswith("all "):
        raise NotUnderstood("all")
    what, unit = thing(groups["a"]), groups["unit"] or "m"
    value = f"length_m(found){per_unit(unit)}"
    sentence = (
        f"{what.singular if what.superlative else f'the longest of the {what.plural}'} is {amount(value, unit)} long"
    )
    if groups["more"]:
        return Query({"found": what}, f"{value} {_SIGNS.get(groups['more'], '>')} {metres(groups):.12g}", sentence)
    sentence += "; their total length is not measured" if in_plural(groups["a"]) else ""
    return Query({"found": what}, value, sentence, unit)


def perimeter(groups: Groups) -> Query:
    """How long are the outlines?"""
    what, unit = thing(groups["a"]), groups["unit"] or "m"
    value = f"perimeter_m(found){per_unit(unit)}"
    outlines = "outline" if what.verb_in_singular else "outlines"
    sentence = f"the {outlines} of {what.plural} {'is' if what.verb_in_singular else 'are'} {amount(value, unit)} long"
    return Query({"found": what}, value, sentence, unit)
