"""Forms that measure: areas, shares, the largest, lengths, and which of two things is larger."""

from __future__ import annotations

import re
from dataclasses import replace

from geoglot.tasks.ask.forms import ADJECTIVES, Groups, alike, bare_names, both, form, program
from geoglot.tasks.ask.lexicon import uncountable
from geoglot.tasks.ask.noun import NotUnderstood, Thing
from geoglot.tasks.ask.nouns import measure, part_name, thing

_UNIT = r"(?: in (?P<unit>m²|km²|ha|acre|ft²))?"
_IN = {"m²": 1.0, "km²": 1e6, "ha": 1e4, "acre": 4046.8564224, "ft²": 0.09290304}
_AREA = r"(?:total |combined |overall |whole |entire |approximate )*(?:area|surface|surface area|extent|size|land area|ground area|footprint|coverage area|acreage)"
_BY = r"(?:(?:that is |which is |is )?(?:covered|occupied|taken up|taken|used|made up|filled) (?:by|with|of)|of|for|under)"
_COVER = r"(?:cover|covers|occupy|occupies|take up|takes up|take|takes|span|spans|use|uses|make up|makes up|fill|fills|have|has)"
_PORTION = r"(?:percentage|percent|share|fraction|proportion|part|portion|%)"
_WHOLE = r"(?:@|area|land|ground|surface|land area|total area|scene|pixels)"
_LARGER = r"(?:larger|bigger|greater|more extensive|more|wider)"
_SMALLER = r"(?:smaller|less|less extensive)"
_SIZED = ("larger(", "smaller(")
#: What is asked about where a question names no classes of land cover
LAND_COVER = ("water", "forest", "grass", "farmland", "building", "road", "bare soil")


def _ground(what: Thing) -> tuple[str, str]:
    """What finds that which is measured, and in which region of it: of forest within 100 m of a river the ground counts.

    What was picked out by its size or as the nearest is a thing of its own, and measured whole: the largest forest
    within 100 m of a river, or in the left half, is the largest of those.
    """
    if what.superlative or any(wrap.startswith("nearest(") for wrap in what.wraps):
        return what.find(), ""
    sized = any(wrap.startswith(_SIZED) for wrap in what.wraps)
    near = re.fullmatch(r"near\(\{\}, (.+), ([\d.]+)\)", what.wraps[-1]) if what.wraps else None
    if sized or not near or not uncountable(what.name):
        return (what if sized else _unrelated(what)).find(clip=True), what.part
    if what.region or what.when:
        raise NotUnderstood(what.one)
    return replace(what, wraps=what.wraps[:-1]).find(), f", around({near[1]}, {near[2]})"


def _unrelated(what: Thing) -> Thing:
    """NotUnderstood for forest beside a road: which part of a forest is, and which is not?"""
    if uncountable(what.name) and any(not wrap.startswith(ADJECTIVES) for wrap in what.wraps):
        raise NotUnderstood(what.one)
    return what


def _area(what: Thing, unit: str) -> str:
    unit = unit or "m²"
    factor = f" / {_IN[unit]:g}" if unit != "m²" else ""
    found, where = _ground(what)
    lines = [f"found = {found}", f"area = area_m2(found{where}){factor}"]
    lines.append(f'answer(area, f"{what.covers} {{amount(area, \'{unit}\')}}", "{unit}", evidence=found)')
    return "\n".join(lines)


@form(
    "area",
    "Is the largest building larger than 500 m²?",
    rf"(?P<verb>is|are) (?:(?P<all>{_AREA}) {_BY} )?(?P<a>.+?) (?P<more>{_LARGER}|{_SMALLER}|at least|over|under|at most)(?: than)? (?P<much>\d+(?:\.\d+)?)(?P<unit>m²|km²|ha|acre|ft²)(?: in (?:area|size))?",
    rf"(?:does|do) (?P<a>.+?) {_COVER} (?:(?:area|surface) of )?(?P<more>more|less|at least|over|under|at most)(?: than)? (?P<much>\d+(?:\.\d+)?)(?P<unit>m²|km²|ha|acre|ft²)(?: of .+)?",
)
def area_beside_number(groups: Groups) -> str:
    """Whether a thing covers more or less than so much."""
    if groups["a"].startswith(("there ", "number ", "any ", "all ", "every ", "each ", "average ")):
        raise NotUnderstood(groups["a"])
    what, size = thing(groups["a"]), measure(groups["much"], groups["unit"])
    if groups.get("verb") == "are" and not groups["all"] and not uncountable(what.name):
        raise NotUnderstood(groups["a"])  # each of them, or all together?
    sign = {"at least": ">=", "at most": "<=", "less": "<", "less extensive": "<", "smaller": "<", "under": "<"}.get(
        groups["more"], ">"
    )
    found, where = _ground(what)
    return "\n".join(
        [
            f"found = {found}",
            f"area = area_m2(found{where})",
            f"answer(area {sign} {size:.12g}, f\"{what.covers} {{amount(area, 'm²')}}\", evidence=found)",
        ]
    )


