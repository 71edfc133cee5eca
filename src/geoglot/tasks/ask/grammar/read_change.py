"""Readers of questions about two dates of one place: what is new, what is gone, what grew."""

from __future__ import annotations

from dataclasses import replace

from geoglot.tasks.ask.grammar.patterns import Groups
from geoglot.tasks.ask.grammar.queries import Query, amount, covers, find, number, part, per_unit, percent, there_are
from geoglot.tasks.ask.grammar.read_things import one_name


def changed(groups: Groups) -> Query:
    """What is new or gone on the second date; `ask` is count, exists, where or area_m2."""
    what, ask = one_name(f"{groups['a']} {groups['rest']}"), groups["ask"]
    new = replace(what, names=(f"new {what.name}",))
    sentence = f"{number(what)} disappeared" if groups["gone"] else there_are(new)
    sentence += ", {placed(found)}" if ask == "where" else ""
    sentence = f"{covers(new)} {amount('area_m2(found)', 'm²')}" if ask == "area_m2" else sentence
    call = f'{"disappeared" if groups["gone"] else "appeared"}("{what.name}"{part(what.part)})'
    return Query({"found": call}, f"{ask}(found)", sentence, "m²" if ask == "area_m2" else "")


def grown(groups: Groups) -> Query:
    """Is there more, or less, on the second date? By area, or by number if the question says so."""
    what, by = one_name(groups["a"]), "count" if groups["number"] else "share"
    old, new = (replace(what, when=when) for when in ("before", "after"))
    how = "-" if groups["ask"] == "number" else ">" if groups["up"] else "<" if groups["down"] else "!="
    sentence = f"{covers(what)} {percent('share(new)')} of the scene now, and {percent('share(old)')} before"
    if by == "count":
        sentence = f"the number of {what.many} was {{count(old)}} before and is {{count(new)}} now"
    return Query({"old": old, "new": new}, f"{by}(new) {how} {by}(old)", sentence, evidence="together(old, new)")


def growth(groups: Groups) -> Query:
    """How much more, or less, there is on the second date, by area or by number."""
    if groups["number"]:
        return grown(Groups(groups, ask="number"))
    what, unit = one_name(groups["a"]), groups["unit"] or "m²"
    old, new = (find(replace(what, when=when)) for when in ("before", "after"))
    sentence = f"{covers(what)} {amount(f'abs(grown){per_unit(unit)}', unit)} {{more}} than before"
    found = {"grown": f'change("{what.name}"{part(what.part)})', "more": '"less" if grown < 0 else "more"'}
    value = f"{'-' if groups['down'] else ''}grown{per_unit(unit)}"
    return Query(found, value, sentence, unit, evidence=f"together({old}, {new})")
