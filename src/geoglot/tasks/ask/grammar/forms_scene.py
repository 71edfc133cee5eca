"""Forms about the scene as a whole, and about where things are: theme, rural or urban, position, nearest, colour."""

from __future__ import annotations

import re

from geoglot.tasks.ask.grammar.form import Form, names_in
from geoglot.tasks.ask.grammar.measures import Distance, Nearer, Nearest
from geoglot.tasks.ask.grammar.noun import NotUnderstood
from geoglot.tasks.ask.grammar.noun_phrase import part_name, thing
from geoglot.tasks.ask.grammar.patterns import Groups, expression
from geoglot.tasks.ask.grammar.queries import CITY, Classify, Colour, LooksLike, Query, Theme, Where


def _choice(groups: Groups) -> Query:
    part = part_name(groups["part"]) if groups["part"] else ""
    if part and re.fullmatch(expression("TOWN_OR_LAND"), f"{groups['many']} "):
        return Classify(CITY, part)
    names = names_in(groups["many"])
    if len(names) < 2:
        raise NotUnderstood(groups["many"])
    return Classify(names, part)


def _nearer(groups: Groups) -> Query:
    things = [thing(groups[key]) for key in "abc"]
    if len(set(things)) < 3 or not all(one.bare for one in things):
        raise NotUnderstood(groups["a"])
    return Nearer(*things)


def _theme(groups: Groups) -> Query:
    part = groups["part"]
    return Theme(part_name(part) if part not in ("", "@") else "")


def _distance(groups: Groups) -> Query:
    one, two = (thing(re.sub("^(?:nearest|closest) ", "", groups[key])) for key in "ab")
    if one == two or one.every or two.every:
        raise NotUnderstood(groups["b"])
    return Distance(one, two, groups["unit"] or groups["unit2"] or "m")


def _nearest(groups: Groups) -> Query:
    one, two = thing(groups["a"]), thing(groups["b"])
    if two.every or one.superlative:
        raise NotUnderstood(groups["b"])  # to both together, or to one of them?
    return Nearest(one, two)


def _where(groups: Groups) -> Query:
    text = re.sub(r"^(?:most|majority) of ", "", groups["a"])
    return Where(thing(f"{groups.get('best', '')} {text}".strip()))


def _is_colour(groups: Groups) -> Query:
    first = groups["a"].partition(" ")[0]
    if first in ("there", "all", "every", "each", "any", "most"):
        raise NotUnderstood(first)
    return Colour(thing(groups["a"]), groups["colour"])


def _is_a(groups: Groups) -> Query:
    what = thing(re.sub(r"^(?:@ of|picture of|of|taken over|located in|in) ", "", groups["a"]))
    if not what.bare or len(what.names) > 1:
        raise NotUnderstood(groups["a"])
    return LooksLike(what.name)


