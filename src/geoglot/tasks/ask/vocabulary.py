"""The vision vocabulary: all that a program can call. Every call is recorded, checked and counted.

The docstrings and signatures of the functions marked `word` are what a language model reads, and what programs are
type-checked against (`stubs.py`): they are part of the program text of every prompt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar

import shapely

from geoglot.figures import format_number
from geoglot.tasks.ask import arguments as given
from geoglot.tasks.ask.ground import is_shape
from geoglot.tasks.ask.lexicon import COLOURS, THEMES, counted
from geoglot.tasks.ask.limits import Budget
from geoglot.tasks.ask.scene_things import Objects, Region, Scene, SceneObject
from geoglot.tasks.ask.view import MOST_NAMES, View

Value = bool | int | float | str
Call = TypeVar("Call", bound=Callable[..., Any])

WORDS: dict[str, Callable[..., Any]] = {}
"""What a program can call, by name."""

_SHAPES = ("square", "rectangular", "circular")
_SIDES = ("left", "right", "above", "below")
_LONGEST_TEXT = 1000
_PHRASES = ("amount",)  # words that ask nothing of the scene, and so are not recorded
_NEAREST_PART = 0.6  # of the things that must lie in one ninth for "where" to name it


@dataclass(frozen=True)
class Record:
    """One call of a program."""

    name: str
    arguments: tuple[str, ...]
    """In words."""
    result: str
    objects: tuple[SceneObject, ...] = ()
    """The things that came out of it."""
    region: Region | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """What a program answered."""

    value: Value
    unit: str
    sentence: str
    objects: tuple[SceneObject, ...]


def word(call: Call) -> Call:
    """A function of the vocabulary: budgeted and recorded, and its errors told in one sentence."""

    @wraps(call)
    def wrapped(self: Vocabulary, *args: Any, **kwargs: Any) -> Any:
        self.view.budget.call()
        result = call(self, *args, **kwargs)
        if call.__name__ not in _PHRASES:
            self.note(call.__name__, [*args, *kwargs.values()], result)
        return result

    WORDS[call.__name__] = wrapped
    return wrapped  # type: ignore[return-value]


class Vocabulary:
    """The words over one scene, or over two dates of one place, for one program."""

    def __init__(
        self,
        scene: Scene,
        after: Scene | None,
        budget: Budget,
        pixel_m: float | None = None,
        themes: tuple[str, ...] = THEMES,
    ) -> None:
        self.view, self._themes = View(scene, after, budget, pixel_m), themes
        self.records: list[Record] = []
        self.reply: Reply | None = None

    def calls(self) -> dict[str, Callable[..., Any]]:
        """The words as functions, bound to this scene."""
        return {name: call.__get__(self) for name, call in WORDS.items()}

    def note(self, name: str, arguments: Sequence[Any], result: Any) -> None:
        """Keep what a call was given and what came of it."""
        things = result.things if isinstance(result, Objects) else result if isinstance(result, list) else ()
        self.view.budget.keep(len(things))
        self.records.append(
            Record(
                name, tuple(map(given.said, arguments)), given.said(result),
                result.things if isinstance(result, Objects) else (),
                result if isinstance(result, Region) else None,
                self.view.odds if name in ("classify", "theme", "looks_like") else {},
            )
        )  # fmt: skip

    @word
    def whole(self) -> Region:
        """The whole scene."""
        return Region("the scene", self.view.ground.whole)

    @word
    def part(self, name: str) -> Region:
        """A named part: "upper left quarter", "north-west quarter", "left half", "lower third", "centre"."""
        known = given.text(name, "the name of a part").lower()
        return Region(f"the {known}", self.view.ground.part(known))

    @word
    def before(self, region: Region | None = None) -> Region:
        """The scene, or a region of it, on the first of two dates."""
        return self.view.dated(region, "before")

    @word
    def after(self, region: Region | None = None) -> Region:
        """The scene, or a region of it, on the second of two dates."""
        return self.view.dated(region, "after")

    @word
    def around(self, objects: Objects, metres: int | float) -> Region:
        """All ground within so many metres of any of the objects."""
        things, metres = given.some(objects), given.length(metres, "a distance")
        outline = self.view.widened(things, self.view.ground.units(metres))
        return Region(f"within {metres:,g} m of {given.names(things)}", outline, touching=True)

    @word
    def between(self, objects: Objects, others: Objects) -> Region:
        """The ground between two groups of objects: the hull around both, without them."""
        these, those = given.some(objects), given.some(others)
        both = shapely.union(self.view.union(these), self.view.union(those))
        outline = shapely.difference(shapely.convex_hull(both), both)
        return Region(f"between {given.names(these)} and {given.names(those)}", outline, touching=True)

    @word
    def find(self, name: str, region: Region | None = None) -> Objects:
        """All things of this name, such as "ship", in the region (default: the whole scene). Names are singular."""
        known = given.text(name, "a name")
        within = given.region(region)
        when = within.when if within else ""
        return Objects(given.held(within, self.view.sight(known, when).objects))

    @word
    def exists(self, objects: Objects) -> bool:
        """Whether there are any."""
        return bool(given.objects(objects).things)

    @word
    def count(self, objects: Objects) -> int:
        """How many there are."""
        return len(given.objects(objects).things)

    @word
    def together(self, objects: Objects, others: Objects) -> Objects:
        """Both groups as one."""
        return Objects(tuple(dict.fromkeys([*given.objects(objects).things, *given.objects(others).things])))

    @word
    def each(self, objects: Objects) -> list[Objects]:
        """Every object on its own, to loop over."""
        return [Objects((thing,)) for thing in given.objects(objects).things]

    @word
    def larger(self, objects: Objects, than_m2: int | float) -> Objects:
        """Those of at least so many square metres."""
        return self.view.sized(objects, given.length(than_m2, "an area"), math.inf)

    @word
    def smaller(self, objects: Objects, than_m2: int | float) -> Objects:
        """Those of less than so many square metres."""
        return self.view.sized(objects, 0.0, given.length(than_m2, "an area"))

    @word
    def largest(self, objects: Objects) -> Objects:
        """The largest one; none if there are none."""
        return self.view.extreme(objects, self.view.sizes, -1)

    @word
    def smallest(self, objects: Objects) -> Objects:
        """The smallest one; none if there are none."""
        return self.view.extreme(objects, self.view.sizes, 0)

    @word
    def shaped(self, objects: Objects, shape: str) -> Objects:
        """Those of a shape: "square", "rectangular" or "circular"."""
        things = given.objects(objects).things
        wanted = given.choice(shape, _SHAPES)
        self.view.weigh(things)
        return Objects(tuple(thing for thing in things if is_shape(thing.geometry, wanted)))

    @word
    def coloured(self, objects: Objects, colour: str) -> Objects:
        """Those whose main colour is this one."""
        wanted = given.choice(colour, tuple(COLOURS))
        return Objects(tuple(one for one in given.objects(objects).things if self.view.colour(one) == wanted))

    @word
    def near(self, objects: Objects, others: Objects, metres: int | float) -> Objects:
        """Those of the objects that lie within so many metres of any of the others."""
        return self.view.close(objects, others, self.view.ground.units(given.length(metres, "a distance")))

    @word
    def beyond(self, objects: Objects, others: Objects, metres: int | float) -> Objects:
        """Those of the objects that lie farther than so many metres from all of the others."""
        close = self.view.close(objects, others, self.view.ground.units(given.length(metres, "a distance")))
        near = set(map(id, close.things))
        return Objects(tuple(thing for thing in given.objects(objects).things if id(thing) not in near))

    @word
    def beside(self, objects: Objects, others: Objects) -> Objects:
        """Those of the objects that are next to any of the others: within 25 m, or 1/20 of a picture without metres."""
        return self.view.close(objects, others, self.view.ground.beside)

    @word
    def inside(self, objects: Objects, others: Objects) -> Objects:
        """Those of the objects whose centre lies in one of the others."""
        return self.view.inside(objects, others)

    @word
    def within(self, objects: Objects, region: Region) -> Objects:
        """Those of the objects that are in a region."""
        known = given.needed(region)
        return Objects(given.held(known, given.objects(objects).things))

    @word
    def towards(self, objects: Objects, side: str, others: Objects) -> Objects:
        """Those whose centre lies "left", "right", "above" (north) or "below" (south) of the centre of any other."""
        wanted, things = given.choice(side, _SIDES), given.objects(objects).things
        axis, sign = int(wanted in ("left", "right")), 1 if wanted in ("right", "below") else -1
        around = given.objects(others).things
        if not things or not around:
            return Objects(())
        farthest = (sign * self.view.places(around)[:, axis]).min()
        there = sign * self.view.places(things)[:, axis] > farthest
        return Objects(tuple(one for one, so in zip(things, there, strict=True) if so))

    @word
    def nearest(self, objects: Objects, to: Objects) -> Objects:
        """The one of the objects that is nearest to any of the others; none where one group is empty."""
        things, others = given.objects(objects).things, given.objects(to).things
        if not things or not others:
            return Objects(())
        return self.view.extreme(objects, lambda group: self.view.gaps(group, others), 0)

    @word
    def distance_m(self, objects: Objects, others: Objects) -> float:
        """Metres between the nearest edges of two groups; 0 where they touch."""
        these, those = given.some(objects), given.some(others)
        return self.view.ground.distance(self.view.union(these), self.view.union(those))

    @word
    def area_m2(self, objects: Objects, region: Region | None = None) -> float:
        """Square metres of ground that the objects cover, in the region where one is given."""
        covered = self.view.covered(objects, given.region(region))
        return float(self.view.ground.areas([covered])[0]) if not covered.is_empty else 0.0

    @word
    def region_area_m2(self, region: Region) -> float:
        """Square metres of a region."""
        outline = given.needed(region).outline
        return float(self.view.ground.areas([outline])[0]) if not outline.is_empty else 0.0

    @word
    def length_m(self, objects: Objects) -> float:
        """Metres of the longest of the objects, end to end."""
        return float(self.view.ground.lengths([thing.geometry for thing in given.some(objects)]).max())

    @word
    def perimeter_m(self, objects: Objects) -> float:
        """Metres of the outlines of the objects, all together."""
        return float(self.view.ground.perimeters([thing.geometry for thing in given.some(objects)]).sum())

    @word
    def share(self, objects: Objects, region: Region | None = None) -> float:
        """The part of the region (default: the whole scene) that the objects cover, 0 to 1."""
        within = given.region(region)
        outline = within.outline if within else self.view.ground.whole
        covered = self.view.covered(objects, within or Region("the scene", outline))
        total = self.view.ground.sizes([outline])[0]
        return float(self.view.ground.sizes([covered])[0] / total) if total else 0.0

    @word
    def classify(self, names: list[str], region: Region | None = None) -> str:
        """Which of the names fits the region (default: the whole scene) best, as a whole."""
        return self.view.best(names, given.region(region))

    @word
    def theme(self, region: Region | None = None) -> str:
        """What the region (default: the whole scene) shows as a whole: "airport", "harbor", "forest" and so on."""
        return self.view.best(list(self._themes), given.region(region))

    @word
    def looks_like(self, name: str, region: Region | None = None) -> bool:
        """Whether this name fits the region better, as a whole, than any usual theme."""
        known = given.text(name, "a name")
        return self.view.best(list(dict.fromkeys([known, *self._themes])), given.region(region)) == known

    @word
    def which_is_larger(self, numbers: dict[str, int] | dict[str, float] | dict[str, int | float]) -> str:
        """The name of the largest number; "equal" where the largest two are equal."""
        if not isinstance(numbers, dict) or not 2 <= len(numbers) <= MOST_NAMES:
            raise TypeError("which_is_larger takes a dict of at least two names and numbers")
        sizes = {given.text(name, "a name"): given.number(value, "a number") for name, value in numbers.items()}
        first, second = sorted(sizes, key=lambda name: -sizes[name])[:2]
        return first if sizes[first] > sizes[second] else "equal"

    @word
    def compare(self, number: int | float, other: int | float) -> str:
        """ "more", "less" or "equal": the first number beside the second."""
        one, two = given.number(number, "a number"), given.number(other, "a number")
        return "equal" if one == two else "more" if one > two else "less"

    @word
    def where(self, objects: Objects) -> str:
        """Where most of the objects are, in words: "north-west", "upper left", "centre", or "spread over the scene"."""
        ninths = [self.view.ground.ninth(*place) for place in self.view.places(given.some(objects))]
        common = max(dict.fromkeys(ninths), key=ninths.count)
        return common if ninths.count(common) >= _NEAREST_PART * len(ninths) else "spread over the scene"

    @word
    def colour_of(self, objects: Objects) -> str:
        """The main colour of the objects: "red", "grey", "white" and so on."""
        colours = [self.view.colour(thing) for thing in given.some(objects)[:MOST_NAMES]]
        return max(dict.fromkeys(colours), key=colours.count)

    @word
    def appeared(self, name: str, region: Region | None = None) -> Objects:
        """Things of this name on the second date where there was none of them on the first."""
        return self.view.only(name, region, "after", "before")

    @word
    def disappeared(self, name: str, region: Region | None = None) -> Objects:
        """Things of this name on the first date where there is none of them on the second."""
        return self.view.only(name, region, "before", "after")

    @word
    def change(self, name: str, region: Region | None = None) -> float:
        """Square metres that things of this name cover more on the second date than on the first; negative for less."""
        known, within = given.text(name, "a name"), given.region(region)
        areas = []
        for when in ("before", "after"):
            dated = self.view.dated(within, when)
            covered = self.view.covered(Objects(self.view.sight(known, when).objects), dated)
            areas.append(float(self.view.ground.areas([covered])[0]) if not covered.is_empty else 0.0)
        return areas[1] - areas[0]

    @word
    def say(self, number: int, name: str) -> str:
        """A number of things in words: "no ship", "1 ship", "3 ships"."""
        if isinstance(number, bool) or not isinstance(number, int) or abs(number) > 1e15:
            raise TypeError("say takes a whole number and a name")
        return counted(number, given.text(name, "a name"))

    @word
    def amount(self, number: int | float, unit: str) -> str:
        """A measure in words, to three digits: "1,750,000 m²", "3.95 ha", "12.5 km"."""
        return f"{format_number(given.number(number, 'a number'))} {given.text(unit, 'a unit')}"

    @word
    def answer(self, value: Value, sentence: str = "", unit: str = "", evidence: Objects | None = None) -> None:
        """Give the answer, once, at the end: True or False, a number with its unit, or a text.

        The sentence says it in words; evidence is what it rests on (default: all that was found).
        """
        if self.reply is not None:
            raise ValueError("the answer was given already")
        if not isinstance(value, bool | int | float | str):
            raise TypeError("an answer is True or False, a number or a text")
        if isinstance(value, str):
            given.text(value, "an answer", _LONGEST_TEXT)
        elif not abs(value) < 1e18:
            raise ValueError("this number is no answer")
        shown = given.objects(evidence).things if evidence is not None else tuple(
            thing for record in self.records if record.name == "find" for thing in record.objects
        )  # fmt: skip
        said = given.text(sentence, "a sentence", _LONGEST_TEXT) if sentence else ""
        self.reply = Reply(value, given.text(unit, "a unit") if unit else "", said, shown)
