"""Forms about the scene as a whole, and about where things are: theme, rural or urban, position, nearest, colour."""

from __future__ import annotations

import re

from geoglot.tasks.ask.forms import Groups, bare_names, form, program
from geoglot.tasks.ask.lexicon import COLOURS
from geoglot.tasks.ask.noun import NotUnderstood
from geoglot.tasks.ask.nouns import part_name, thing

_THIS = r"(?:it|this|that|@|these)"
_URBAN = r"(?:urban|city|town|built-up)"
_RURAL = r"(?:rural|countryside|country side)"
_SETTING = r"(?: (?:area|region|place|zone|setting|environment|scene|@|one|landscape|location))?"
_COLOUR = "|".join([*COLOURS, "gray"])
_WHICH_PART = r"(?:part|parts|quarter|quadrant|corner|half|area|region|section|side|portion|direction|place|location)"
_PUT = (
    r"(?: (?:located|situated|placed|found|lying|positioned|at|be found|lie|to be found|seen|sit|visible|in @|on @))*"
)


@form(
    "rural/urban",
    "Is it a rural or an urban area?",
    rf"(?:is|does|would) {_THIS}(?: look| show| be| seem| seem to be| look like| classified as)*(?: more)? (?:{_URBAN}{_SETTING} or (?:more )?{_RURAL}|{_RURAL}{_SETTING} or (?:more )?{_URBAN}){_SETTING}",
    rf"is {_THIS} in (?:{_URBAN} or (?:in )?{_RURAL}|{_RURAL} or (?:in )?{_URBAN})",
    rf"(?:is )?(?:{_URBAN} or {_RURAL}|{_RURAL} or {_URBAN}){_SETTING}",
    rf"(?:what|which|what is {_THIS}|{_THIS} is|is area|is scene|is region|is place|which is it|what is it|is @)?(?: (?:kind|type|sort) of {_SETTING.strip()} is (?:this|it|@))? ?,? ?(?:{_URBAN}{_SETTING} or {_RURAL}|{_RURAL}{_SETTING} or {_URBAN}){_SETTING}",
)
def rural_or_urban(groups: Groups) -> str:
    """Rural or urban: RSVQA's question about the scene as a whole."""
    kind = 'kind = "urban" if classify(["urban area", "rural area"]) == "urban area" else "rural"'
    return f'{kind}\nanswer(kind, f"the scene looks {{kind}}")'


@form(
    "rural/urban",
    "Is this an urban area?",
    rf"is {_THIS}(?: in)? (?P<kind>{_URBAN}|{_RURAL}){_SETTING}",
    rf"(?:is|does) {_THIS} (?:located|situated|show|lie) (?:in )?(?P<kind>{_URBAN}|{_RURAL}){_SETTING}",
)
def is_urban(groups: Groups) -> str:
    """Whether the scene is urban, or rural."""
    kind = "urban area" if re.fullmatch(_URBAN, groups["kind"]) else "rural area"
    return (
        f'kind = classify(["urban area", "rural area"])\nanswer(kind == "{kind}", f"the scene looks like an {{kind}}")'
    )


@form(
    "choice",
    "Is this a forest, a lake or a town?",
    rf"(?:is|does) {_THIS}(?: show| look like| more like| rather)? ?,? ?(?P<many>.+? or .+)",
    rf"(?:which|what)(?: of these)? (?:is|does) {_THIS}(?: show)? ?,? (?P<many>.+? or .+)",
    r"which of (?:these|following)(?: (?:classes|labels|words|names))? (?:fits|describes) @(?: best)? ?,? (?P<many>.+)",
    r"classify (?:@|this|it)(?: as| into)? (?P<many>.+? or .+)",
)
def choice(groups: Groups) -> str:
    """Which of some names the scene is."""
    listed = ", ".join(f'"{name}"' for name in _named(groups["many"]))
    return f'kind = classify([{listed}])\nanswer(kind, f"of these, the scene looks most like {{kind}}")'


