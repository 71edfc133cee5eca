"""Forms that ask whether there is something, how much of it, and of what there is more."""

from __future__ import annotations

from dataclasses import replace

from geoglot.tasks.ask.forms import ADJECTIVES, Groups, alike, form, program, said, tell, tell_both
from geoglot.tasks.ask.lexicon import uncountable
from geoglot.tasks.ask.noun import NotUnderstood, Thing
from geoglot.tasks.ask.nouns import thing

_SHOW = r"(?:contain|have|show|include|display|feature|depict|hold|present|comprise)"
_SEE = r"(?:is it possible to|(?:do|can|could) (?:you|i|we|one)) (?:see|find|spot|detect|identify|observe|notice|make out|recognize|recognise|locate)"
_TAIL = (
    r"(?: (?:are|is) there| there (?:are|is)| (?:are|is|can be|could be|be) (?:present|visible|seen|shown|found|there|"
    r"depicted|located|detected|counted|observed|spotted)| present| visible| exist| exists| appear| do (?:you|we) see| "
    r"can (?:you|i|we|one) (?:see|find|count|spot|detect|identify)| (?:do|does) @ (?:contain|have|show|include)|"
    r" (?:are|is)(?= ?$)| there)?(?: in @| on @)?(?: in it| on it)?"
)
_HOW_MANY = (
    r"(?:what is )?(?:total |exact |overall )?(?:number|amount|quantity|count|sum)(?: total)? of|how many(?: of)?|"
    r"what (?:number|amount|quantity|count) of|count number of|count up|count(?: of)?|number of|give number of|(?:give|do) count of"
)
_MORE = r"(?:more|larger|greater|higher|bigger)"
_LESS = r"(?:less|fewer|smaller|lower)"
#: "larger number of", but not "larger ship than"
_NUMBER = rf"more|less|fewer|as many|(?:{_MORE}|{_LESS})(?= numbers? of)"
_BOUNDS = {
    "at least": ">=", "no fewer than": ">=", "no less than": ">=", "not fewer than": ">=", "not less than": ">=",
    "more than": ">", "over": ">", "greater than": ">", "larger than": ">", "higher than": ">", "above": ">",
    "at most": "<=", "no more than": "<=", "not more than": "<=", "up to": "<=", "fewer than": "<", "less than": "<",
    "under": "<", "smaller than": "<", "lower than": "<", "below": "<", "exactly": "==", "equal to": "==", "only": "==",
    "just": "==", "precisely": "==", "same as": "==", "": "==",
}  # fmt: skip
_BOUND = "|".join(sorted((word for word in _BOUNDS if word), key=len, reverse=True))


def exists(what: Thing, *, no: bool = False) -> str:
    """Whether there is a thing; of several joined by "and", whether there is each."""
    if what.every and not what.wraps and not what.superlative:
        return _all_exist(what, no=no)
    value = "not exists(found)" if no else "exists(found)"
    return tell(what, value)


def _all_exist(what: Thing, *, no: bool) -> str:
    one = [Thing((name,), region=what.region, place=what.place, when=what.when) for name in what.names]
    names = [f"thing{index}" for index in range(1, len(one) + 1)]
    lines = [f"{name} = {each.find()}" for name, each in zip(names, one, strict=True)]
    all_of = " and ".join(f"{'not ' if no else ''}exists({name})" for name in names)
    counts = " and ".join(f"{{say(count({name}), '{each.name}')}}" for name, each in zip(names, one, strict=True))
    return program(what.find(), all_of, f"{counts} {what.rest}".strip() + " found", first="\n".join(lines))


@form(
    "count",
    "Are there more than 5 ships?",
    rf"(?:is|are) there (?P<bound>{_BOUND})?(?: )?(?P<number>\d+) (?P<a>.+?){_TAIL}",
    rf"there (?:is|are) (?P<bound>{_BOUND})? ?(?P<number>\d+) (?P<a>.+?){_TAIL}",
    rf"(?:does|do|did) @ {_SHOW} (?P<bound>{_BOUND})? ?(?P<number>\d+) (?P<a>.+)",
    rf"{_SEE} (?P<bound>{_BOUND})? ?(?P<number>\d+) (?P<a>.+)",
    rf"(?:is|are) (?:{_HOW_MANY}) (?P<a>.+?) (?P<bound>{_BOUND}) ?(?P<number>\d+)",
    rf"(?:are|is) (?P<bound>{_BOUND}) (?P<number>\d+) (?P<a>.+?) (?:present|visible|shown)",
)
def how_many_at_least(groups: Groups) -> str:
    """A number of things beside a given one."""
    what = thing(groups["a"])
    compared = f"count(found) {_BOUNDS[groups['bound'].strip()]} {groups['number']}"
    return tell(what, compared)


