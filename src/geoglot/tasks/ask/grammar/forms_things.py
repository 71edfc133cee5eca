"""Forms about things: change between two dates, all or most of them, their number, and whether there are any."""

from __future__ import annotations

from dataclasses import replace

from geoglot.tasks.ask.grammar.form import Form, alike, every_and_some, plain_thing
from geoglot.tasks.ask.grammar.lexicon import THEMES, uncountable
from geoglot.tasks.ask.grammar.measures import CompareAreaInParts, Density, ShareOf
from geoglot.tasks.ask.grammar.noun import Coloured, NotUnderstood, Thing
from geoglot.tasks.ask.grammar.noun_phrase import part_name, thing
from geoglot.tasks.ask.grammar.patterns import Groups
from geoglot.tasks.ask.grammar.queries import (
    Change,
    CompareCounts,
    CompareParts,
    Count,
    Exists,
    Growth,
    Holds,
    MostIn,
    OneWithout,
    Query,
    SuperlativeIn,
)

_SIGNS = {
    "at least": ">=", "no fewer than": ">=", "no less than": ">=", "not fewer than": ">=", "not less than": ">=",
    "more than": ">", "over": ">", "greater than": ">", "larger than": ">", "higher than": ">", "above": ">",
    "at most": "<=", "no more than": "<=", "not more than": "<=", "up to": "<=", "fewer than": "<", "less than": "<",
    "under": "<", "smaller than": "<", "lower than": "<", "below": "<",
}  # fmt: skip


def _changed(groups: Groups, ask: str) -> Query:
    what = plain_thing(f"{groups['a']} {groups.get('rest', '')}")
    return Change(ask, what, gone=bool(groups["gone"]))


def _growth(groups: Groups) -> Query:
    how = ">" if groups["up"] else "<" if groups["down"] else "!="
    return Growth("count" if groups["number"] else "share", how, plain_thing(groups["a"]))


def _growth_by(groups: Groups) -> Query:
    by = "count" if groups["number"] else "share"
    return Growth(by, "difference", plain_thing(groups["a"]), lost=bool(groups["down"]) and by == "share")


#: Words about time change what every other form would make of a question
CHANGES = (
    Form(
        "change", "How many buildings were built between the two dates?", lambda g: _changed(g, "count"),
        "how many new A [are|is there | have been NEW | was|were NEW | there are] [REST] SINCE",
        "how many A DONE NEW [REST] SINCE",
        "how many A DONE gone=GONE [REST] SINCE",
    ),
    Form(
        "change", "Where did new buildings appear?", lambda g: _changed(g, "where"),
        "where did|have|has|are|is|were|was [new] A [been] NEW SINCE",
        "where did|have|has|are|is|were|was A [been] gone=GONE SINCE",
        "where are|is new A SINCE",
        "FIND [all] new A SINCE",
        "which|what new A [are|is there | there are|is] SINCE",
        "which|what A DONE NEW SINCE",
        "which|what A DONE gone=GONE SINCE",
    ),
    Form(
        "change", "Were any buildings removed?", lambda g: _changed(g, "exists"),
        "did|have|has|are|is|were|was [there] [any] [new] A [been] NEW SINCE",
        "did|have|has|are|is|were|was [there] A [been] gone=GONE SINCE",
        "are|is|were there [any] new A SINCE",
    ),
    Form(
        "change", "How much area do new buildings cover?", lambda g: _changed(g, "area_m2"),
        "[what is] [total] area|surface|extent|size (of | covered|occupied by) new A SINCE",
        "how much area|land|ground|space do|does|is|are [covered by] new A [cover|occupy | take up] SINCE",
    ),
    Form(
        "change", "Has the forest grown?", _growth,
        "has|have|did|is|are [number=NUMBER_OF] [AREA_OF] A (up=GROW | down=SHRINK | CHANGE) [in size|area|extent] SINCE",
        "is|are there (up=more | down=less|fewer) A [now|today | in|on @after] than [EARLIER]",
        "is|are [number=NUMBER_OF] [AREA_OF] A [in|on] @after (up=LARGER | down=SMALLER) than [in|on] @before",
        "is|are [number=NUMBER_OF] [AREA_OF] A (up=LARGER | down=SMALLER) [now | in|on @after] than EARLIER",
    ),
    Form(
        "change", "How much forest was lost?", _growth_by,
        "[by] how much has|have|did|is [number=NUMBER_OF] [AREA_OF] A (up=GROW | down=SHRINK | CHANGE)"
        " [in size|area|extent] SINCE",
        "how much A DONE gained|NEW SINCE",
        "how much A DONE down=GONE SINCE",
        "[what is] change|difference in|of [number=NUMBER_OF] [AREA_OF] A SINCE",
        "how has|have|did [number=NUMBER_OF] [AREA_OF] A changed|change|developed|evolved SINCE",
    ),
)  # fmt: skip