def _named(text: str) -> list[str]:
    """The names of a choice."""
    names = bare_names(text, r" ?, | or ")
    if len(names) < 2:
        raise NotUnderstood(text)
    return names


@form(
    "choice",
    "Is the upper half forest or water?",
    r"(?:is|does) (?P<part>[^,@]+? (?:half|quarter|third|part|side|corner)|centre|center|middle)(?: of @)?(?: (?:show|more|mostly|mainly|rather))? (?P<many>.+? or .+)",
)
def choice_of_part(groups: Groups) -> str:
    """Which of some names a part of the scene is."""
    part = part_name(groups["part"])
    if re.fullmatch(
        rf"(?:{_URBAN}{_SETTING} or (?:more )?{_RURAL}|{_RURAL}{_SETTING} or (?:more )?{_URBAN}){_SETTING}",
        groups["many"],
    ):
        listed, kind = '"urban area", "rural area"', '"urban" if kind == "urban area" else "rural"'
    else:
        listed, kind = ", ".join(f'"{name}"' for name in _named(groups["many"])), "kind"
    return (
        f'kind = classify([{listed}], part("{part}"))\nanswer({kind}, f"of these, the {part} looks most like {{kind}}")'
    )


@form(
    "nearest",
    "Which is nearer to the river, the school or the church?",
    r"(?:which|what)(?: one)? (?:is|lies) (?:nearer|closer|nearest|closest) to (?P<c>.+?) ?, (?P<a>.+?) or (?P<b>.+)",
    r"(?:is|does) (?P<a>.+?) or (?P<b>.+?) (?:nearer|closer) to (?P<c>.+)",
)
def nearer(groups: Groups) -> str:
    """Which of two things is nearer to a third."""
    one, two, other = thing(groups["a"]), thing(groups["b"]), thing(groups["c"])
    if len({one, two, other}) < 3 or not (one.is_bare and two.is_bare and other.is_bare):
        raise NotUnderstood(groups["a"])
    lines = [f"others = {other.find()}", f"first = {one.find()}", f"second = {two.find()}"]
    lines += ["one, two = distance_m(first, others), distance_m(second, others)"]
    lines += [f'winner = "{one.name}" if one < two else "{two.name}" if two < one else "equal"']
    told = f"{one.name} {{amount(one, 'm')}}, {two.name} {{amount(two, 'm')}} away"
    return "\n".join([*lines, f'answer(winner, f"{told}", evidence=together(first, second))'])


@form(
    "theme",
    "What is the theme of this picture?",
    r"(?:what|which)(?: is)? (?:main |general |overall )?(?:theme|topic|subject|category|class|label|scene|type|kind|content|main subject|setting)(?: (?:type|class|category))?(?: (?:of|in|for) @| is @| is this| does @ (?:belong to|show|have)| is it)*",
    r"what(?: is)? (?:kind|type|sort|category|class) of (?:place|area|scene|land|landscape|@|environment|terrain|land use|land cover|location|site|setting|region|facility)(?: (?:is|does|do|can|are|in|of|you|we|i|see|shown|depicted|here|this|that|it|@|show|have|visible|represented))*",
    r"(?:what|which) (?:does|do) @ (?:show|depict|represent|display|portray|contain|look like|capture)",
    r"what (?:is|can be|do you|can you|can i|do we|do i)(?: (?:shown|depicted|seen|displayed|visible|see|pictured|represented))?(?: in @| on @| by @)?",
    r"what (?:is|are) (?:this|it|@|these)(?: (?:of|about|showing|a picture of|@ of))?",
    r"what is @ about",
    r"(?:describe|classify|name|label) (?:@|theme of @|scene|theme|place)",
    r"(?:what|which)(?: is)? (?:land use|land cover|landuse|landcover)(?: (?:class|type))?(?: (?:is|does|do|this|it|@|shown|show|have|in))*",
    r"theme(?: of @)?",
    r"(?:what|which) (?:@|place) (?:is|does) (?:this|it|@)(?: show)?",
    r"what is (?:shown|visible|depicted|there|located|found)? ?(?:in|at|on) (?P<part>.+?)(?: (?:of|in) @)?",
    r"(?:what is )?(?:theme|topic|class|category|scene category|scene type|scene class|land use) of (?P<part2>.+? (?:quarter|half|corner|side|part|third))(?: of @)?",
    r"what is (?:@|scene|land use) (?:category|class|type)(?: of @)?",
    r"what (?:does|is) (?P<part2>.+? (?:quarter|half|corner|side|part|third)) (?:of @ )?(?:show|shows|contain)",
)
def theme(groups: Groups) -> str:
    """What the scene, or a part of it, shows as a whole."""
    part = groups.get("part") or groups.get("part2") or ""
    where = f'part("{part_name(part)}")' if part and part != "@" else ""
    place = f"the {part_name(part)}" if where else "the scene"
    return f'kind = theme({where})\nanswer(kind, f"{place} looks most like: {{kind}}")'


