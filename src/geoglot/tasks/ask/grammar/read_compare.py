"""Readers of questions that compare numbers: of two things, or of one thing in two places."""

from dataclasses import replace

from geoglot.nouns import uncountable
from geoglot.tasks.ask.grammar.noun import NotUnderstood, Thing
from geoglot.tasks.ask.grammar.noun_phrase import thing
from geoglot.tasks.ask.grammar.parts import part_name
from geoglot.tasks.ask.grammar.patterns import Groups
from geoglot.tasks.ask.grammar.queries import Query, amount, covers, find, larger_of, number, part, there_are

BOTH = "together(first, second)"
_QUARTERS = ("upper left quarter", "upper right quarter", "lower left quarter", "lower right quarter")


def alike(groups: Groups) -> tuple[Thing, Thing]:
    """The phrases A and B, which are compared.

    A part that only B names counts for both: "more trees than houses in the left half". If one of them is the answer
    ("which"), each must be one name.
    """
    one, two = thing(groups["a"]), thing(groups["b"])
    if two.part and not one.part:
        if one.relations or one.when or one.superlative:
            raise NotUnderstood(groups["b"])
        one = replace(one, part=two.part)
    if one == two or (groups["ask"] == "which" and len(one.names + two.names) > 2):
        raise NotUnderstood(groups["b"])
    return one, two


def compare_parts(groups: Groups) -> Query:
    """A thing in two parts of the scene: is there more here, which part has more, how much more?"""
    what, parts = thing(groups["a"]), (part_name(groups["here"]), part_name(groups["there"]))
    if parts[0] == parts[1] or what.part or what.superlative:
        raise NotUnderstood(groups["there"])
    ground = uncountable(what.name)
    one, two = ("first", "second") if ground else ("count(first)", "count(second)")
    less = groups["more"] in ("less", "fewer", "smaller", "lower")
    value = f"{one} {'-' if groups['gap'] else '<' if less else '>'} {two}"
    value = larger_of({parts[0]: one, parts[1]: two}) if groups["ask"] == "which" else value
    if ground:
        areas = {name: f"area_m2(found{part(place)})" for name, place in zip(("first", "second"), parts, strict=True)}
        said = [f"{amount(name, 'm²')} in the {place}" for name, place in zip(areas, parts, strict=True)]
        return Query(
            {"found": what}, value, f"{covers(what)} {said[0]} and {said[1]}", "m²" if groups["gap"] else "", areas
        )
    found = {name: f"within({find(what)}{part(place)})" for name, place in zip(("first", "second"), parts, strict=True)}
    sentence = f"{there_are(what, 'first')} in the {parts[0]} and {number(what, 'second')} in the {parts[1]}"
    return Query(found, value, sentence, evidence=BOTH)


def compare_places(groups: Groups) -> Query:
    """A thing in two places, which may be parts of the scene or near other things."""
    if uncountable(thing(groups["a"]).name):
        here, there = (groups[key].partition(" ")[2] for key in ("here", "there"))
        return compare_parts(Groups(groups, here=here, there=there))
    one, two = (thing(f"{groups['a']} {groups[key]}") for key in ("here", "there"))
    if one == two:
        raise NotUnderstood(groups["there"])
    return _two_counts(one, two, "-" if groups["gap"] else ">" if groups["more"] == "more" else "<")


def _two_counts(one: Thing, two: Thing, how: str) -> Query:
    value = {
        "which": larger_of({one.plural: "count(first)", two.plural: "count(second)"}),
        "gap": "abs(count(first) - count(second))",
    }.get(how, f"count(first) {how} count(second)")
    sentence = f"{there_are(one, 'first')} and {number(two, 'second')}"
    return Query({"first": one, "second": two}, value, sentence, evidence=BOTH)


def compare_counts(groups: Groups) -> Query:
    """Are there more, fewer or as many of one thing as of another, or how many more?"""
    if " or " in groups["b"]:
        raise NotUnderstood("or")
    one, two = alike(groups)
    if groups["often"] and uncountable(one.name) and uncountable(two.name):
        raise NotUnderstood(f"{one.name} and {two.name}")  # by number of patches, or by area?
    return _two_counts(one, two, groups["ask"] or (">" if groups["up"] else "<" if groups["down"] else "=="))


def difference(groups: Groups) -> Query:
    """How far apart are two numbers, or are they the same?"""
    one, two = thing(groups["a"]), thing(groups["b"])
    if one == two or one.superlative or two.superlative or len(one.names + two.names) > 2:
        raise NotUnderstood(groups["b"])
    return _two_counts(one, two, "==" if groups["same"] else "gap")


def most_in(groups: Groups) -> Query:
    """Which quarter of the scene has the most?"""
    what = thing(groups["a"])
    if what.part or what.superlative:
        raise NotUnderstood(groups["a"])
    each = "area_m2(found{})" if uncountable(what.name) else "count(within(found{}))"
    counts = ", ".join(f'"{name}": {each.format(part(name))}' for name in _QUARTERS)
    found = {"found": what}
    compute = {"counts": f"{{{counts}}}", "winner": "which_is_larger(counts)"}
    compute["most"] = '"no quarter has the most" if winner == "equal" else f"most of them in the {winner}"'
    return Query(found, "winner", f"{there_are(what)}, {{most}}", compute=compute)
