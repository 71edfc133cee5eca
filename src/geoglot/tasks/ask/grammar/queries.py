"""A question as a value, and the program that answers it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from geoglot.nouns import SYNONYMS, uncountable
from geoglot.tasks.ask.grammar.lexicon import AREAS, LENGTHS
from geoglot.tasks.ask.grammar.noun import SIDES, Between, Coloured, Filter, Related, Shaped, Sized, Thing


@dataclass(frozen=True)
class Query:
    """Things to find by name, values computed from them, and the answer."""

    find: Mapping[str, Thing | str]
    """Things to find, or expressions that find them, by the name of their variable."""
    value: str
    """The expression of the answer's value."""
    sentence: str
    """The answer in English, with expressions in braces."""
    unit: str = ""
    compute: Mapping[str, str] = field(default_factory=dict)
    """More variables, in their order, and their expressions."""
    evidence: str = "found"

    def program(self, question: str) -> str:
        """The program that answers a question; "the river" of the question is no "a river" in its sentence."""
        lines = [f"{name} = {find(one) if isinstance(one, Thing) else one}" for name, one in self.find.items()]
        lines += [f"{name} = {expression}" for name, expression in self.compute.items()]
        sentence = _with_articles(self.sentence, set(re.findall(r'find\("([^"]+)"', "\n".join(lines))), question)
        said = f'f"{sentence}"' if "{" in sentence else f'"{sentence}"'
        unit = f'"{self.unit}"' if self.unit else ""
        evidence = f"evidence={self.evidence}" if self.find and self.evidence else ""
        return "\n".join([*lines, f"answer({', '.join(filter(None, [self.value, said, unit, evidence]))})"])


def _with_articles(sentence: str, names: set[str], question: str) -> str:
    for name in names:
        typed = "|".join([name, *(word for word, known in SYNONYMS.items() if known == name)])
        if re.search(rf"\bthe (?:{typed})(?![\w-])", question.lower()):
            sentence = re.sub(rf"\ban? {name}(?![\w-])", f"the {name}", sentence)
    return sentence


def find(thing: Thing, *, clip: bool = False) -> str:
    """The expression that finds a thing; with `clip` in the whole scene, as a measure clips it to its part."""
    inside = "" if clip else part(thing.part)
    between_dates = thing.when in ("appeared", "disappeared")
    where = f", {thing.when}({inside.removeprefix(', ')})" if thing.when and not between_dates else inside
    found, *others = [f'{thing.when if between_dates else "find"}("{name}"{where})' for name in thing.names]
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


def part(name: str) -> str:
    """A part of the scene as a last argument, or nothing."""
    return f', part("{name}")' if name else ""


def ground(thing: Thing) -> tuple[str, str]:
    """The expression that finds the things to measure, and their region as a last argument.

    A thing that is picked by its size or as the nearest is measured whole: the largest forest within 100 m of a river
    is the largest of those. Of all forest within 100 m of a river, the ground within 100 m counts.
    """
    last = thing.filters[-1] if thing.filters else None
    if thing.picked:
        return find(thing), ""
    sized = any(isinstance(one, Sized) for one in thing.filters)
    if isinstance(last, Related) and last.how == "near" and uncountable(thing.name) and not sized:
        return find(replace(thing, filters=thing.filters[:-1])), f", around({find(last.other)}, {last.metres:.12g})"
    return find(thing, clip=True), part(thing.part)


def per_unit(unit: str) -> str:
    """The division of metres or square metres by a unit, as code."""
    return "" if unit in ("m", "m²") else f" / {(AREAS | LENGTHS)[unit]:.12g}"


def amount(value: str, unit: str, word: str = "amount") -> str:
    """A measure in a sentence: "3.95 ha", "12.1 acres"."""
    return f"{{{word}({value}, '{unit}{'s' if unit in ('acre', 'mile', 'yard') else ''}')}}"


def difference(value: str, unit: str) -> str:
    """How much more or less in a sentence: "3.95 ha more", "no more and no less"."""
    return amount(value, unit, "difference")


def percent(value: str) -> str:
    """A share of 1 in a sentence: "8.1 %"."""
    return f"{{100 * {value}:.1f}} %"


def there_are(thing: Thing, variable: str = "found") -> str:
    """A clause: "there are 3 ships in the left half"."""
    return f"{{there_are(count({variable}), '{thing.noun}')}} {thing.rest}".strip()


def number(thing: Thing, variable: str = "found") -> str:
    """A number of things: "3 ships in the left half"."""
    return f"{{say(count({variable}), '{thing.noun}')}} {thing.rest}".strip()


def covers(thing: Thing) -> str:
    """The plural with its verb: "houses cover", "forest covers"."""
    return f"{thing.plural} {'covers' if thing.verb_in_singular else 'cover'}"


def larger_of(names: Mapping[str, str]) -> str:
    """The expression that gives the name of the largest number."""
    pairs = ", ".join(f'"{name}": {value}' for name, value in names.items())
    return f"which_is_larger({{{pairs}}})"