#: From the closed choice of two to any theme; then where things are, and their colours
SCENE = (
    Form(
        "rural/urban", "Is it a rural or an urban area?", lambda _: Classify(CITY),
        "is|does|would THIS (look|show|be|seem | seem to be | look like | classified as)* [more] [in] TOWN_OR_LAND",
        "[what|which [is] [THIS] [is] | is [area|scene|region|place|@] | THIS is] [,] TOWN_OR_LAND",
    ),
    Form(
        "rural/urban", "Is this an urban area?",
        lambda g: Classify(CITY, asked="rural area" if re.match("rural|country", g["kind"]) else "urban area"),
        "is THIS [in] kind=URBAN|RURAL [SETTING]",
        "is|does THIS located|situated|show|lie [in] kind=URBAN|RURAL [SETTING]",
    ),
    Form(
        "choice", "Is this a forest, a lake or a town?", _choice,
        "is|does THIS [show|rather | look|more like] [,] LIST",
        "which|what [of these] is|does THIS [show] [,] LIST",
        "which of these|following [classes|labels|words|names] [fits|describes @] [best] [,] many=ANY",
        "classify @|this|it [as|into] LIST",
    ),
    Form(
        "choice", "Is the upper half forest or water?", _choice,
        "is|does part=(ANY half|quarter|third|part|side|corner | centre|center|middle) [of @] [show|more|mostly|mainly|rather]"
        " LIST",
    ),
    Form(
        "nearest", "Which is nearer to the river, the school or the church?", _nearer,
        "which|what [one] is|lies nearer|closer|nearest|closest to C , A or B",
        "is|does A or B nearer|closer to C",
    ),
    Form(
        "theme", "What is the theme of this picture?", _theme,
        "what|which [is] [main|general|overall] theme|topic|subject|category|class|label|scene|type|kind|content|setting"
        " [type|class|category] (of|in|for @ | is @|it | does @ (show|have | belong to))*",
        "what [is] CLASS of place|area|scene|landscape|@|environment|terrain|location|site|setting|region|facility|COVER_KIND|land"
        " (is|does|do|can|are|in|of|you|we|i|see|shown|depicted|here|this|that|it|@|show|have|visible|represented)*",
        "what|which do|does @ (show|depict|represent|display|portray|contain|capture | look like)",
        "what (is | can be|you|i | do you|we|i) [shown|depicted|seen|displayed|visible|see|pictured|represented] [in|on|by @]",
        "what is|are this|it|@|these [(of|about|showing | picture of | @ of)]",
        "what is @ about",
        "describe|classify|name|label [theme of] @|scene|theme|place",
        "what|which [is] COVER_KIND [class|type] (is|does|do|this|it|@|shown|show|have|in)*",
        "theme [of @]",
        "what|which @|place is|does this|it|@ [show]",
        "what is [shown|visible|depicted|there|located|found] in|at|on part=ANY [of|in @]",
        "[what is] (theme|topic|class|category | scene category|type|class | land use) of"
        " part=(ANY quarter|half|corner|side|part|third) [of @]",
        "what is (@|scene | land use) category|class|type [of @]",
        "what does|is part=(ANY quarter|half|corner|side|part|third) [of @] show|shows|contain",
    ),
    Form(
        "distance", "How far is the school from the river?", _distance,
        "how far|close|near [away|apart] is|are|lies|lie [it] [from] A [away] from|to B [in unit=m|km]",
        "how far apart is|are A and B [in unit=m|km]",
        "[what is] (shortest|minimum|smallest|approximate|direct)* distance [in unit=m|km] between|from|of A and|to|from B"
        " [in unit2=m|km]",
        "how many unit=m|km is|are|lie|lies|separate [there] [between] A from|and|to B",
        "measure|give distance between|from A and|to B",
    ),
    Form(
        "nearest", "Which school is nearest to the river?", _nearest,
        "which|what|where [is|are] A [that] [is|are|lies] nearest|closest to|from B",
        "which|what|where is|are nearest|closest A to|from B",
        "FIND nearest|closest A to|from B",
    ),
    Form(
        "location", "Where is the largest building?", _where,
        "where [exactly] [in|on @] is|are|do|does|can|lies|lie|would [i|you|we|one] [find|see|spot|be] A PUT",
        "where A is|are [located|situated]",
        "[in|on|at|to] which|what PLACES [of|in @] is|are|do|does|can|could [i|you|we|one] [find|see|spot] A PUT",
        "which|what PLACES [of|in @] HAVE A",
        "[what is] location|position|whereabouts|place|coordinates of A",
        "(FIND | show where) [is|are] A",
        "which|what is|are best=largest|biggest|smallest|longest A",
        "which|what A is|are best=largest|biggest|smallest|longest [one]",
    ),
    Form(
        "colour", "What colour is the roof?", lambda g: Colour(thing(g["a"])),
        "what|which [is] [main|dominant|predominant] colour|colours is|are|does|do|of|has|have [most of] A [have|of]",
        "[what is] [main|dominant] colour of A",
    ),
    Form("colour", "Are the roofs red?", _is_colour, "is|are [colour of] A COLOUR [in colour]"),
    Form(
        "theme", "Is this an airport?", _is_a,
        "is|are it|this|that|@ A",
        "does|do it|this|that|@ look|resemble|represent [like] A",
    ),
)  # fmt: skip