@form(
    "share",
    "Is more than 30 % of the scene covered by forest?",
    rf"(?:is|are) (?P<more>more|less|at least|over|under|at most)?(?: than)? ?(?P<much>\d+(?:\.\d+)?%|half|third|quarter|0\.5) (?:of )?(?:@|area|land|ground) (?:is |are )?(?:{_BY} )?(?P<a>.+)",
    rf"(?:does|do) (?P<a>.+?) {_COVER} (?P<more>more|less|at least|over|under|at most)(?: than)? (?P<much>\d+(?:\.\d+)?%|half|third|quarter|0\.5)(?: (?:of )?(?:@|area|land|ground))?",
    r"(?:is|are) (?P<a>.+?) (?P<more>larger|bigger|smaller) than (?P<much>\d+(?:\.\d+)?%)(?: of (?:@|area|land|ground))?",
    r"(?:is|are) (?P<more>most|majority)(?: of)? (?:@|area|land|ground) (?:(?:covered|occupied|filled) (?:by|with) )?(?P<a>.+)(?P<much>)",
    r"(?:is|does) @ (?P<more>mostly|mainly|predominantly|largely|primarily) (?:(?:covered|occupied|filled) (?:by|with) |made of |consist of |show |contain )?(?P<a>.+)(?P<much>)",
    r"(?:does|do) (?P<a>.+?) (?:cover|occupy|take up|fill) (?P<more>most|majority)(?: of)?(?: (?:@|area|land|ground))?(?P<much>)",
)
def share_beside_number(groups: Groups) -> str:
    """Whether a thing covers more or less than so large a part."""
    what = _unrelated(thing(groups["a"]))
    much, more = groups["much"] or "half", groups["more"]
    number = {"half": 0.5, "0.5": 0.5, "third": 1 / 3, "quarter": 0.25}.get(much) or float(much.rstrip("%")) / 100
    sign = {"less": "<", "smaller": "<", "under": "<", "at least": ">=", "at most": "<="}.get(more, ">")
    return "\n".join(
        [
            f"found = {what.find(clip=True)}",
            f"part_covered = share(found{what.part})",
            f'answer(part_covered {sign} {number:.6g}, f"{what.covers} {{part_covered:.1%}}", evidence=found)',
        ]
    )


@form(
    "share",
    "What percentage of the image is covered by water?",
    rf"(?:what|which|how large|how big|how much|how high)?(?: is)? ?(?:percentage|percent|share|fraction|proportion|part|portion|%)(?: (?:of|from) {_WHOLE})?(?: is| are| that is)?(?: (?:{_BY}|in|as|belongs to))? (?P<a>.+?)(?: in (?:percent|%))?",
    rf"(?:what|which|how large|how big) {_PORTION} of (?P<place>.+?) (?:is|are)(?: (?:{_BY}))? (?P<a>.+?)",
    rf"(?:what|which) {_PORTION} (?:of {_WHOLE} )?(?:do|does) (?P<a>.+?) {_COVER}(?: of (?:@|area|land|ground))?",
    rf"how much (?:of )?(?:@|(?P<place2>.+? of @)) (?:is|are|does|do)(?: (?:{_BY}))? (?P<a>.+?)(?: {_COVER})?",
    r"what is (?P<a>.+?) (?:coverage|cover|share|fraction|percentage|ratio)(?: (?:in percent|in %|in @|of @|percentage|fraction|ratio))*",
    r"(?P<a>.+?) (?:coverage|share|percentage)(?: (?:in percent|in %|in @|of @))*",
)
def share(groups: Groups) -> str:
    """What part of the scene, or of a part of it, a thing covers."""
    text, place = groups["a"], groups.get("place") or groups.get("place2") or ""
    place = re.sub(r" of @$", "", place)
    if place and place not in ("area", "land"):
        text = f"{text} in {part_name(place)}"
    if re.search(r"\b(?:is|are|that|which|have|has)\b", groups["a"]) or groups["a"] == "land":
        raise NotUnderstood(
            groups["a"]
        )  # "percentage of buildings that are large", "land cover": no share of the scene
    what = _unrelated(thing(text))
    return "\n".join(
        [
            f"found = {what.find(clip=True)}",
            f"part_covered = share(found{what.part})",
            f'answer(100 * part_covered, f"{what.covers} {{part_covered:.1%}}", "%", evidence=found)',
        ]
    )


