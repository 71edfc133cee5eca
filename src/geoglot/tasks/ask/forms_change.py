"""Forms about two dates of one place: what was built, what is gone, what grew."""

from __future__ import annotations

import re

from geoglot.tasks.ask.forms import Groups, form, program, said
from geoglot.tasks.ask.noun import NotUnderstood, Thing
from geoglot.tasks.ask.nouns import thing

_DONE = r"(?: (?:have|has|was|were|are|is|did|had))?(?: (?:been|there|newly|recently|now))*"
_REST = r"(?P<rest> (?:in|on|at|within) (?!@).+?)?"
_NEW = r"(?:built|added|constructed|appeared|appear|new|erected|developed|planted|created|emerged|gained)"
_GONE = r"(?:disappeared|disappear|vanished|vanish|removed|demolished|lost|gone|destroyed|torn down|missing|cut down)"
_SINCE = r"(?: (?:between|since|from|in|on|over|across|by)(?: 2| both| first| second)?(?: (?:dates|@before|@after|@|then))?(?: (?:and|to) (?:@after|now))?)?"
_GROW = (
    r"(?P<up>grow|grown|increase|increased|expand|expanded|rise|risen|gain|gained|got more|get larger|become larger)"
)
_SHRINK = r"(?P<down>shrink|shrunk|decrease|decreased|decline|declined|fall|fallen|drop|dropped|reduced|get smaller|become smaller)"
_EITHER = r"(?P<any>change|changed|differ|differed|stay the same|remain)"


def _only(what: Thing, call: str) -> str:
    """Things of one date alone; modifiers other than a region cannot be asked for."""
    if len(what.names) > 1 or what.wraps or what.when or what.superlative:
        raise NotUnderstood(what.name)
    return f'{call}("{what.name}"{what.part})'


def _call(groups: Groups) -> tuple[str, str]:
    return ("disappeared", "gone") if groups.get("gone") else ("appeared", "new")


_HOW = r"(?:how many|what is number of|number of|count)"


@form(
    "change",
    "How many buildings were built between the two dates?",
    rf"{_HOW} new (?P<a>.+?)(?: (?:are|were|is) there| have been {_NEW}| (?:were|was) {_NEW}| there are)?{_REST}{_SINCE}",
    rf"{_HOW} (?P<a>.+?){_DONE} {_NEW}{_REST}{_SINCE}",
    rf"{_HOW} (?P<a>.+?){_DONE} (?P<gone>{_GONE}){_REST}{_SINCE}",
)
def how_many_changed(groups: Groups) -> str:
    """How many things are new, or gone."""
    what, (call, how) = thing(groups["a"] + groups.get("rest", "")), _call(groups)
    return program(_only(what, call), "count(found)", f"{said(what)} {how}")


@form(
    "change",
    "Where did new buildings appear?",
    rf"where (?:did|have|has|are|is|were|was)(?: new)? (?P<a>.+?) (?:been )?{_NEW}{_SINCE}",
    rf"where (?:did|have|has|are|is|were|was) (?P<a>.+?) (?:been )?(?P<gone>{_GONE}){_SINCE}",
    rf"where (?:are|is) new (?P<a>.+?){_SINCE}",
    rf"(?:show|find|list|locate|highlight|mark|point out|point to)(?: all)? new (?P<a>.+?){_SINCE}",
    rf"(?:which|what) new (?P<a>.+?)(?: (?:are|is) there| there (?:are|is))?{_SINCE}",
    rf"(?:which|what) (?P<a>.+?){_DONE} {_NEW}{_SINCE}",
    rf"(?:which|what) (?P<a>.+?){_DONE} (?P<gone>{_GONE}){_SINCE}",
)
def where_changed(groups: Groups) -> str:
    """Where things are new, or gone."""
    what, (call, how) = thing(groups["a"]), _call(groups)
    return program(_only(what, call), "where(found)", f"{how} {what.many}: {{where(found)}}")


@form(
    "change",
    "Were any buildings removed?",
    rf"(?:did|have|has|are|is|were|was)(?: there)?(?: any)?(?: new)? (?P<a>.+?) (?:been )?{_NEW}{_SINCE}",
    rf"(?:did|have|has|are|is|were|was)(?: there)? (?P<a>.+?) (?:been )?(?P<gone>{_GONE}){_SINCE}",
    rf"(?:are|is|were) there(?: any)? new (?P<a>.+?){_SINCE}",
)
def did_change(groups: Groups) -> str:
    """Whether things are new, or gone."""
    what, (call, how) = thing(groups["a"]), _call(groups)
    return program(_only(what, call), "exists(found)", f"{said(what)} {how}")