def _all(groups: Groups) -> Query:
    if not groups["colour"]:
        return Holds(*every_and_some(groups["a"]))
    every = thing(groups["a"])
    if every.part or every.when or every.superlative:
        raise NotUnderstood(groups["a"])
    return Holds(every, every.add(Coloured(groups["colour"])))


def _most(groups: Groups) -> Query:
    every, some = every_and_some(f"{groups['a']} {groups.get('rest', '')}")
    if not uncountable(every.name):
        return Holds(every, some, most=True)
    if not some.part:
        raise NotUnderstood(groups["a"])
    return ShareOf(every, some, most=True)


def _bounded(groups: Groups) -> Query:
    bounds = [(">=", groups["least"]), ("<=", groups["most"]), (">", "1" if groups["many"] else "")]
    return Count(thing(groups["a"]), tuple((sign, number) for sign, number in bounds if number))


def _in_two_parts(what: Thing, how: str, here: str, there: str) -> Query:
    first, second = part_name(here), part_name(there)
    if first == second or what.part or what.superlative:
        raise NotUnderstood(there)
    return (CompareAreaInParts if uncountable(what.name) else CompareParts)(how, what, first, second)


def _parts(groups: Groups) -> Query:
    more = groups["more"]
    how = "<" if more in ("less", "fewer", "smaller", "lower") else ">" if more else "which"
    return _in_two_parts(thing(groups["a"]), how, groups["here"], groups["there"])


def _most_in(groups: Groups) -> Query:
    what = thing(groups["a"])
    if what.part or what.superlative:
        raise NotUnderstood(groups["a"])
    return MostIn(what)


def _held(groups: Groups) -> Thing:
    """What lies in a part of the scene, or in a theme such as a harbor: a house that has a pool is no such place."""
    try:
        part_name(groups["a"])
    except NotUnderstood:
        where = thing(groups["a"])
        if not where.bare or where.name not in THEMES:
            raise
    return thing(f"{groups['b']} in {groups['a']}")


def _holds(groups: Groups) -> Query:
    what = _held(groups)
    if not groups["number"]:
        return Exists(what)
    return Count(what, ((_SIGNS.get(groups["bound"], "=="), groups["number"]),))


def _without(groups: Groups) -> Query:
    one, two = thing(groups["a"]), thing(groups["b"])
    if len(one.names + two.names) > 2:
        raise NotUnderstood(groups["a"])
    return OneWithout(one, two)


def _in_state(groups: Groups) -> Thing:
    bare = thing(groups["a"])
    if not bare.bare or len(bare.names) > 1:
        raise NotUnderstood(groups["a"])
    return thing(f"{groups['state'].replace('non ', 'non-')} {groups['a']}")


def _difference(groups: Groups) -> Query:
    one, two = thing(groups["a"]), thing(groups["b"])
    if one == two or one.superlative or two.superlative or len(one.names + two.names) > 2:
        raise NotUnderstood(groups["b"])
    return CompareCounts("==" if groups["same"] else "gap", one, two)


