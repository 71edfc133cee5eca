"""Queries that measure: areas, shares, lengths and distances.

Each query knows the program that answers it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from geoglot.tasks.ask.grammar.lexicon import AREAS, uncountable
from geoglot.tasks.ask.grammar.noun import Thing
from geoglot.tasks.ask.grammar.program import answer, covers, find, ground, part, per_unit, percent, there_are, two
from geoglot.tasks.ask.grammar.queries import Query, of_all

_BOTH = "together(first, second)"
Bound = tuple[str, float]


@dataclass(frozen=True)
class Area(Query):
    """How much ground does a thing cover? With a bound in m²: is it more, or less?"""

    thing: Thing
    unit: str = "m²"
    bound: Bound | None = None

    def program(self) -> str:
        found, where = ground(self.thing)
        lines = [f"found = {found}", f"area = area_m2(found{where}){per_unit(self.unit)}"]
        sentence = f"{covers(self.thing)} {{amount(area, '{self.unit}')}}"
        if self.bound:
            return answer(*lines, value=f"area {self.bound[0]} {self.bound[1]:.12g}", sentence=sentence)
        if not where and not self.thing.when:
            sentence += f", {percent('share(found)')} of the scene"
        return answer(*lines, value="area", sentence=sentence, unit=self.unit)


@dataclass(frozen=True)
class MeanArea(Query):
    """How large is a thing on average?"""

    thing: Thing
    unit: str

    def program(self) -> str:
        lines = [f"found = {find(self.thing)}", f"area = area_m2(found) / count(found){per_unit(self.unit)}"]
        sentence = f"{there_are(self.thing)}, of {{amount(area, '{self.unit}')}} on average"
        return answer(*lines, value="area", sentence=sentence, unit=self.unit)


@dataclass(frozen=True)
class PartArea(Query):
    """How large is a part of the scene, or the whole scene?"""

    part: str
    unit: str

    def program(self) -> str:
        region = f'part("{self.part}")' if self.part else "whole()"
        sentence = f"the {self.part or 'scene'} covers {{amount(area, '{self.unit}')}}"
        line = f"area = region_area_m2({region}){per_unit(self.unit)}"
        return answer(line, value="area", sentence=sentence, unit=self.unit, evidence="")


@dataclass(frozen=True)
class Density(Query):
    """How many are there per ha, km² or m²?"""

    thing: Thing
    unit: str

    def program(self) -> str:
        region, unit = part(self.thing).removeprefix(", ") or "whole()", f"per {self.unit}"
        line = f"density = count(found) / region_area_m2({region}) * {AREAS[self.unit]:.12g}"
        sentence = f"{there_are(self.thing)}, {{amount(density, '{unit}')}}"
        return answer(f"found = {find(self.thing)}", line, value="density", sentence=sentence, unit=unit)


@dataclass(frozen=True)
class Share(Query):
    """What share of the scene, or of a part, does a thing cover? With a bound: is it more, or less?"""

    thing: Thing
    bound: Bound | None = None

    def program(self) -> str:
        lines = [f"found = {find(self.thing, clip=True)}", f"part_covered = share(found{part(self.thing)})"]
        subject = covers(replace(self.thing, part=""))
        sentence = f"{subject} {percent('part_covered')} of the {self.thing.part or 'scene'}"
        if self.bound:
            return answer(*lines, value=f"part_covered {self.bound[0]} {self.bound[1]:.6g}", sentence=sentence)
        return answer(*lines, value="100 * part_covered", sentence=sentence, unit="%")


@dataclass(frozen=True)
class ShareOf(Query):
    """What percentage of the things, by number, are also `some`? Of what cannot be counted, by area in a part.

    With `most`: is it more than half?
    """

    every: Thing
    some: Thing
    most: bool = False

    def program(self) -> str:
        if not uncountable(self.every.name):
            return of_all(self.every, self.some, "100 * count(found) / count(every)", "%")
        lines = [f"found = {find(self.every)}", f"inside_m2 = area_m2(found{part(self.some)})", "all_m2 = area_m2(found)"]
        inside = f"{{amount(inside_m2, 'm²')}} of the {{amount(all_m2, 'm²')}} of {self.every.name}"
        sentence = f"{inside} are in the {self.some.part}"
        if self.most:
            return answer(*lines, value="2 * inside_m2 > all_m2", sentence=sentence)
        return answer(*lines, value="100 * inside_m2 / all_m2", sentence=sentence, unit="%")


@dataclass(frozen=True)
class CompareAreas(Query):
    """Two things by area: > or <, the "difference" in m², or "which" covers more."""

    how: str
    one: Thing
    other: Thing

    def program(self) -> str:
        one, other, lines = self.one, self.other, two(self.one, self.other)
        if self.how == "difference":
            areas = "{amount(area_m2(first), 'm²')}", "{amount(area_m2(second), 'm²')}"
            sentence = f"{covers(one)} {areas[0]} and {other.many} {areas[1]}"
            value = "area_m2(first) - area_m2(second)"
            return answer(*lines, value=value, sentence=sentence, unit="m²", evidence=_BOTH)
        value = f"share(first) {self.how} share(second)"
        if self.how == "which":
            value = f'which_is_larger({{"{one.name}": share(first), "{other.name}": share(second)}})'
        shares = f"{percent('share(first)')} of the scene and {other.many} {percent('share(second)')}"
        return answer(*lines, value=value, sentence=f"{covers(one)} {shares}", evidence=_BOTH)


@dataclass(frozen=True)
class CompareAreaInParts(Query):
    """The area of a thing in two parts of the scene: > or <, or "which" part has more."""

    how: str
    thing: Thing
    first: str
    second: str

    def program(self) -> str:
        areas = {"first": self.first, "second": self.second}
        lines = [f'{name} = area_m2(found, part("{place}"))' for name, place in areas.items()]
        value = f"first {self.how} second"
        if self.how == "which":
            value = f'which_is_larger({{"{self.first}": first, "{self.second}": second}})'
        sentence = " and ".join(f"{{amount({name}, 'm²')}} in the {place}" for name, place in areas.items())
        return answer(f"found = {find(self.thing)}", *lines, value=value, sentence=f"{covers(self.thing)} {sentence}")


@dataclass(frozen=True)
class Dominant(Query):
    """Which of several land covers covers most?"""

    names: tuple[str, ...]

    def program(self) -> str:
        lines = [f'shares["{name}"] = share(find("{name}"))' for name in self.names]
        sentence = f"of {', '.join(self.names[:-1])} and {self.names[-1]}, {{winner}} covers most"
        lines = ["shares = {}", *lines, "winner = which_is_larger(shares)"]
        return answer(*lines, value="winner", sentence=sentence, evidence="")


@dataclass(frozen=True)
class Length(Query):
    """How long is the longest in m or km? With a bound in metres: is it longer, or shorter?"""

    thing: Thing
    unit: str = "m"
    bound: Bound | None = None

    def program(self) -> str:
        value = "length_m(found) / 1000" if self.unit == "km" else "length_m(found)"
        subject = self.thing.one if self.thing.superlative else f"the longest of the {self.thing.many}"
        sentence = f"{subject} is {{amount({value}, '{self.unit}')}} long"
        if self.bound:
            value = f"{value} {self.bound[0]} {self.bound[1]:.12g}"
        unit = "" if self.bound else self.unit
        return answer(f"found = {find(self.thing)}", value=value, sentence=sentence, unit=unit)


@dataclass(frozen=True)
class Perimeter(Query):
    """How long are the outlines of a thing?"""

    thing: Thing

    def program(self) -> str:
        outline = "outline" if self.thing.single else "outlines"
        verb = "is" if self.thing.single else "are"
        sentence = f"the {outline} of {self.thing.many} {verb} {{amount(perimeter_m(found), 'm')}} long"
        return answer(f"found = {find(self.thing)}", value="perimeter_m(found)", sentence=sentence, unit="m")


@dataclass(frozen=True)
class Distance(Query):
    """How far apart are the nearest edges of two things, in m or km?"""

    one: Thing
    other: Thing
    unit: str

    def program(self) -> str:
        value = "gap / 1000" if self.unit == "km" else "gap"
        said = f"{{amount({value}, '{self.unit}')}} between the nearest of {self.one.many} and {self.other.many}"
        evidence = "together(nearest(first, second), nearest(second, first))"
        lines = [*two(self.one, self.other), "gap = distance_m(first, second)"]
        return answer(*lines, value=value, sentence=f"there are {said}", unit=self.unit, evidence=evidence)


@dataclass(frozen=True)
class Nearest(Query):
    """Where is the thing that is nearest to another, and how far is it?"""

    thing: Thing
    other: Thing

    def program(self) -> str:
        lines = [f"others = {find(self.other)}", f"found = nearest({find(self.thing)}, others)"]
        sentence = f"the {' '.join([self.thing.name, self.thing.rest]).strip()} nearest to {self.other.one}"
        sentence += " is {placed(found)}, {amount(distance_m(found, others), 'm')} away"
        return answer(*lines, value="where(found)", sentence=sentence)


@dataclass(frozen=True)
class Nearer(Query):
    """Which of two things is nearer to a third?"""

    one: Thing
    two: Thing
    other: Thing

    def program(self) -> str:
        one, other = self.one.name, self.two.name
        lines = [f"others = {find(self.other)}", *two(self.one, self.two)]
        lines += ["one, two = distance_m(first, others), distance_m(second, others)"]
        lines += [f'winner = "{one}" if one < two else "{other}" if two < one else "equal"']
        said = f"the {one} is {{amount(one, 'm')}} and the {other} {{amount(two, 'm')}} away from {self.other.one}"
        return answer(*lines, value="winner", sentence=said, evidence=_BOTH)