@form(
    "comparison",
    "Are there more buildings than roads?",
    rf"(?:is|are) there (?P<more>{_NUMBER})(?: number of| numbers of)? (?P<a>.+?){_TAIL} (?:than|as)(?: there (?:is|are))? (?:number of )?(?P<b>.+?){_TAIL}",
    rf"(?:does|do) @ {_SHOW} (?P<more>more|less|fewer|as many) (?P<a>.+?) (?:than|as) (?P<b>.+)",
    rf"{_SEE} (?P<more>more|less|fewer|as many) (?P<a>.+?) (?:than|as) (?P<b>.+)",
    rf"(?:is|are) (?:{_HOW_MANY}) (?P<a>.+?) (?P<more>{_MORE}|{_LESS}) than (?:(?:number|amount|that|count|those) of )?(?P<b>.+?){_TAIL}",
    rf"(?:is|are) (?:{_HOW_MANY}) (?P<a>.+?) (?P<more>equal|same|identical)(?: to| as)? (?:(?:number|amount|that|count|those) of )?(?P<b>.+?){_TAIL}",
    rf"(?:do|does) (?:{_HOW_MANY}) (?P<a>.+?) (?P<more>equal|exceed|match) (?:(?:number|amount|that|count|those) of )?(?P<b>.+?){_TAIL}",
    r"(?:do|does) (?P<a>.+?) (?P<more>outnumber) (?P<b>.+)",
    r"(?:are|is) (?P<a>.+?) (?P<more>more|less) (?:numerous|common|frequent|abundant) than (?P<b>.+)",
    r"(?:is|are) there (?P<more>equal number|equal numbers|same number|equal amount|same amount|equally many)(?: of)? (?P<a>.+?) (?:and|as) (?P<b>.+)",
    r"are (?P<a>.+?) (?P<more>outnumbered) by (?P<b>.+)",
)
def compare_counts(groups: Groups) -> str:
    """Whether there are more, fewer, or as many of one thing as of another."""
    if " or " in groups["b"]:
        raise NotUnderstood(groups["b"])
    one, two = alike(groups["a"], groups["b"])
    more = groups["more"]
    sign = ">" if more in ("outnumber", "exceed", "more", "larger", "greater", "higher", "bigger") else (
        "<" if more in ("less", "fewer", "smaller", "lower", "outnumbered") else "=="
    )  # fmt: skip
    return tell_both(one, two, f"count(first) {sign} count(second)")


@form(
    "comparison",
    "Are there more trees in the left half than in the right half?",
    r"(?:is|are) there (?P<more>more|less|fewer) (?P<a>.+?) (?P<here>(?:in|on|at|near|next to|within) .+?) than (?P<there>(?:in|on|at|near|next to|within) .+)",
)
def compare_places(groups: Groups) -> str:
    """Of one thing, whether there are more in one place than in another."""
    one, two = alike(f"{groups['a']} {groups['here']}", f"{groups['a']} {groups['there']}")
    if uncountable(one.name):
        raise NotUnderstood(one.name)  # of ground there is more, and not more of them
    return tell_both(one, two, f"count(first) {'>' if groups['more'] == 'more' else '<'} count(second)")


@form(
    "comparison",
    "Are there more buildings or roads?",
    rf"(?:is|are) there more (?P<a>.+?) or (?:more )?(?P<b>.+?){_TAIL}",
    r"(?:which|what)(?: one)? (?:are|is)(?: there)? (?:more (?:of|numerous|common|frequent|abundant|many)|in majority) ?,? (?P<a>.+?) or (?P<b>.+)",
    r"of (?:which|what) (?:are|is) there more ?,? (?P<a>.+?) or (?P<b>.+)",
    r"(?:which|what) (?:are|is) there more of ?,? (?P<a>.+?) or (?P<b>.+)",
)
def more_of_which(groups: Groups) -> str:
    """Of which of two things there are more."""
    one, two = alike(groups["a"], groups["b"])
    return tell_both(one, two, f'which_is_larger({{"{one.many}": count(first), "{two.many}": count(second)}})')


@form(
    "comparison",
    "How many more buildings than roads are there?",
    rf"how many more (?P<a>.+?){_TAIL} than (?P<b>.+?){_TAIL}",
)
def how_many_more(groups: Groups) -> str:
    """The difference of two numbers."""
    return tell_both(*alike(groups["a"], groups["b"]), "count(first) - count(second)")


