"""Forms that measure: areas, shares, averages, what covers most, lengths and outlines."""

from __future__ import annotations

import re

from geoglot.tasks.ask.grammar.form import Form, alike, names_in
from geoglot.tasks.ask.grammar.lexicon import uncountable
from geoglot.tasks.ask.grammar.measures import (
    Area,
    CompareAreas,
    Dominant,
    Length,
    MeanArea,
    PartArea,
    Perimeter,
    Share,
    ShareOf,
)
from geoglot.tasks.ask.grammar.noun import NotUnderstood, Related, Sized, Thing
from geoglot.tasks.ask.grammar.noun_phrase import metres, part_name, square_metres, thing
from geoglot.tasks.ask.grammar.patterns import Groups
from geoglot.tasks.ask.grammar.queries import Query

#: What is compared if a question names no classes of land cover
_LAND_COVER = ("water", "forest", "grass", "farmland", "building", "road", "bare soil")
_SIGNS = {"at least": ">=", "at most": "<=", "less": "<", "less extensive": "<", "smaller": "<", "under": "<"}
_FRACTIONS = {"half": 0.5, "third": 1 / 3, "quarter": 0.25}
_SCENE = ("", "@", "area", "land", "scene")


def _measured(text: str) -> Thing:
    """A thing that can be measured; NotUnderstood for forest beside a road: which part of the forest is?"""
    what = thing(text)
    sized = any(isinstance(one, Sized) for one in what.filters)
    picked = what.superlative or any(isinstance(one, Related) and one.how == "nearest" for one in what.filters)
    if picked or sized or not uncountable(what.name) or not what.relations:
        return what
    last = what.filters[-1]
    if len(what.relations) > 1 or not isinstance(last, Related) or last.how != "near" or what.part or what.when:
        raise NotUnderstood(what.rest)
    return what


def _area(groups: Groups) -> Query:
    text = re.sub(r"^(?:area|surface|size) (?:of|covered by) ", "", groups["a"])
    return Area(_measured(f"{text} {groups.get('rest', '')}"), groups["unit"] or "m²")


def _area_bound(groups: Groups) -> Query:
    first = groups["a"].partition(" ")[0]
    if first in ("there", "number", "any", "all", "every", "each", "average"):
        raise NotUnderstood(first)
    what = _measured(groups["a"])
    if groups["verb"] == "are" and not groups["all"] and not uncountable(what.name):
        raise NotUnderstood(groups["a"])  # each of them, or all together?
    return Area(what, "m²", (_SIGNS.get(groups["more"], ">"), square_metres(groups)))


def _part_area(groups: Groups) -> Query:
    part = "" if groups["part"] in _SCENE else part_name(groups["part"])
    return PartArea(part, groups["unit"] or "m²")


def _whole_or_sized(text: str) -> Thing:
    what = thing(text)
    if uncountable(what.name) and what.relations:
        raise NotUnderstood(what.rest)  # which part of a forest is beside a road, and which is not?
    return what


def _share(groups: Groups) -> Query:
    place = re.sub(r" of @$", "", groups["place"])
    text = groups["a"] if place in _SCENE else f"{groups['a']} in {part_name(place)}"
    if re.search(r"\b(?:is|are|that|which|have|has|lie|lies)\b", groups["a"]) or groups["a"] == "land":
        raise NotUnderstood(groups["a"])  # "percentage of buildings that are large" is no share of the scene
    what = _whole_or_sized(text)
    if what.relations and not groups["whole"]:
        raise NotUnderstood(what.rest)  # a share of the scene, or of the things?
    return Share(what)


def _share_bound(groups: Groups) -> Query:
    much = groups["much"] or "half"
    share = _FRACTIONS.get(much) or float(much.rstrip("%")) / (100 if "%" in much else 1)
    return Share(_whole_or_sized(groups["a"]), (_SIGNS.get(groups["more"], ">"), share))


def _share_of(groups: Groups) -> Query:
    every, some = thing(groups["a"]), thing(f"{groups['a']} {groups['rest']}")
    if not every.bare or some.bare or (uncountable(every.name) and (not some.part or some.filters)):
        raise NotUnderstood(groups["rest"])
    return ShareOf(every, some)


def _compare_areas(groups: Groups) -> Query:
    if groups["a"].split()[0] in ("there", "number", "any", "amount") or " or " in groups["b"]:
        raise NotUnderstood(groups["a"])
    return CompareAreas("<" if groups["down"] else ">", *alike(groups))


def _length_bound(groups: Groups) -> Query:
    if groups["more"] in ("more", "less") and not groups["long"]:
        raise NotUnderstood(groups["more"])
    sign = ">" if groups["more"] in ("longer", "more") else "<"
    return Length(thing(groups["a"]), "m", (sign, metres(groups)))


