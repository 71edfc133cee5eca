"""Forms about all or most of some things, numbers within bounds, one place beside another, and what a place holds."""

from __future__ import annotations

from geoglot.tasks.ask.forms import Groups, form, program, said, tell, tell_both
from geoglot.tasks.ask.lexicon import COLOURS, THEMES, uncountable
from geoglot.tasks.ask.noun import NotUnderstood, Thing
from geoglot.tasks.ask.nouns import part_name, subject, thing

_COLOUR = "|".join([*COLOURS, "gray"])
_HAVE = r"(?:contain|contains|have|has|hold|holds|include|includes|show|shows)"
_BOUNDS = r"at least|no fewer than|no less than|more than|over|at most|no more than|up to|fewer than|less than|exactly|just|only"
_SIGNS = {"at least": ">=", "no fewer than": ">=", "no less than": ">=", "more than": ">", "over": ">", "at most": "<=",
          "no more than": "<=", "up to": "<=", "fewer than": "<", "less than": "<"}  # fmt: skip
_SIDE = r"(?:half|part|side|quarter|corner|area|region|section)"
_STATE = r"(?:non[ -])?(?:flooded|damaged|destroyed|collapsed|burnt|burned)"


def every_and_some(text: str) -> tuple[Thing, Thing]:
    """Things, and those of them of which one modifier holds; NotUnderstood for none or more: of which would it speak?"""
    every, some = subject(text)
    more = len(some.wraps) - len(every.wraps) + bool(some.region)
    if more != 1 or some.when or every.superlative:
        raise NotUnderstood(text)
    return every, some


def _of_all(every: Thing, some: Thing, value: str) -> str:
    """An answer from how many of the things there are, and how many of them are as it is asked."""
    counts = f"{{count(found)}} of {{say(count(every), '{every.name}')}} {some.rest}"
    lines = [f"every = {every.find()}", f"found = {some.find()}", f'answer({value}, f"{counts}", evidence=found)']
    return "\n".join(lines)


@form(
    "presence",
    "Are all houses near a road?",
    r"(?:is|are|do|does) (?:all|every|each)(?: single)?(?: one)?(?: of)? (?P<a>.+)",
    rf"(?:is|are) (?:all|every|each)(?: single)?(?: of)? (?P<b>.+?) (?P<colour>{_COLOUR})",
)
def all_of(groups: Groups) -> str:
    """Whether something holds of all things; of none it holds not."""
    if groups.get("colour"):
        every = thing(groups["b"])
        colour = groups["colour"].replace("gray", "grey")
        some = Thing(every.names, wraps=(*every.wraps, f'coloured({{}}, "{colour}")'), words=(f"that are {colour}",))
        if every.region or every.when or every.superlative:
            raise NotUnderstood(groups["b"])
    else:
        every, some = every_and_some(groups["a"])
    return _of_all(every, some, "exists(every) and count(found) == count(every)")


@form(
    "presence",
    "Are most of the houses in the north half?",
    r"(?:is|are|do|does) (?:most|majority)(?: of)? (?P<a>.+)",
    r"(?:is|are) (?P<a>.+?) (?:mostly|mainly|predominantly|largely|for most part) (?P<rest>.+)",
)
def most_of(groups: Groups) -> str:
    """Whether something holds of more than half: of the things, or of the ground of what cannot be counted."""
    every, some = every_and_some(f"{groups['a']} {groups.get('rest', '')}".strip())
    if not uncountable(every.name):
        return _of_all(every, some, "2 * count(found) > count(every)")
    if not some.region:
        raise NotUnderstood(groups["a"])
    return program(
        every.find(), f"2 * area_m2(found{some.part}) > area_m2(found)",
        f"{{amount(area_m2(found{some.part}), 'm²')}} of {{amount(area_m2(found), 'm²')}} of {every.name} {some.rest}",
    )  # fmt: skip


@form(
    "count",
    "Are there between 10 and 20 houses?",
    r"(?:is|are) there between (?P<least>\d+) and (?P<most>\d+) (?P<a>.+)",
    r"(?:is|are) there (?:from )?(?P<least>\d+)(?: to |-)(?P<most>\d+) (?P<a>.+)",
    r"(?:is|are) there (?P<or>\d+) or more (?P<a>.+)",
    r"(?:is|are) there (?P<less>\d+) or (?:less|fewer) (?P<a>.+)",
    r"(?:is|are) there (?P<many>multiple|more than a single) (?P<a>.+)",
    r"(?:is|are) number of (?P<a>.+?) (?:greater|larger|more|bigger) than or equal to (?P<or>\d+)",
    r"(?:is|are) number of (?P<a>.+?) (?:less|fewer|smaller|lower) than or equal to (?P<less>\d+)",
    r"(?:is|are) number of (?P<a>.+?) between (?P<least>\d+) and (?P<most>\d+)",
)
def within_bounds(groups: Groups) -> str:
    """Whether a number lies within bounds, which count as within."""
    what = thing(groups["a"])
    value = f"{groups.get('least')} <= count(found) and count(found) <= {groups.get('most')}"
    if groups.get("or"):
        value = f"count(found) >= {groups['or']}"
    elif groups.get("less"):
        value = f"count(found) <= {groups['less']}"
    elif groups.get("many"):
        value = "count(found) > 1"
    return tell(what, value)