#: Words about all, most or none, bounds, and two parts: without them a count or a presence would be left
QUANTIFIED = (
    Form(
        "presence", "Are all houses near a road?", _all,
        "is|are|do|does all|every|each [single] [one] [of] A",
        "is|are all|every|each [single] [of] A COLOUR",
    ),
    Form(
        "presence", "Are most of the houses in the north half?", _most,
        "is|are|do|does most|majority [of] A",
        "is|are A (MAINLY | for most part) rest=ANY",
    ),
    Form(
        "count", "Are there between 10 and 20 houses?", _bounded,
        "is|are there between least=N and most=N A",
        "is|are there [from] RANGE A",
        "is|are there least=N or more A",
        "is|are there most=N or less|fewer A",
        "is|are there many=(multiple | more than single) A",
        "is|are number of A greater|larger|more|bigger than or equal to least=N",
        "is|are number of A less|fewer|smaller|lower than or equal to most=N",
        "is|are number of A between least=N and most=N",
    ),
    Form(
        "comparison", "Which half has more houses, the left or the right?", _parts,
        "is|are there more A in|on|at here=ANY or [in|on|at] there=ANY",
        "in which|what SIDE [of @] is|are [there] more A [,] here=ANY or there=ANY",
        "which|what [SIDE] [of @] HAVE more A , here=ANY or there=ANY",
    ),
    Form(
        "comparison", "Does the left half contain more houses than the right half?", _parts,
        "do|does here=ANY HAVE more=more|fewer|less A than there=ANY",
        "is|are number of A in|on|at here=ANY more=(LARGER|LESSER) than [that|number|those | number of ANY]"
        " in|on|at there=ANY",
    ),
    Form(
        "location", "Which quarter has the most houses?", _most_in,
        "which|what quarter|quadrant|corner [of @] HAVE (most | largest|highest|greatest number of) A",
        "[in] which|what quarter|quadrant|corner [of @] is|are [there] most A",
    ),
    Form(
        "presence", "Does the harbor contain ships?", _holds,
        "do|does A HAVE [bound=BOUND] number=N B",
        "do|does A HAVE [any|some] B",
    ),
    Form(
        "count", "How many ships does the harbor contain?", lambda g: Count(_held(g)),
        "how many B do|does A HAVE",
        "how many B are contained in A",
    ),
    Form(
        "presence", "Is there neither a pond nor a lake?",
        lambda g: Exists(thing(f"{g['a']} or {g['b']}"), none=True),
        "is|are there neither A nor B",
        "is|are there no A and|or no B",
    ),
    Form("presence", "Are there buildings but no roads?", _without, "is|are there A but|and no B"),
    Form(
        "presence", "Is the image free of clouds?", lambda g: Exists(thing(g["a"]), none=True),
        "is @ (free of|from | without) A",
    ),
    Form(
        "presence", "Are the school and the park next to each other?",
        lambda g: Exists(thing(f"{g['a']} {g['how']} {g['b']}")),
        "is|are|do|does A and B [lie] how=(next|close|adjacent|near to | near|beside) each|one other|another",
    ),
    Form("count", "How many buildings are flooded?", lambda g: Count(_in_state(g)), "how many A [that] are|is state=STATE"),
    Form(
        "presence", "Are any roads flooded?", lambda g: Exists(_in_state(g)),
        "is|are [there] [any] [of] A [that are] state=STATE",
    ),
    Form(
        "comparison", "What is the difference between the number of cars and trucks?", _difference,
        "what is difference between|in number of A and [number of] B",
        "what is difference in number between A and B",
        "is|are A same=and B equal in number",
    ),
)  # fmt: skip


def _compare_number(groups: Groups) -> Query:
    return Count(thing(groups["a"]), ((_SIGNS.get(groups["bound"], "=="), groups["number"]),))


def _compare_counts(groups: Groups) -> Query:
    if " or " in groups["b"]:
        raise NotUnderstood("or")
    how = ">" if groups["up"] else "<" if groups["down"] else "=="
    return CompareCounts(how, *alike(groups))


def _compare_places(groups: Groups) -> Query:
    how = ">" if groups["more"] == "more" else "<"
    what = thing(groups["a"])
    if uncountable(what.name):
        return _in_two_parts(what, how, *(groups[key].partition(" ")[2] for key in ("here", "there")))
    one, two = (thing(f"{groups['a']} {groups[key]}") for key in ("here", "there"))
    if one == two:
        raise NotUnderstood(groups["there"])
    return CompareCounts(how, one, two)


def _presence(groups: Groups) -> Query:
    if groups["a"].startswith(("more ", "less ", "fewer ", "as many ")):
        raise NotUnderstood(groups["a"].partition(" ")[0])
    return Exists(thing(groups["a"]), none=bool(groups["no"]))


def _relation(groups: Groups) -> Query:
    """Does a thing lie where the question says? The phrase must say where."""
    first = groups["a"].partition(" ")[0]
    if first in ("all", "every", "each", "most"):
        raise NotUnderstood(first)
    what = thing(groups["a"])
    if what.superlative and what.part and not what.filters:
        return SuperlativeIn(replace(what, part=""), what.part)
    if what.superlative or not (what.part or what.relations):
        raise NotUnderstood(groups["a"])
    return Exists(what)


