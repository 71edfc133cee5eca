"""Words of the vocabulary that return regions and objects. Signatures and docstrings are part of every prompt."""

from __future__ import annotations  # the stub prints annotations as they are written

import math

import numpy as np
import shapely

from geoglot.nouns import uncountable
from geoglot.tasks.ask.arguments import choice_of, length_of, region_of, some_of, text_of, things_of
from geoglot.tasks.ask.grammar.lexicon import COLOURS
from geoglot.tasks.ask.ground import is_shape
from geoglot.tasks.ask.scene_things import Objects, Region, names_of, select, shapes_of
from geoglot.tasks.ask.view import View, within_region

_SHAPES = ("square", "rectangular", "circular")
_SIDES = ("left", "right", "above", "below")
_ROUND = 4  # a buffered outline has this many times as many vertices


def whole(view: View) -> Region:
    """The whole scene."""
    return Region("the scene", view.ground.whole)


def part(view: View, name: str) -> Region:
    """A named part: "upper left quarter", "north-west quarter", "left half", "lower third", "centre"."""
    checked = text_of(name, "the name of a part").lower()
    return Region(f"the {checked}", view.ground.part(checked))


def before(view: View, region: Region | None = None) -> Region:
    """The scene, or a region of it, on the first of two dates."""
    return view.dated(region, "before")


def after(view: View, region: Region | None = None) -> Region:
    """The scene, or a region of it, on the second of two dates."""
    return view.dated(region, "after")


def around(view: View, objects: Objects, metres: int | float) -> Region:
    """All ground within so many metres of any of the objects."""
    things, metres = some_of(objects), length_of(metres, "a distance")
    view.weigh(things, _ROUND)
    # Each outline is buffered before they are joined: a buffer of all together compares every outline with every other.
    rounds = shapely.buffer(shapes_of(things), view.ground.units(metres))
    outline = shapely.intersection(shapely.union_all(rounds), view.ground.whole)
    return Region(f"within {metres:,g} m of {names_of(things)}", outline, touching=True)


def between(view: View, objects: Objects, others: Objects) -> Region:
    """The ground between two groups of objects: the hull around both, without them."""
    these, those = some_of(objects), some_of(others)
    both = shapely.union(view.union(these), view.union(those))
    outline = shapely.difference(shapely.convex_hull(both), both)
    return Region(f"between {names_of(these)} and {names_of(those)}", outline, touching=True)


def find(view: View, name: str, region: Region | None = None) -> Objects:
    """All things of this name, such as "ship", in the region (default: the whole scene). Names are singular."""
    checked, within = text_of(name, "a name"), view.region_of(region)
    found = within_region(within, view.sight(checked, within.when if within else "").objects)
    return Objects(found.things, within.outline) if within and uncountable(checked) else found


def exists(view: View, objects: Objects) -> bool:
    """Whether there are any."""
    return bool(things_of(objects))


def count(view: View, objects: Objects) -> int:
    """How many there are."""
    things = things_of(objects)
    view.check_apart(things)
    return len(things)


def together(view: View, objects: Objects, others: Objects) -> Objects:
    """Both groups as one."""
    return Objects(tuple(dict.fromkeys([*things_of(objects), *things_of(others)])))


def each(view: View, objects: Objects) -> list[Objects]:
    """Every object on its own, to loop over."""
    return [Objects((thing,)) for thing in things_of(objects)]


def larger(view: View, objects: Objects, than_m2: int | float) -> Objects:
    """Those of at least so many square metres."""
    return view.sized(objects, length_of(than_m2, "an area"), math.inf)


def smaller(view: View, objects: Objects, than_m2: int | float) -> Objects:
    """Those of less than so many square metres."""
    return view.sized(objects, 0.0, length_of(than_m2, "an area"))


def largest(view: View, objects: Objects) -> Objects:
    """The largest one; none if there are none."""
    return view.extreme(objects, lambda things: view.ground.sizes(shapes_of(things)), -1)


def smallest(view: View, objects: Objects) -> Objects:
    """The smallest one; none if there are none."""
    return view.extreme(objects, lambda things: view.ground.sizes(shapes_of(things)), 0)


def longest(view: View, objects: Objects) -> Objects:
    """The longest one, end to end; none if there are none."""
    return view.extreme(objects, lambda things: view.ground.lengths(shapes_of(things)), -1)


def shaped(view: View, objects: Objects, shape: str) -> Objects:
    """Those of a shape: "square", "rectangular" or "circular"."""
    things = things_of(objects)
    wanted = choice_of(shape, _SHAPES)
    view.weigh(things)
    return Objects(tuple(thing for thing in things if is_shape(thing.geometry, wanted)))


def coloured(view: View, objects: Objects, colour: str) -> Objects:
    """Those whose main colour is this one."""
    wanted = choice_of(colour, tuple(COLOURS))
    return Objects(tuple(thing for thing in things_of(objects) if view.colour(thing) == wanted))


def near(view: View, objects: Objects, others: Objects, metres: int | float) -> Objects:
    """Those of the objects that lie within so many metres of any of the others."""
    return view.close(objects, others, view.ground.units(length_of(metres, "a distance")))


def beyond(view: View, objects: Objects, others: Objects, metres: int | float) -> Objects:
    """Those of the objects that lie farther than so many metres from all of the others."""
    units, things = view.ground.units(length_of(metres, "a distance")), things_of(objects)
    return select(things, view.gaps(things, things_of(others)) > units)


def beside(view: View, objects: Objects, others: Objects) -> Objects:
    """Those of the objects that are next to any of the others: within 25 m, or 1/20 of a picture without metres."""
    return view.close(objects, others, view.ground.beside)


def inside(view: View, objects: Objects, others: Objects) -> Objects:
    """Those of the objects whose centre lies in one of the others."""
    things, around = things_of(objects), things_of(others)
    if not things or not around:
        return Objects(())
    view.weigh(around)
    centres = shapely.centroid(np.array(shapes_of(things), object))
    inner = shapely.STRtree(shapes_of(around)).query(centres, predicate="intersects")[0]
    return select(things, np.isin(np.arange(len(things)), inner))


def within(view: View, objects: Objects, region: Region) -> Objects:
    """Those of the objects that are in a region."""
    return within_region(region_of(region), things_of(objects))


def towards(view: View, objects: Objects, side: str, others: Objects) -> Objects:
    """Those whose centre lies "left", "right", "above" (north) or "below" (south) of the centre of any other."""
    wanted, things = choice_of(side, _SIDES), things_of(objects)
    axis, sign = int(wanted in ("left", "right")), 1 if wanted in ("right", "below") else -1
    around = things_of(others)
    if not things or not around:
        return Objects(())
    farthest = (sign * view.ground.positions(shapes_of(around))[:, axis]).min()
    return select(things, sign * view.ground.positions(shapes_of(things))[:, axis] > farthest)


def nearest(view: View, objects: Objects, to: Objects) -> Objects:
    """The one of the objects that is nearest to any of the others; none where one group is empty."""
    things, others = things_of(objects), things_of(to)
    if not things or not others:
        return Objects(())
    return view.extreme(objects, lambda group: view.gaps(group, others), 0)


WORDS = (
    whole, part, before, after, around, between, find, exists, count, together, each, larger, smaller, largest,
    smallest, longest, shaped, coloured, near, beyond, beside, inside, within, towards, nearest,
)  # fmt: skip