@form(
    "comparison",
    "Which half has more houses, the left or the right?",
    r"(?:is|are) there more (?P<a>.+?) (?:in|on|at) (?P<here>.+?) or (?:in |on |at )?(?P<there>.+)",
    rf"in (?:which|what) {_SIDE}(?: of @)? (?:is|are)(?: there)? more (?P<a>.+?) ?,? (?P<here>[^,]+?) or (?P<there>.+)",
    rf"(?:which|what)(?: {_SIDE})?(?: of @)? {_HAVE} more (?P<a>.+?) ?, (?P<here>.+?) or (?P<there>.+)",
)
def more_where(groups: Groups) -> str:
    """In which of two parts there are more."""
    first, second, what = _two_parts(groups)
    value = f'which_is_larger({{"{first}": count(first), "{second}": count(second)}})'
    return _beside(first, second, what, value)


@form(
    "comparison",
    "Does the left half contain more houses than the right half?",
    rf"(?:do|does) (?P<here>.+?) {_HAVE} (?P<more>more|fewer|less) (?P<a>.+?) than (?P<there>.+)",
    r"(?:is|are) number of (?P<a>.+?) (?:in|on|at) (?P<here>.+?) (?P<more>more|larger|greater|higher|bigger|less|fewer|smaller|lower) than (?:(?:that|number|those|number of .+?) )?(?:in |on |at )(?P<there>.+)",
)
def more_here(groups: Groups) -> str:
    """Whether there are more in one part than in another."""
    first, second, what = _two_parts(groups)
    sign = "<" if groups["more"] in ("less", "fewer", "smaller", "lower") else ">"
    return _beside(first, second, what, f"count(first) {sign} count(second)")


def _two_parts(groups: Groups) -> tuple[str, str, Thing]:
    first, second, what = part_name(groups["here"]), part_name(groups["there"]), thing(groups["a"])
    if first == second or what.region or what.superlative:
        raise NotUnderstood(groups["a"])
    return first, second, what


def _beside(first: str, second: str, what: Thing, value: str) -> str:
    found = [f'{name} = within({what.find()}, part("{part}"))' for name, part in (("first", first), ("second", second))]
    counts = f"{{say(count(first), '{what.name}')}} in the {first} and {{count(second)}} in the {second} found"
    return "\n".join([*found, f'answer({value}, f"{counts}", evidence=together(first, second))'])


@form(
    "location",
    "Which quarter has the most houses?",
    rf"(?:which|what) (?:quarter|quadrant|corner)(?: of @)? {_HAVE} (?:most|largest number of|highest number of|greatest number of) (?P<a>.+)",
    r"(?:in )?(?:which|what) (?:quarter|quadrant|corner)(?: of @)? (?:is|are)(?: there)? most (?P<a>.+)",
)
def most_where(groups: Groups) -> str:
    """Which of the four quarters has the most."""
    what = thing(groups["a"])
    if what.region or what.superlative:
        raise NotUnderstood(groups["a"])
    names = [f"{row} {col} quarter" for row in ("upper", "lower") for col in ("left", "right")]
    counts = ", ".join(f'"{name}": count(within(found, part("{name}")))' for name in names)
    lines = [f"found = {what.find()}", f"counts = {{{counts}}}", "winner = which_is_larger(counts)"]
    return "\n".join([*lines, f'answer(winner, f"{said(what)}, most in: {{winner}}", evidence=found)'])


@form(
    "presence",
    "Does the harbor contain ships?",
    rf"(?:do|does) (?P<a>[^@]+?) {_HAVE} (?:(?P<bound>{_BOUNDS}) )?(?P<number>\d+) (?P<b>[^@]+)",
    rf"(?:do|does) (?P<a>[^@]+?) {_HAVE} (?:any |some )?(?P<b>[^@]+)",
)
def holds(groups: Groups) -> str:
    """Whether a place holds something, or so many of it."""
    what = _held(groups)
    if not groups.get("number"):
        return tell(what, "exists(found)")
    sign = _SIGNS.get(groups["bound"], "==")
    return tell(what, f"count(found) {sign} {groups['number']}")