#: Numbers of things, from comparisons to a plain count; presence reads nearly everything, so it comes last
COUNTS = (
    Form(
        "count", "Are there more than 5 ships?", _compare_number,
        "is|are there [bound=BOUND] number=N A TAIL",
        "there is|are [bound=BOUND] number=N A TAIL",
        "do|does|did @ SHOW [bound=BOUND] number=N A",
        "SEE [bound=BOUND] number=N A",
        "is|are number|amount|quantity|count of A bound=BOUND number=N",
        "is|are bound=BOUND number=N A present|visible|shown",
    ),
    Form(
        "comparison", "Are there more buildings than roads?", _compare_counts,
        "is|are there (up=MORE | down=LESS | as many) A TAIL than|as [there is|are] [number of] B TAIL",
        "do|does @ SHOW (up=more | down=less|fewer | as many) A than|as B",
        "SEE (up=more | down=less|fewer | as many) A than|as B",
        "is|are AMOUNT A (up=LARGER | down=LESSER) than [number|amount|that|count|those of] B TAIL",
        "is|are AMOUNT A equal|same|identical [to|as] [number|amount|that|count|those of] B TAIL",
        "do|does AMOUNT A (up=exceed | equal|match) [number|amount|that|count|those of] B TAIL",
        "do|does A up=outnumber B",
        "is|are A (up=more | down=less) numerous|common|frequent|abundant than B",
        "is|are there (equal|same number|numbers|amount | equally many) [of] A and|as B",
        "is|are A down=outnumbered by B",
    ),
    Form(
        "comparison", "Are there more trees in the left half than in the right half?", _compare_places,
        "is|are there more=more|less|fewer A here=(WHERE ANY) than there=(WHERE ANY)",
    ),
    Form(
        "comparison", "Are there more buildings or roads?", lambda g: CompareCounts("which", *alike(g)),
        "is|are there more A or [more] B TAIL",
        "which|what [one] is|are [there] (more of|numerous|common|frequent|abundant|many | in majority) [,] A or B",
        "of which|what is|are there more [,] A or B",
        "which|what is|are there more of [,] A or B",
    ),
    Form(
        "comparison", "How many more buildings than roads are there?", lambda g: CompareCounts("difference", *alike(g)),
        "how many more A TAIL than B TAIL",
    ),
    Form(
        "density", "How many buildings are there per hectare?",
        lambda g: Density(thing(g["a"]), g["unit"] or "km²"),
        "how many A TAIL per unit=UNIT [are|is there | there are]",
        "[what is] density of A [in|per unit=UNIT]",
    ),
    Form(
        "count", "How many ships are there in the upper left quarter?",
        lambda g: Count(thing(f"{g['a']} {g.get('rest', '')}")),
        "how many A TAIL",
        "how many A is|are [there] rest=ANY",
        "how many A do|does @ SHOW",
        "how many A (do|can|could|did you|i|we|one see|find|count|spot|detect|identify|observe|notice | can be SEEN)"
        " [rest=ANY]",
        "how many A lie|lies|exist rest=ANY",
        "how many A rest=(have|has|cover|covers|exceed|exceeds|measure ANY)",
    ),
    Form(
        "presence", "Is there a ship in this picture?", _presence,
        "is|are there [no=no] A TAIL",
        "there is|are [no=no] A TAIL",
        "do|does|did @ SHOW [no=no] A [in|on it]",
        "@ contains|has|shows|includes A",
        "contain|contains A",
        "SEE [any|some] [no=no] A [in|on @]",
        "is|are|was|were A (present|visible|shown|depicted|existing|existent|there|available|detectable | in|on @) [in @]",
        "can|could A be (SEEN | made out) [in @]",
        "do|does A (exist|occur|appear | show up) [in @]",
        "[is there] presence|existence|evidence|sign|signs of A",
        "check|look|search (for | whether|if there is|are) A",
        "any A [in @ | visible|present]",
        "A present|visible",
        "is|are A seen|found|located [in @]",
        "is|are any|some A",
    ),
    Form("presence", "Is the school next to a river?", _relation, "is|are|do|does A"),
)  # fmt: skip
