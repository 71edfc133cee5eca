"""Readers of questions about two dates of one place: what is new, what is gone, what grew."""

from dataclasses import replace

from geoglot.nouns import uncountable
from geoglot.tasks.ask.grammar.noun import Between, Coloured, Filter, NotUnderstood, Related, Shaped, Thing
from geoglot.tasks.ask.grammar.noun_phrase import thing
from geoglot.tasks.ask.grammar.patterns import Groups
from geoglot.tasks.ask.grammar.queries import (
    Query,
    amount,
    covers,
    difference,
    find,
    number,
    part,
    per_unit,
    percent,
    there_are,
)
from geoglot.tasks.ask.grammar.read_things import one_name


def changed(groups: Groups) -> Query:
    """The things that are new or gone on the second date; `ask` is count, exists, where or area_m2."""
    text, ask = f"{groups['a']} {groups['rest']}", groups["ask"]
    what, seen = thing(text), "before" if groups["gone"] else "after"
    if len(what.names) > 1 or what.when or what.superlative:
        raise NotUnderstood(text.strip())
    what = replace(what, filters=tuple(_seen(one, seen) for one in what.filters))
    others = tuple(one for one in what.filters if not isinstance(one, Shaped | Coloured))
    new = replace(what, names=(f"new {what.noun}",), filters=others)
    sentence = f"{number(what)} disappeared" if groups["gone"] else there_are(new)
    sentence += ", {placed(found)}" if ask == "where" else ""
    sentence = f"{covers(new)} {amount('area_m2(found)', 'm²')}" if ask == "area_m2" else sentence
    call = find(replace(what, when="disappeared" if groups["gone"] else "appeared"))
    return Query({"found": call}, f"{ask}(found)", sentence, "m²" if ask == "area_m2" else "")


def _seen(one: Filter, when: str) -> Filter:
    match one:
        case Between():
            return Between(replace(one.one, when=when), replace(one.other, when=when))
        case Related():
            return replace(one, other=replace(one.other, when=when))
    return one


def grown(groups: Groups) -> Query:
    """Is there more, or less, on the second date? By area, or by number if the question says so."""
    what = _named(groups)
    by_number = groups["number"] or (groups["there"] and not uncountable(what.name))
    old, new = ("count(old)", "count(new)") if by_number else ("old", "new")
    value = f"{new} {'>' if groups['up'] else '<' if groups['down'] else '!='} {old}"
    if groups["ask"] in ("number", "percent"):
        value = f"{old} - {new}" if groups["down"] else f"{new} - {old}"
    value = f"100 * ({value}) / {old}" if groups["ask"] == "percent" else value
    unit = "%" if groups["ask"] == "percent" else ""
    if by_number:
        sentence = f"the number of {what.plural} was {{count(old)}} before and is {{count(new)}} now"
        things = {"old": replace(what, when="before"), "new": replace(what, when="after")}
        return Query(things, value, sentence, unit, evidence="together(old, new)")
    sentence = f"{covers(what)} {percent('new')} of the {what.part or 'scene'} now, and {percent('old')} before"
    return Query(_on_both("cover", what), value, sentence, unit, evidence=_changed(what))


def _named(groups: Groups) -> Thing:
    """The name, and the part of the scene that stands before or after the verb."""
    return one_name(f"{groups['a']} {groups['rest']}")


def _on_both(word: str, what: Thing) -> dict[str, Thing | str]:
    """What a word says of a thing on the first and on the second date."""
    inside = part(what.part).removeprefix(", ")
    return {name: f'{word}("{what.name}", {when}({inside}))' for name, when in (("old", "before"), ("new", "after"))}


def _changed(what: Thing) -> str:
    """The ground that a thing gained or lost."""
    return f'changed("{what.name}"{part(what.part)})'


def lost_part(groups: Groups) -> Query:
    """What percentage is gone: of the things, by number, and of forest by area."""
    what = one_name(groups["a"])
    if groups["cleared"] and not uncountable(what.name):
        raise NotUnderstood("cleared")  # a road that is cleared is still there
    if uncountable(what.name):
        return grown(Groups(groups, ask="percent", down="gone"))
    every, gone = replace(what, when="before"), replace(what, when="disappeared")
    sentence = f"{there_are(what, 'every')} on the first date, {{count(found)}} of them disappeared"
    return Query({"every": every, "found": gone}, "100 * count(found) / count(every)", sentence, "%")


def per_date(groups: Groups) -> Query:
    """How much there is on each of the dates, and how much more that is on the second."""
    what, unit = one_name(groups["a"]), groups["unit"] or "m²"
    scale = per_unit(unit)
    value = f"(new - old){scale}" if scale else "new - old"
    old, new = (amount(f"{area}{scale}", unit) for area in ("old", "new"))
    sentence = f"{covers(what)} {old} on the first date and {new} on the second: {difference(value, unit)}"
    return Query(_on_both("cover_m2", what), value, sentence, unit, evidence=_changed(what))


def growth(groups: Groups) -> Query:
    """How much more, or less, there is on the second date, by area or by number."""
    if groups["number"] or groups["percent"]:
        return grown(Groups(groups, ask="percent" if groups["percent"] else "number"))
    what, unit = _named(groups), groups["unit"] or "m²"
    more = f"grown{per_unit(unit)}"
    sentence = f"{covers(what)} {difference(more, unit)} than before"
    value = f"{'-' if groups['down'] else ''}{more}"
    found = {"grown": f'change("{what.name}"{part(what.part)})'}
    return Query(found, value, sentence, unit, evidence=_changed(what))
