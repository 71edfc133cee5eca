"""Words of the vocabulary that return numbers and texts. Signatures and docstrings are part of every prompt."""

from __future__ import annotations  # the stub prints annotations as they are written

import shapely

from geoglot.figures import format_number
from geoglot.nouns import counted
from geoglot.tasks.ask.arguments import dated_of, number_of, optional_region, region_of, some_of, text_of, things_of
from geoglot.tasks.ask.scene_things import Objects, Region, shapes_of
from geoglot.tasks.ask.view import MOST_NAMES, Reply, Value, View, within_region

_LONGEST_TEXT = 1000
_SPREAD = "spread over the scene"
_EQUAL = "no more and no less"
_PREPOSITIONS = {"top": "at", "bottom": "at", "left": "on", "right": "on"}  # "in" for all other places
_MOSTLY = 0.6  # share of the things that must lie in one ninth of the scene for "where" to name it


def distance_m(view: View, objects: Objects, others: Objects) -> float:
    """Metres between the nearest edges of two groups; 0 where they touch."""
    for group in (objects, others):
        some_of(group)
    return view.ground.distance(view.ground_of(objects), view.ground_of(others))


def area_m2(view: View, objects: Objects, region: Region | None = None) -> float:
    """Square metres of ground that the objects cover, in the region where one is given."""
    return view.measure_area(view.covered(objects, optional_region(region)))


def region_area_m2(view: View, region: Region) -> float:
    """Square metres of a region."""
    return view.measure_area(region_of(region).outline)


def length_m(view: View, objects: Objects) -> float:
    """Metres of the longest of the objects, end to end."""
    return float(view.ground.lengths(shapes_of(some_of(objects))).max())


def perimeter_m(view: View, objects: Objects) -> float:
    """Metres of the outlines of the objects, all together."""
    return float(view.ground.perimeters(shapes_of(some_of(objects))).sum())


def share(view: View, objects: Objects, region: Region | None = None) -> float:
    """The part of the region (default: the whole scene) that the objects cover, 0 to 1."""
    within = optional_region(region)
    outline = within.outline if within else view.ground.whole
    covered = view.covered(objects, within or Region("the scene", outline))
    total = view.ground.sizes([outline])[0]
    return float(view.ground.sizes([covered])[0] / total) if total else 0.0


def classify(view: View, names: list[str], region: Region | None = None) -> str:
    """Which of the names fits the region (default: the whole scene) best, as a whole."""
    return view.best(names, region)


def theme(view: View, region: Region | None = None) -> str:
    """What the region (default: the whole scene) shows as a whole: "airport", "harbor", "forest" and so on."""
    return view.best(list(view.themes), region)


def looks_like(view: View, name: str, region: Region | None = None) -> bool:
    """Whether this name fits the region better, as a whole, than any usual theme."""
    checked = text_of(name, "a name")
    return view.best(list(dict.fromkeys([checked, *view.themes])), region) == checked


def which_is_larger(view: View, numbers: dict[str, int] | dict[str, float] | dict[str, int | float]) -> str:
    """The name of the largest number; "equal" where the largest two are equal."""
    if not isinstance(numbers, dict) or not 2 <= len(numbers) <= MOST_NAMES:
        raise TypeError("which_is_larger takes a dict of at least two names and numbers")
    sizes = {text_of(name, "a name"): number_of(value, "a number") for name, value in numbers.items()}
    first, second = sorted(sizes, key=lambda name: -sizes[name])[:2]
    return first if sizes[first] > sizes[second] else "equal"


def compare(view: View, number: int | float, other: int | float) -> str:
    """ "more", "less" or "equal": the first number beside the second."""
    first, second = number_of(number, "a number"), number_of(other, "a number")
    return "equal" if first == second else "more" if first > second else "less"


def where(view: View, objects: Objects) -> str:
    """Where most of the objects are, in words: "north-west", "upper left", "centre", or "spread over the scene"."""
    shapes = shapes_of(some_of(objects))
    inside = shapes if objects.part is None else list(shapely.intersection(shapes, objects.part))
    ninths = [view.ground.ninth(*place) for place in view.ground.positions(inside)]
    common = max(dict.fromkeys(ninths), key=ninths.count)
    return common if ninths.count(common) >= _MOSTLY * len(ninths) else _SPREAD


def placed(view: View, objects: Objects) -> str:
    """Where the objects are, to end a sentence: "in the north-west", "mostly on the left", "spread over the scene"."""
    common = where(view, objects)
    mostly = "mostly " if len(objects.things) > 1 else ""
    return common if common == _SPREAD else f"{mostly}{_PREPOSITIONS.get(common, 'in')} the {common}"