@form(
    "count",
    "How many ships does the harbor contain?",
    rf"(?:how many|number of) (?P<b>[^@]+?) (?:do|does) (?P<a>[^@]+?) {_HAVE}",
    r"how many (?P<b>[^@]+?) are contained in (?P<a>[^@]+)",
)
def how_many_held(groups: Groups) -> str:
    """How many of something a place holds."""
    what = _held(groups)
    return tell(what, "count(found)")


def _held(groups: Groups) -> Thing:
    """What lies in a part of the scene, or in a place that things lie in: a house that has a pool is none."""
    place = groups["a"]
    try:
        part_name(place)
    except NotUnderstood:
        where = thing(place)
        if not where.is_bare or where.name not in THEMES:
            raise
    return thing(f"{groups['b']} in {place}")


@form(
    "presence",
    "Is there neither a pond nor a lake?",
    r"(?:is|are) there neither (?P<a>.+?) nor (?P<b>.+)",
    r"(?:is|are) there no (?P<a>.+?) (?:and|or) no (?P<b>.+)",
)
def neither(groups: Groups) -> str:
    """Whether there is none of two things."""
    what = thing(f"{groups['a']} or {groups['b']}")
    return tell(what, "not exists(found)")


@form("presence", "Are there buildings but no roads?", r"(?:is|are) there (?P<a>.+?) (?:but|and) no (?P<b>.+)")
def but_no(groups: Groups) -> str:
    """Whether there is one thing and none of another."""
    one, two = thing(groups["a"]), thing(groups["b"])
    if len(one.names) > 1 or len(two.names) > 1:
        raise NotUnderstood(groups["a"])
    return tell_both(one, two, "exists(first) and not exists(second)", evidence="first")


@form("presence", "Is the image free of clouds?", r"is @ (?:free of|without|free from) (?P<a>.+)")
def free_of(groups: Groups) -> str:
    """Whether there is none."""
    what = thing(groups["a"])
    return tell(what, "not exists(found)")


@form(
    "presence",
    "Are the school and the park next to each other?",
    r"(?:is|are|do|does) (?P<a>[^@]+?) and (?P<b>[^@]+?) (?:lie )?(?P<how>next to|near|close to|adjacent to|beside|near to) (?:each other|one another)",
)
def each_other(groups: Groups) -> str:
    """Whether one thing lies beside another."""
    what = thing(f"{groups['a']} {groups['how']} {groups['b']}")
    return tell(what, "exists(found)")


@form(
    "count",
    "How many buildings are flooded?",
    rf"(?:how many|number of)(?: of)? (?P<a>[^@]+?) (?:that )?(?:are|is) (?P<state>{_STATE})",
)
def in_a_state(groups: Groups) -> str:
    """How many things are in a state that a name can say: FloodNet's (Rahnemoonfar et al. 2021)."""
    what = _in_state(groups)
    return tell(what, "count(found)")


@form(
    "presence",
    "Are any roads flooded?",
    rf"(?:is|are) (?:there )?(?:any )?(?:of )?(?P<a>[^@]+?) (?:that are )?(?P<state>{_STATE})",
)
def is_in_a_state(groups: Groups) -> str:
    """Whether there are things in such a state."""
    what = _in_state(groups)
    return tell(what, "exists(found)")


def _in_state(groups: Groups) -> Thing:
    bare = thing(groups["a"])
    if not bare.is_bare or len(bare.names) > 1 or " or " in groups["a"]:
        raise NotUnderstood(groups["a"])
    return thing(f"{groups['state'].replace('non ', 'non-')} {groups['a']}")


@form(
    "comparison",
    "What is the difference between the number of cars and trucks?",
    r"what is difference (?:between|in) number of (?P<a>.+?) and (?:number of )?(?P<b>.+)",
    r"what is difference in number between (?P<a>.+?) and (?P<b>.+)",
    r"(?:is|are) (?P<a>.+?) (?P<same>and) (?P<b>.+?) equal in number",
)
def difference(groups: Groups) -> str:
    """How far apart two numbers are, or whether they are the same."""
    one, two = thing(groups["a"]), thing(groups["b"])
    if one == two or one.superlative or two.superlative or len(one.names + two.names) > 2:
        raise NotUnderstood(groups["b"])
    value = "count(first) == count(second)" if groups.get("same") else "abs(count(first) - count(second))"
    return tell_both(one, two, value)