@form(
    "distance",
    "How far is the school from the river?",
    r"how (?:far|close|near)(?: away| apart)? (?:is|are|lies|lie)(?: it)?(?: from)? (?P<a>.+?)(?: away)?(?: from| to) (?P<b>.+?)(?: in (?P<unit>m|km))?",
    r"how far apart (?:is|are) (?P<a>.+?) and (?P<b>.+?)(?: in (?P<unit>m|km))?",
    r"(?:what is )?(?:shortest |minimum |smallest |approximate |direct )*distance (?:in (?P<unit>m|km) )?(?:between|from|of) (?P<a>.+?) (?:and|to|from) (?P<b>.+?)(?: in (?P<unit2>m|km))?",
    r"how many (?P<unit>m|km) (?:is|are|lie|lies|separate)(?: there)?(?: between)? (?P<a>.+?) (?:from|and|to) (?P<b>.+)",
    r"(?:measure|give) distance (?:between|from) (?P<a>.+?) (?:and|to) (?P<b>.+?)(?P<unit>)",
)
def distance(groups: Groups) -> str:
    """The distance between the nearest edges of two things."""
    first = re.sub(r"^(?:nearest|closest) ", "", groups["a"])
    second = re.sub(r"^(?:nearest|closest) ", "", groups["b"])
    one, two = thing(first), thing(second)
    if one == two or one.every or two.every:
        raise NotUnderstood(groups["b"])
    unit = groups.get("unit") or groups.get("unit2") or "m"
    value = "gap / 1000" if unit == "km" else "gap"
    return "\n".join(
        [
            f"first = {one.find()}",
            f"second = {two.find()}",
            "gap = distance_m(first, second)",
            f'answer({value}, f"{{amount({value}, \'{unit}\')}} between the nearest of {one.many} and {two.many}", "{unit}", '
            "evidence=together(nearest(first, second), nearest(second, first)))",
        ]
    )


@form(
    "nearest",
    "Which school is nearest to the river?",
    r"(?:which|what|where)(?: is| are)? (?P<a>.+?)(?: that)?(?: is| are| lies)? (?:nearest|closest)(?: to| from) (?P<b>.+)",
    r"(?:which|what|where) (?:is|are) (?:nearest|closest) (?P<a>.+?)(?: to| from) (?P<b>.+)",
    r"(?:find|locate|show|name) (?:nearest|closest) (?P<a>.+?)(?: to| from) (?P<b>.+)",
)
def nearest(groups: Groups) -> str:
    """Where the nearest one is, and how far."""
    one, two = thing(groups["a"]), thing(groups["b"])
    if two.every:
        raise NotUnderstood(groups["b"])  # to both together, or to one of them?
    return "\n".join(
        [
            f"others = {two.find()}",
            f"found = nearest({one.find()}, others)",
            f'answer(where(found), f"the {one.name} nearest to a {two.name} is in the {{where(found)}}, '
            "{amount(distance_m(found, others), 'm')} away\", evidence=found)",
        ]
    )


