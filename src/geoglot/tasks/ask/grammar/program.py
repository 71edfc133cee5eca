"""Parts of programs: what finds a thing, and the last line, which answers with an English sentence."""

from __future__ import annotations

from dataclasses import replace

from geoglot.tasks.ask.grammar.lexicon import AREAS, uncountable
from geoglot.tasks.ask.grammar.noun import SIDES, Between, Coloured, Filter, Related, Shaped, Sized, Thing


def find(thing: Thing, *, clip: bool = False) -> str:
    """The expression that finds a thing; with `clip`, its part of the scene is left to what measures it."""
    inside = "" if clip else part(thing)
    where = f", {thing.when}({inside.removeprefix(', ')})" if thing.when else inside
    found, *others = [f'find("{name}"{where})' for name in thing.names]
    for other in others:
        found = f"together({found}, {other})"
    for one in thing.filters:
        found = _filtered(found, one)
    return f"{thing.superlative}({found})" if thing.superlative else found


def _filtered(found: str, one: Filter) -> str:
    match one:
        case Sized():
            found = f"larger({found}, {one.least:.12g})" if one.least else found
            return f"smaller({found}, {one.below:.12g})" if one.below else found
        case Shaped():
            return f'shaped({found}, "{one.shape}")'
        case Coloured():
            return f'coloured({found}, "{one.colour}")'
        case Between():
            return f"within({found}, between({find(one.one)}, {find(one.other)}))"
        case Related(how=how) if how in SIDES:
            return f'towards({found}, "{how}", {find(one.other)})'
        case Related():
            far = f", {one.metres:.12g}" if one.metres else ""
            return f"{one.how}({found}, {find(one.other)}{far})"


def part(thing: Thing) -> str:
    """The part of the scene as a last argument, or nothing."""
    return f', part("{thing.part}")' if thing.part else ""


def ground(thing: Thing) -> tuple[str, str]:
    """The expression that finds what is measured, and the region in which it is, as a last argument.

    A thing that is picked by its size or as the nearest is measured whole: the largest forest within 100 m of a river
    is the largest of those. Of all forest within 100 m of a river, the ground within 100 m counts.
    """
    last = thing.filters[-1] if thing.filters else None
    sized = any(isinstance(one, Sized) for one in thing.filters)
    if thing.superlative or any(isinstance(one, Related) and one.how == "nearest" for one in thing.filters):
        return find(thing), ""
    if isinstance(last, Related) and last.how == "near" and uncountable(thing.name) and not sized:
        return find(replace(thing, filters=thing.filters[:-1])), f", around({find(last.other)}, {last.metres:.12g})"
    return find(thing, clip=True), part(thing)


def per_unit(unit: str) -> str:
    """What turns square metres into a unit."""
    return "" if unit == "m²" else f" / {AREAS[unit]:.12g}"


def answer(*lines: str, value: str, sentence: str, unit: str = "", evidence: str = "found") -> str:
    """A program of some lines that answers with a value; the sentence may hold expressions in braces."""
    said = f'f"{sentence}"' if "{" in sentence else f'"{sentence}"'
    parts = [value, said, f'"{unit}"' if unit else "", f"evidence={evidence}" if evidence else ""]
    return "\n".join([*lines, f"answer({', '.join(text for text in parts if text)})"])


def there_are(thing: Thing, variable: str = "found") -> str:
    """A clause: "there are 3 ships in the left half"."""
    return f"{{there_are(count({variable}), '{thing.name}')}} {thing.rest}".strip()


def number(thing: Thing, variable: str = "found") -> str:
    """A number of things: "3 ships in the left half"."""
    return f"{{say(count({variable}), '{thing.name}')}} {thing.rest}".strip()


def percent(value: str) -> str:
    """A share of 1 in percent: "8.1 %"."""
    return f"{{100 * {value}:.1f}} %"


def covers(thing: Thing) -> str:
    """The plural with its verb: "houses cover", "forest covers"."""
    return f"{thing.many} {'covers' if thing.single else 'cover'}"


def two(first: Thing, second: Thing) -> list[str]:
    """The lines that find two things."""
    return [f"first = {find(first)}", f"second = {find(second)}"]