@form(
    "share",
    "What percentage of the buildings are larger than 200 m²?",
    rf"(?:what|which|how large) (?:is )?{_PORTION} of (?P<a>.+?) (?P<rest>(?:(?:that|which) )?(?:is|are|have|has|lie|lies) .+)",
)
def share_of_things(groups: Groups) -> str:
    """What part of the things, by number, are as the question says."""
    every, some = thing(groups["a"]), thing(f"{groups['a']} {groups['rest']}")
    if not every.is_bare or some.is_bare:
        raise NotUnderstood(groups["a"])
    if uncountable(every.name):
        return _share_of_ground(every, some)
    return "\n".join(
        [
            f"every = {every.find()}",
            f"found = {some.find()}",
            f"answer(100 * count(found) / count(every), f\"{{count(found)}} of {{say(count(every), '{every.name}')}}\", "
            '"%", evidence=found)',
        ]
    )


def _share_of_ground(every: Thing, some: Thing) -> str:
    """What part of the ground of what cannot be counted lies in a part of the scene."""
    if not some.region or some.wraps:
        raise NotUnderstood(every.name)
    lines = [f"found = {every.find()}", f"inside_m2 = area_m2(found{some.part})", "all_m2 = area_m2(found)"]
    told = f"{{amount(inside_m2, 'm²')}} of {{amount(all_m2, 'm²')}} of {every.name} {some.rest}"
    return "\n".join([*lines, f'answer(100 * inside_m2 / all_m2, f"{told}", "%", evidence=found)'])


@form(
    "area",
    "What is the average size of the buildings?",
    rf"(?:what is )?(?:average|mean|typical) (?:area|size|footprint|surface)(?: of| covered by) (?P<a>.+?){_UNIT}",
    rf"(?:what is )?(?:average|mean|typical) (?P<a>.+?) (?:size|area|footprint){_UNIT}",
    rf"how (?:large|big) (?:is|are) (?:average|mean|typical) (?P<a>.+?)(?: on average)?{_UNIT}",
    rf"how (?:large|big) are (?P<a>.+?) on average{_UNIT}",
)
def average(groups: Groups) -> str:
    """The mean area of a thing."""
    what, unit = thing(groups["a"]), groups["unit"] or "m²"
    return "\n".join(
        [
            f"found = {what.find()}",
            f"area = area_m2(found) / count(found){f' / {_IN[unit]:g}' if unit != 'm²' else ''}",
            f"answer(area, f\"{{say(count(found), '{what.name}')}} of {{amount(area, '{unit}')}} on average\", \"{unit}\", "
            "evidence=found)",
        ]
    )


@form(
    "area",
    "Which is larger, the forest or the lake?",
    rf"(?:which|what)(?: one)? (?:is|are|has|have|covers?|takes? up|occupies|occupy)(?: {_LARGER})(?: {_AREA}| space| ground| land)* ?,? (?P<a>.+?) or (?P<b>.+?)",
    rf"(?:does|do|is|are) (?P<a>.+?) or (?P<b>.+?) (?:cover|take up|occupy|larger|bigger)(?: (?:more|larger|greater))?(?: {_AREA}| space| ground| land)*",
    r"is there more (?P<a>.+?) or (?:more )?(?P<b>.+?)",
)
def larger_of_which(groups: Groups) -> str:
    """Which of two things covers more."""
    one, two = alike(groups["a"], groups["b"])
    value = f'which_is_larger({{"{one.name}": share(first), "{two.name}": share(second)}})'
    return _two_areas(one, two, value)


def _two_areas(one: Thing, two: Thing, value: str) -> str:
    return both(one, two, value, f"{one.covers} {{share(first):.1%}} and {two.many} {{share(second):.1%}}")