@form(
    "location",
    "Where is the largest building?",
    rf"where(?: exactly)?(?: (?:in|on) @)? (?:is|are|do|does|can|lies|lie|would)(?: (?:i|you|we|one))?(?: (?:find|see|spot|be))? ?(?P<a>.+?){_PUT}",
    r"where (?P<a>.+?) (?:is|are)(?: located| situated)?",
    rf"(?:in|on|at|to)? ?(?:which|what) {_WHICH_PART}(?: of @| in @)? (?:is|are|do|does|can|could)(?: (?:i|you|we|one))?(?: (?:find|see|spot))? ?(?P<a>.+?){_PUT}",
    rf"(?:which|what) {_WHICH_PART}(?: of @| in @)? (?:contains?|has|have|shows?|holds?|includes?) (?P<a>.+)",
    r"(?:what is )?(?:location|position|whereabouts|place|coordinates) of (?P<a>.+)",
    r"(?:locate|find|point to|point out|show|show where|highlight|mark|map)(?: (?:is|are))? (?P<a>.+)",
    r"(?:which|what) (?:is|are) (?P<a>(?:largest|biggest|smallest) .+)",
    r"(?:which|what) (?P<a>.+?) (?:is|are) (?P<sup>largest|biggest|smallest)",
)
def location(groups: Groups) -> str:
    """Where things are, in words."""
    text = re.sub(r"^(?:most|majority) of ", "", groups["a"])
    text = f"{groups['sup']} {text}" if groups.get("sup") else text
    what = thing(text)
    name = f"the {what.one}" if what.superlative else what.many
    return program(what.find(), "where(found)", f"position of {name}: {{where(found)}}")


@form(
    "colour",
    "What colour is the roof?",
    r"(?:what|which)(?: is)? (?:main |dominant |predominant )?colou?rs? (?:is|are|does|do|of|has|have) (?:most of )?(?P<a>.+?)(?: have| of)?",
    r"(?:what is )?(?:main |dominant )?colou?r of (?P<a>.+)",
)
def colour(groups: Groups) -> str:
    """The main colour of things."""
    what = thing(groups["a"])
    return program(what.find(), "colour_of(found)", f"main colour of {what.many}: {{colour_of(found)}}")


@form("colour", "Are the roofs red?", rf"(?:is|are) (?:colou?r of )?(?P<a>.+?) (?P<colour>{_COLOUR})(?: in colou?r)?")
def is_colour(groups: Groups) -> str:
    """Whether things are of a colour."""
    if groups["a"] == "there" or groups["a"].startswith(("there ", "all ", "every ", "each ", "any ", "most ")):
        raise NotUnderstood(groups["a"])
    what, wanted = thing(groups["a"]), groups["colour"].replace("gray", "grey")
    value = f'colour_of(found) == "{wanted}"'
    return program(what.find(), value, f"main colour of {what.many}: {{colour_of(found)}}")


@form(
    "theme",
    "Is this an airport?",
    r"(?:is|are) (?:it|this|that|@) (?P<a>.+)",
    r"(?:does|do) (?:it|this|that|@) (?:look like|resemble|represent) (?P<a>.+)",
)
def is_a(groups: Groups) -> str:
    """Whether the scene as a whole is something."""
    text = re.sub(r"^(?:@ of|picture of|of|taken over|located in|in) ", "", groups["a"])
    what = thing(text)
    if not what.is_bare or len(what.names) > 1:
        raise NotUnderstood(groups["a"])
    return f'answer(looks_like("{what.name}"), "compared with the usual themes of a scene")'