@form(
    "change",
    "How much area do new buildings cover?",
    rf"(?:what is )?(?:total )?(?:area|surface|extent|size) (?:of|covered by|occupied by) new (?P<a>.+?){_SINCE}",
    rf"how much (?:area|land|ground|space) (?:do|does|is|are) (?:covered by )?new (?P<a>.+?)(?: cover| occupy| take up)?{_SINCE}",
)
def area_of_new(groups: Groups) -> str:
    """How much ground new things cover."""
    what = thing(groups["a"])
    lines = [f"found = {_only(what, 'appeared')}", "area = area_m2(found)"]
    return "\n".join([*lines, f'answer(area, f"new {what.covers} {{amount(area, \'m²\')}}", "m²", evidence=found)'])


_AREA = r"(?:area of |area covered by |size of |extent of |surface of )"
_NUMBER = r"(?:number of |amount of |count of )"


@form(
    "change",
    "Has the forest grown?",
    rf"(?:has|have|did|is|are) (?P<number>{_NUMBER})?(?:{_AREA})?(?P<a>.+?) (?:{_GROW}|{_SHRINK}|{_EITHER})(?: in (?:size|area|extent))?{_SINCE}",
    r"(?:is|are) there (?:(?P<up>more)|(?P<down>less|fewer)) (?P<a>.+?)(?: (?:now|in @after|today|on @after))?(?: than)(?: (?:before|in @before|on @before|earlier|previously))?(?: in @before)?",
    rf"(?:is|are) (?P<number>{_NUMBER})?(?:{_AREA})?(?P<a>.+?) (?:in |on )?@after (?:(?P<up>larger|greater|higher|bigger)|(?P<down>smaller|lower)) than (?:in |on )?@before",
    rf"(?:is|are) (?P<number>{_NUMBER})?(?:{_AREA})?(?P<a>.+?) (?:(?P<up>larger|greater|higher|bigger)|(?P<down>smaller|lower)) (?:now |in @after |on @after )?than (?:before|in @before|on @before|earlier)",
)
def has_grown(groups: Groups) -> str:
    """Whether there is more of a thing on the second date; by area, or by number where the question says so."""
    what = thing(groups["a"])
    if not what.is_bare and (what.wraps or what.when or what.superlative):
        raise NotUnderstood(groups["a"])
    sign = ">" if groups.get("up") else "<" if groups.get("down") else "!="
    old = _dated(what, "before")
    new = _dated(what, "after")
    if groups.get("number"):
        compared, counts = (
            f"count(new) {sign} count(old)",
            f"{{say(count(old), '{what.name}')}} before, {{say(count(new), '{what.name}')}} after",
        )
    else:
        compared, counts = (
            f"share(new) {sign} share(old)",
            f"{what.covers} {{share(old):.1%}} before, {{share(new):.1%}} after",
        )
    return f'old = {old}\nnew = {new}\nanswer({compared}, f"{counts}", evidence=together(old, new))'


@form(
    "change",
    "How much forest was lost?",
    rf"(?:by )?how much (?:has|have|did|is) (?:{_AREA})?(?P<a>.+?) (?:{_GROW}|{_SHRINK}|{_EITHER})(?: in (?:size|area|extent))?{_SINCE}",
    rf"how much (?P<a>.+?){_DONE} (?P<up>gained|{_NEW}){_SINCE}",
    rf"how much (?P<a>.+?){_DONE} (?P<down>{_GONE}){_SINCE}",
    rf"(?:what is )?(?:change|difference) (?:in|of) (?:{_AREA})?(?P<a>.+?){_SINCE}",
    rf"how (?:has|have|did) (?:{_AREA})?(?P<a>.+?) (?P<any>changed|change|developed|evolved){_SINCE}",
)
def how_much_changed(groups: Groups) -> str:
    """How many square metres more, or less, a thing covers on the second date."""
    text = groups["a"]
    if re.match(_NUMBER, text):
        return _difference(thing(re.sub(rf"^{_NUMBER}", "", text)))
    what = thing(text)
    if len(what.names) > 1 or what.wraps or what.when or what.superlative:
        raise NotUnderstood(text)
    sign = "-" if groups.get("down") else ""
    return (
        f'grown = change("{what.name}"{what.part})\n'
        'more = "less" if grown < 0 else "more"\n'
        f'answer({sign}grown, f"{what.covers} {{amount(abs(grown), \'m²\')}} {{more}} than before", "m²", '
        f"evidence=together({_dated(what, 'before')}, {_dated(what, 'after')}))"
    )


def _difference(what: Thing) -> str:
    if what.wraps or what.when or what.superlative:
        raise NotUnderstood(what.name)
    return (
        f"old = {_dated(what, 'before')}\nnew = {_dated(what, 'after')}\n"
        f"answer(count(new) - count(old), f\"{{say(count(old), '{what.name}')}} before, "
        f"{{say(count(new), '{what.name}')}} after\", evidence=together(old, new))"
    )


def _dated(what: Thing, when: str) -> str:
    return f'find("{what.names[0]}", {when}({what.region}))'