@form(
    "area",
    "Is the forest larger than the lake?",
    rf"(?:is|are) (?:{_AREA} {_BY} )?(?P<a>.+?) (?P<more>{_LARGER}|{_SMALLER})(?: in (?:area|size))? than (?:(?:that|{_AREA}) {_BY} )?(?P<b>.+?)(?: in (?:area|size))?",
    rf"(?:does|do) (?P<a>.+?) {_COVER} (?P<more>{_LARGER}|{_SMALLER})(?: {_AREA}| space| ground| land| of @)* than (?P<b>.+?)(?: (?:does|do))?",
    r"is there (?P<more>more|less) (?P<a>.+?) than (?P<b>.+)",
    r"is (?:more|larger part|more of) @ (?:covered by|covered with) (?P<a>.+?) than (?:by |with )?(?P<b>.+)(?P<more>)",
)
def compare_areas(groups: Groups) -> str:
    """Whether one thing covers more or less than another."""
    if groups["a"].startswith(("there", "number", "any ", "amount")) or " or " in groups["b"]:
        raise NotUnderstood(groups["a"])
    one, two = alike(groups["a"], groups["b"])
    sign = "<" if groups["more"] in ("smaller", "less", "less extensive") else ">"
    return _two_areas(one, two, f"share(first) {sign} share(second)")


@form(
    "share",
    "What is the dominant land cover: forest, water or farmland?",
    r"(?:what|which)(?: is| one of)? (?:dominant|main|most common|largest|prevailing|predominant|major|most widespread)(?: (?:type|kind|class|form))?(?: of)?(?: (?:land cover|land use|landcover|cover|class|type|surface|land))?(?: type| class)?(?: (?:in|of) @)?(?: ?,? (?P<many>.+? or .+))?",
    r"(?:which|what) of (?:these )?(?:land cover |land use )?(?:classes|types)? ?,? ?(?P<many>.+?) (?:dominates|is (?:dominant|largest|most common|most extensive)|covers most(?: (?:area|of @))?)",
    r"(?:which|what) (?:type|kind|class) of (?:land use|land cover|landuse|landcover|land) is (?:dominant|predominant|most common|most widespread|largest)",
    r"(?:what|which)(?: land cover| class)? (?:dominates|covers most(?: of)?) (?:@|area)(?: ?,? (?P<many>.+? or .+))?",
    r"(?:what|which)(?: (?:land cover|land use|class|type|kind))?(?: class| type)? (?:covers|occupies|takes up) (?:most|largest (?:part|area|share))(?: of)?(?: (?:@|area|land|ground|space))?",
    r"(?:what|which) (?:land cover|landcover|class|type)(?: class| type)? (?:is|has) (?:most|most common|most widespread|largest|dominant|predominant|main)",
    r"(?:(?:what|which)(?: is| are)? )?(?:(?:kinds?|types?|classes) of )?(?:land cover|landcover)(?: (?:class|classes|type|types))?(?: (?:is|are) (?:there|present|shown|visible|found)| there (?:is|are))?(?: (?:in|of) @)?",
)
def dominant(groups: Groups) -> str:
    """Which of several things covers most; of the usual land covers where none are named."""
    names = bare_names(groups.get("many") or "", r" ?, | or | and ") or list(LAND_COVER)
    lines = ["shares = {}"]
    lines += [f'shares["{name}"] = share(find("{name}"))' for name in names]
    first = "winner = which_is_larger(shares)"
    return "\n".join([*lines, first, 'answer(winner, f"most of the scene, of these, is {winner}")'])


@form(
    "length",
    "How long is the runway?",
    r"how long (?:is|are) (?:longest )?(?P<a>.+?)(?: in (?P<unit>m|km))?",
    r"what is (?:approximate )?length of (?:longest )?(?P<a>.+?)(?: in (?P<unit>m|km))?",
)
def length(groups: Groups) -> str:
    """The length of the longest of a thing, end to end."""
    what, unit = thing(groups["a"]), groups["unit"] or "m"
    value = "length_m(found)" + (" / 1000" if unit == "km" else "")
    sentence = f"the longest of the {what.many} is {{amount({value}, '{unit}')}} long"
    return program(what.find(), value, sentence, unit)