def colour_of(view: View, objects: Objects) -> str:
    """The main colour of the objects: "red", "grey", "white" and so on."""
    colours = [view.colour(thing) for thing in some_of(objects)[:MOST_NAMES]]
    return max(dict.fromkeys(colours), key=colours.count)


def appeared(view: View, name: str, region: Region | None = None) -> Objects:
    """Things of this name on the second date where there was none of them on the first."""
    return view.only(name, region, "after", "before")


def disappeared(view: View, name: str, region: Region | None = None) -> Objects:
    """Things of this name on the first date where there is none of them on the second."""
    return view.only(name, region, "before", "after")


def change(view: View, name: str, region: Region | None = None) -> float:
    """Square metres that things of this name cover more on the second date than on the first; negative for less."""
    first, second = (cover_m2(view, name, view.dated(region, when)) for when in ("before", "after"))
    return second - first


def cover_m2(view: View, name: str, region: Region) -> float:
    """Square metres that things of this name cover in a region of one of two dates, such as before()."""
    checked, within = text_of(name, "a name"), dated_of(region)
    if both := view.compared(checked, within):
        area = both.areas_m2[within.when == "after"]
        assert area is not None, "only rasters on Earth are compared"
        return area
    return view.measure_area(view.covered(Objects(view.sight(checked, within.when).objects), within))


def cover(view: View, name: str, region: Region) -> float:
    """The part of a region of one of two dates, such as before(), that things of this name cover, 0 to 1."""
    checked, within = text_of(name, "a name"), dated_of(region)
    if both := view.compared(checked, within):
        return both.shares[within.when == "after"]
    return share(view, Objects(view.sight(checked, within.when).objects), within)


def changed(view: View, name: str, region: Region | None = None) -> Objects:
    """All ground in the region (default: the whole scene) that things of this name gained or lost between two dates."""
    checked = text_of(name, "a name")
    if both := view.compared(checked):
        return within_region(view.region_of(region), both.changed)
    found = [
        *view.only(checked, region, "after", "before").things,
        *view.only(checked, region, "before", "after").things,
    ]
    return Objects(tuple(found))


def say(view: View, number: int, name: str) -> str:
    """A number of things in words: "no ship", "1 ship", "3 ships"."""
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) > 1e15:
        raise TypeError("say takes a whole number and a name")
    return counted(number, text_of(name, "a name"))


def there_are(view: View, number: int, name: str) -> str:
    """A number of things as a clause: "there is no ship", "there is 1 ship", "there are 3 ships"."""
    things = say(view, number, name)
    return f"there {'is' if number < 2 else 'are'} {things}"


def amount(view: View, number: int | float, unit: str) -> str:
    """A measure in words, to three digits: "1,750,000 m²", "3.95 ha", "12.5 km"."""
    return f"{format_number(number_of(number, 'a number'))} {text_of(unit, 'a unit')}"


def difference(view: View, number: int | float, unit: str) -> str:
    """How much more or less in words: "3.95 ha more", "12.5 km less", "no more and no less"."""
    checked = number_of(number, "a number")
    return f"{amount(view, abs(checked), unit)} {'more' if checked > 0 else 'less'}" if checked else _EQUAL


def answer(view: View, value: Value, sentence: str = "", unit: str = "", evidence: Objects | None = None) -> None:
    """Give the answer, once, at the end: True or False, a number with its unit, or a text.

    The sentence says it in words; evidence is what it rests on (default: all that was found).
    """
    if view.reply is not None:
        raise ValueError("the answer was given already")
    if not isinstance(value, bool | int | float | str):
        raise TypeError(f"an answer must be True or False, a number or a text, got {type(value).__name__}")
    if isinstance(value, str):
        text_of(value, "an answer", _LONGEST_TEXT)
    elif not abs(value) < 1e18:
        raise ValueError("an answer must be less than 1e18")
    if isinstance(value, float):
        value += 0.0  # a loss of nothing is 0.0, not -0.0
    unit = text_of(unit, "a unit") if unit else ""
    sentence = text_of(sentence, "a sentence", _LONGEST_TEXT) if sentence else ""
    if evidence is not None:
        things = things_of(evidence)
    else:
        things = tuple(thing for call in view.records if call.name == "find" for thing in call.objects)
    view.reply = Reply(value, unit, sentence, things)


WORDS = (
    distance_m, area_m2, region_area_m2, length_m, perimeter_m, share, classify, theme, looks_like, which_is_larger,
    compare, where, placed, colour_of, appeared, disappeared, change, cover, cover_m2, changed, say, there_are, amount,
    difference, answer,
)  # fmt: skip