@form(
    "density",
    "How many buildings are there per hectare?",
    rf"(?:{_HOW_MANY}) (?P<a>.+?){_TAIL} per (?P<unit>ha|km²|m²)(?: are there| is there| there are)?",
    r"(?:what is )?density of (?P<a>.+?)(?: (?:in|per) (?P<unit>ha|km²))?",
)
def density(groups: Groups) -> str:
    """Things per unit of area."""
    what, unit = thing(groups["a"]), groups["unit"] or "km²"
    size = {"ha": "1e4", "km²": "1e6", "m²": "1"}[unit]
    where = what.region or "whole()"
    value = f"count(found) / region_area_m2({where}) * {size}"
    unit = f"per {unit}"
    return program(what.find(), value, f"{said(what)} found: {{amount({value}, '{unit}')}}", unit)


@form(
    "count",
    "How many ships are there in the upper left quarter?",
    rf"(?:{_HOW_MANY}) (?P<a>.+?){_TAIL}",
    rf"(?:{_HOW_MANY}) (?P<a>.+?) (?:are|is)(?: there)? (?P<rest>.+?)",
    rf"(?:{_HOW_MANY}) (?P<a>.+?) (?:does|do) @ {_SHOW}",
    rf"(?:{_HOW_MANY}) (?P<a>.+?) (?:do|can|could|did) (?:you|i|we|one) (?:see|find|count|spot|detect|identify|observe|notice)(?: (?P<rest>.+))?",
    rf"(?:{_HOW_MANY}) (?P<a>.+?) can be (?:seen|found|counted|spotted|detected|identified)(?: (?P<rest>.+))?",
    rf"(?:{_HOW_MANY}) (?P<a>.+?) (?:lie|lies|exist) (?P<rest>.+)",
    rf"(?:{_HOW_MANY}) (?P<a>.+?) (?P<rest>(?:have|has|cover|covers|exceed|exceeds|measure) .+)",
)
def count(groups: Groups) -> str:
    """How many there are."""
    what = thing(f"{groups['a']} {groups.get('rest', '')}".strip())
    return tell(what, "count(found)")


@form(
    "presence",
    "Is there a ship in this picture?",
    rf"(?:is|are) there (?P<no>no )?(?P<a>.+?){_TAIL}",
    rf"there (?:is|are) (?P<no>no )?(?P<a>.+?){_TAIL}",
    rf"(?:does|do|did) @ {_SHOW} (?P<no>no )?(?P<a>.+?)(?: (?:in|on) it)?",
    rf"@ {_SHOW}s (?P<a>.+)",
    r"contains? (?P<a>.+)",
    rf"{_SEE} (?:any |some )?(?P<no>no )?(?P<a>.+?)(?: (?:in|on) @)?",
    r"(?:is|are|was|were) (?P<a>.+?) (?:present|visible|shown|depicted|existing|existent|there|available|detectable|in @|on @)(?: in @)?",
    r"(?:can|could) (?P<a>.+?) be (?:seen|found|spotted|detected|identified|observed|made out|located)(?: in @)?",
    r"(?:do|does) (?P<a>.+?) (?:exist|occur|appear|show up)(?: in @)?",
    r"(?:is there )?(?:presence|existence|evidence|sign|signs) of (?P<a>.+)",
    r"(?:check|look|search) (?:for|whether there is|whether there are|if there is|if there are) (?P<a>.+)",
    r"any (?P<a>.+?)(?: in @| visible| present)?",
    r"(?P<a>.+?) (?:present|visible)",
    r"(?:is|are) (?P<a>.+?) (?:seen|found|located)(?: in @)?",
    r"(?:is|are) (?:any|some) (?P<rel>.+)",
)
def presence(groups: Groups) -> str:
    """Whether there is one."""
    text = groups.get("a") or groups.get("rel") or ""
    if text.startswith(("more ", "less ", "fewer ", "as many ")):
        raise NotUnderstood(text)
    return exists(thing(text), no=bool(groups.get("no")))


@form("presence", "Is the school next to a river?", r"(?:is|are|do|does) (?P<a>.+)")
def relation(groups: Groups) -> str:
    """Whether a thing lies where the question says: the phrase must hold a place or a relation."""
    if groups["a"].startswith(("all ", "every ", "each ", "most ")):
        raise NotUnderstood(groups["a"])  # whether there is one is not what was asked
    what = thing(groups["a"])
    if what.superlative:
        return _superlative_in(what)
    if what.is_bare or not (what.region or any(not wrap.startswith(ADJECTIVES) for wrap in what.wraps)):
        raise NotUnderstood(groups["a"])
    return exists(what)


def _superlative_in(what: Thing) -> str:
    """Whether the largest of all lies in a part: not the largest of that part."""
    if what.wraps or not what.region:
        raise NotUnderstood(what.one)
    alone = replace(what, region="", place="")
    return program(alone.find(), f"exists(within(found, {what.region}))", f"the {alone.one} is in the {{where(found)}}")