@form(
    "length",
    "Is the runway longer than 2 km?",
    r"is (?P<a>.+?) (?P<more>longer|shorter|more|less) than (?P<far>\d+(?:\.\d+)?)(?P<unit>m|km|ft|mile|yard)(?P<long> long| in length)?",
)
def length_beside_number(groups: Groups) -> str:
    """Whether the longest of a thing is longer than so much."""
    if groups["more"] in ("more", "less") and not groups["long"]:
        raise NotUnderstood(groups["a"])
    what, far = thing(groups["a"]), measure(groups["far"], groups["unit"])
    sign = ">" if groups["more"] in ("longer", "more") else "<"
    sentence = f"the longest of the {what.many} is {{amount(length_m(found), 'm')}} long"
    return program(what.find(), f"length_m(found) {sign} {far:.12g}", sentence)


@form(
    "area",
    "How large is the scene?",
    rf"(?:what is )?{_AREA}(?: (?:of|covered by) (?P<part>@|.+?))?{_UNIT}",
    rf"how (?:large|big) is (?P<part>@|.+?){_UNIT}",
)
def area_of_part(groups: Groups) -> str:
    """The ground of the scene, or of a part of it."""
    name = groups["part"] if groups["part"] not in ("", "@") else ""
    region = f'part("{part_name(name)}")' if name else "whole()"
    unit = groups["unit"] or "m²"
    value = f"region_area_m2({region})" + (f" / {_IN[unit]:g}" if unit != "m²" else "")
    said = f"the {part_name(name)}" if name else "the scene"
    return f'area = {value}\nanswer(area, f"{said} covers {{amount(area, \'{unit}\')}}", "{unit}")'


@form(
    "area",
    "How much larger is the forest than the lake?",
    r"how much (?:larger|bigger|greater) (?:is|are) (?P<a>.+?) than (?P<b>.+)",
)
def how_much_larger(groups: Groups) -> str:
    """The difference of two areas."""
    one, two = alike(groups["a"], groups["b"])
    areas = f"{one.many}: {{amount(area_m2(first), 'm²')}}, {two.many}: {{amount(area_m2(second), 'm²')}}"
    return both(one, two, "area_m2(first) - area_m2(second)", areas, "m²")


@form(
    "length",
    "What is the perimeter of the lake?",
    r"(?:what is )?(?:perimeter|circumference|outline length) of (?P<a>.+)",
)
def perimeter(groups: Groups) -> str:
    """The length of the outlines."""
    what = thing(groups["a"])
    return program(
        what.find(), "perimeter_m(found)", f"{what.many}: outlines of {{amount(perimeter_m(found), 'm')}}", "m"
    )


@form(
    "area",
    "What is the area covered by buildings?",
    rf"(?:what is )?(?:sum of areas of |{_AREA} {_BY} )(?P<a>.+?)(?: {_COVER})?{_UNIT}",
    rf"(?:what|which) (?:area|surface|extent)(?: (?:do|does|is|are))? (?P<a>.+?) {_COVER}{_UNIT}",
    rf"(?:what|how much) (?:area|land|space|ground|surface|terrain)(?: area)?{_UNIT} (?:is |are )?{_BY} (?P<a>.+?)",
    rf"how (?:much|large|big) (?:area|land|space|ground|surface|terrain)(?: area)? (?:do|does) (?P<a>.+?) {_COVER}{_UNIT}",
    rf"how (?:large|big|extensive|much) (?:is|are) (?:{_AREA} (?:{_BY} ))?(?P<a>.+?)(?: in (?:area|size|total))?{_UNIT}",
    rf"how much (?P<a>.+?)(?: (?:is|are) there| there is| do (?:you|we) see| can be seen)?{_UNIT}",
    rf"how many (?P<unit>m²|km²|ha|acre|ft²) (?:of )?(?:@ |ground |land |area )?(?:are |is )?(?:{_BY} )?(?P<a>.+?)(?: are there| is there| there are)?",
    rf"how many (?P<unit>m²|km²|ha|acre|ft²) (?:do|does) (?P<a>.+?) {_COVER}",
    rf"(?:measure|give) {_AREA} {_BY} (?P<a>.+?){_UNIT}",
    rf"what is (?P<a>.+?) (?:area|surface area)(?P<tail> (?:in|within) (?!m²|km²|ha|acre|ft²).+?)?{_UNIT}",
)
def area(groups: Groups) -> str:
    """How much ground a thing covers."""
    text = re.sub(r"^(?:area|surface|size) (?:of|covered by) ", "", groups["a"])
    return _area(thing(text + groups.get("tail", "")), groups["unit"])