#: A measure beside a number comes before a measure alone, a share before an area, a thing before the whole scene
MEASURES = (
    Form(
        "area", "Is the largest building larger than 500 m²?", _area_bound,
        "verb=is|are [all=(AREA BY)] A more=(LARGER|SMALLER|over|under | at least|most) [than] SIZE [in area|size]",
        "does|do A COVER [area|surface of] more=(more|less|over|under | at least|most) [than] SIZE [of ANY]",
    ),
    Form(
        "share", "Is more than 30 % of the scene covered by forest?", _share_bound,
        "is|are more=[more|less|over|under | at least|most] [than] much=FRACTION [of] @|area|land|ground [is|are] [BY] A",
        "does|do A COVER more=(more|less|over|under | at least|most) [than] much=FRACTION [[of] @|area|land|ground]",
        "is|are A more=larger|bigger|smaller than much=FRACTION [of @|area|land|ground]",
        "is|are more=most|majority [of] @|area|land|ground [BY] A",
        "is|does @ more=MAINLY [BY | made of | consist of | show|contain] A",
        "does|do A COVER more=most|majority [of] [@|area|land|ground]",
    ),
    Form(
        "share", "What percentage of the image is covered by water?", _share,
        "[what|which | how large|big|much|high] [is] PORTION [whole=(of|from WHOLE)] [is|are | that is] [BY|in|as | belongs to]"
        " A [in percent|%]",
        "(what|which | how large|big) PORTION of place=ANY is|are [BY] A",
        "what|which PORTION whole=[of WHOLE] do|does A COVER [of @|area|land|ground]",
        "how much whole=(of @|area|land|ground|surface|scene | @) is|are|does|do [BY] A [COVER]",
        "how much [of] place=(ANY of @) is|are|does|do [BY] A [COVER]",
        "what is A coverage|cover|share|fraction|percentage|ratio (in percent|%|@ | of @ | percentage|fraction|ratio)*",
        "A coverage|share|percentage (in percent|%|@ | of @)*",
    ),
    Form(
        "share", "What percentage of the buildings are larger than 200 m²?", _share_of,
        "(what|which | how large) [is] PORTION of A rest=([that|which] is|are|have|has|lie|lies ANY)",
    ),
    Form(
        "area", "What is the average size of the buildings?", lambda g: MeanArea(thing(g["a"]), g["unit"] or "m²"),
        "[what is] average|mean area|size|footprint|surface (of | covered by) A [in unit=UNIT]",
        "[what is] average|mean A size|area|footprint [in unit=UNIT]",
        "how large|big is|are average|mean A [on average] [in unit=UNIT]",
        "how large|big are A on average [in unit=UNIT]",
    ),
    Form(
        "area", "Which is larger, the forest or the lake?", lambda g: CompareAreas("which", *alike(g)),
        "which|what [one] (is|are|has|have|cover|covers|occupies|occupy | take|takes up) LARGER (AREA|space|ground|land)* [,]"
        " A or B",
        "does|do|is|are A or B (cover|occupy|larger|bigger | take up) [more|larger|greater] (AREA|space|ground|land)*",
        "is there more A or [more] B",
    ),
    Form(
        "area", "Is the forest larger than the lake?", _compare_areas,
        "is|are [AREA BY] A (LARGER | down=SMALLER) [in area|size] than [that|AREA BY] B [in area|size]",
        "does|do A COVER (LARGER | down=SMALLER) (AREA|space|ground|land | of @)* than [that|AREA BY] B [does|do]",
        "is there (more | down=less) A than B",
        "is (more [of] | larger part) @ covered by|with A than [by|with] B",
    ),
    Form(
        "share", "What is the dominant land cover: forest, water or farmland?",
        lambda g: Dominant(names_in(g["many"]) or _LAND_COVER),
        "what|which [is | one of] TOP [CLASS] [of] [COVER_KIND|cover|class|type|surface|land] [type|class] [in|of @] [[,] LIST]",
        "what|which of [these] [COVER_KIND] [classes|types] [,] LIST (dominates | is TOP | covers most [area | of @])",
        "what|which (CLASS of COVER_KIND|cover|land | COVER_KIND [CLASS] | CLASS|cover) (dominates|prevails"
        " | is|has TOP|most | is TOP one | COVER (most | largest part|area|share)) [here] [[of] [@|area|land|ground|space|scene]]"
        " [[,] LIST]",
        "what|which (dominates | COVER (most | largest part|area|share)) [of] @|area|land|ground|space|scene [[,] LIST]",
        "[what|which [is|are]] [kinds|types|classes of] land cover|landcover [class|classes|type|types]"
        " [is|are SEEN | there is|are] [in|of @]",
    ),
    Form(
        "length", "How long is the runway?", lambda g: Length(thing(g["a"]), g["unit"] or "m"),
        "how long is|are [longest] A [in unit=m|km]",
        "what is [approximate] length of [longest] A [in unit=m|km]",
    ),
    Form(
        "length", "Is the runway longer than 2 km?", _length_bound,
        "is A more=longer|shorter|more|less than DISTANCE long=[long | in length]",
    ),
    Form(
        "area", "How large is the scene?", _part_area,
        "[what is] AREA [(of | covered by) part=ANY] [in unit=UNIT]",
        "how large|big is part=ANY [in unit=UNIT]",
    ),
    Form(
        "area", "How much larger is the forest than the lake?", lambda g: CompareAreas("difference", *alike(g)),
        "how much larger|bigger|greater is|are A than B",
    ),
    Form(
        "length", "What is the perimeter of the lake?", lambda g: Perimeter(thing(g["a"])),
        "[what is] (perimeter|circumference | outline length) of A",
    ),
    Form(
        "area", "What is the area covered by buildings?", _area,
        "[what is] (sum of areas of | AREA BY) A [COVER] [in unit=UNIT]",
        "what|which area|surface|extent [do|does|is|are] A COVER [in unit=UNIT]",
        "(what | how much) GROUND [area] [in unit=UNIT] [is|are] BY A",
        "how much|large|big GROUND [area] do|does A COVER [in unit=UNIT]",
        "how large|big|extensive|much is|are [AREA BY] A [in area|size|total] [in unit=UNIT]",
        "how much A [are|is there | there is | do you|we see | can be seen] [in unit=UNIT]",
        "how many unit=UNIT [of] [@|ground|land|area] [are|is] [BY] A [are|is there | there are]",
        "how many unit=UNIT do|does A COVER",
        "measure|give AREA BY A [in unit=UNIT]",
        "what is A (area | surface area) [in unit=UNIT]",
        "what is A (area | surface area) REST [in unit=UNIT]",
    ),
)  # fmt: skip
