"""The scene as a program sees it: looks that are counted, geometry that is bounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely
from jaxtyping import Bool
from rasterio.features import rasterize

from geoglot.errors import AnswerError
from geoglot.geo import Grid
from geoglot.tasks.ask import arguments as given
from geoglot.tasks.ask.ground import Ground, distances
from geoglot.tasks.ask.lexicon import COLOURS
from geoglot.tasks.ask.limits import Budget
from geoglot.tasks.ask.scene_things import Objects, Region, Scene, SceneObject, Sighting

_LOOK = 256  # pixels a side that a colour is judged by
MOST_NAMES = 40
_GLANCE = 2**18  # pixels that a look at a small window counts for: opening it takes its time too
_ROUND = 4  # times more corners has an outline that is widened


class View:
    """One scene, or two dates of one place, within a budget."""

    def __init__(self, scene: Scene, after: Scene | None, budget: Budget, pixel_m: float | None) -> None:
        self.scenes = {"": scene} if after is None else {"": after, "before": scene, "after": after}
        self.ground = Ground(scene.grid, pixel_m, scene.outline)
        self.budget = budget
        self.sightings: dict[tuple[str, str], Sighting] = {}
        self._colours: dict[tuple[str, int, str], str] = {}
        self.odds: dict[str, float] = {}
        """Of the latest classification."""

    def scene(self, when: str) -> Scene:
        """The scene of a date; AnswerError where there is none."""
        if when not in self.scenes:
            raise AnswerError(
                f"there is one date only, so nothing is known of {when!r}; give the second one with --after"
            )
        return self.scenes[when]

    def dated(self, region: Region | None, when: str) -> Region:
        """A region on one of two dates."""
        self.scene(when)
        known = given.region(region) or Region("the scene", self.ground.whole)
        return Region(f"{known.name}, {when}", known.outline, when, known.touching)

    def sight(self, name: str, when: str) -> Sighting:
        """A look for a name, once paid for."""
        scene = self.scene(when)
        if (name, when) in self.sightings:
            return self.sightings[name, when]
        self.budget.name(name)
        self.budget.look(scene.cost(name))
        with self.budget.stopped_clock():
            sighting = scene.find(name)
        things = tuple(SceneObject(one.id, one.name, one.score, one.geometry, when) for one in sighting.objects)
        self.sightings[name, when] = Sighting(things, sighting.threshold, sighting.doubtful)
        return self.sightings[name, when]

    def only(self, name: str, region: Region | None, here: str, there: str) -> Objects:
        """Things of one date that meet none of the other."""
        known, within = given.text(name, "a name"), given.region(region)
        these, those = self.sight(known, here).objects, self.sight(known, there).objects
        these = given.held(within, these)
        if not these or not those:
            return Objects(these)
        self.weigh([*these, *those])
        tree = shapely.STRtree([thing.geometry for thing in those])
        old = set(tree.query([thing.geometry for thing in these], predicate="intersects")[0].tolist())
        return Objects(tuple(thing for index, thing in enumerate(these) if index not in old))

    def best(self, names: Any, region: Region | None) -> str:
        """The name with the highest probability for a region."""
        if not isinstance(names, list) or not 2 <= len(names) <= MOST_NAMES:
            raise TypeError(f"classify takes a list of 2 to {MOST_NAMES} names")
        known = [given.text(name, "a name") for name in names]
        for name in known:
            self.budget.name(name)
        scene = self.scene(region.when if region else "")
        window = Ground(scene.grid).window(region.outline) if region else scene.grid.whole
        self.budget.look(max(window.height * window.width, _GLANCE))
        with self.budget.stopped_clock():
            self.odds = scene.classify(known, window)
        return max(self.odds, key=lambda name: self.odds[name])

    def sized(self, objects: Objects, least: float, below: float) -> Objects:
        """Those within bounds of square metres."""
        things = given.objects(objects).things
        self.weigh(things)
        areas = self.ground.areas([thing.geometry for thing in things])
        return Objects(tuple(one for one, area in zip(things, areas, strict=True) if least <= area < below))

    def extreme(self, objects: Objects, measure: Callable[[Sequence[SceneObject]], np.ndarray], which: int) -> Objects:
        """The one whose measure comes first or last."""
        things = given.objects(objects).things
        if not things:
            return Objects(())
        self.weigh(things)
        order = np.argsort(measure(things), kind="stable")
        return Objects((things[int(order[which])],))

    def sizes(self, things: Sequence[SceneObject]) -> np.ndarray:
        """Pixels of each."""
        return self.ground.sizes([thing.geometry for thing in things])

    def close(self, objects: Objects, others: Objects, units: float) -> Objects:
        """Those within so many map units of any other."""
        things, around = given.objects(objects).things, given.objects(others).things
        if not things or not around:
            return Objects(())
        gaps = self.gaps(things, around)
        return Objects(tuple(thing for thing, gap in zip(things, gaps, strict=True) if gap <= units))

    def inside(self, objects: Objects, others: Objects) -> Objects:
        """Those whose centre lies in one of the others."""
        things, around = given.objects(objects).things, given.objects(others).things
        if not things or not around:
            return Objects(())
        self.weigh(around)
        centres = shapely.centroid(np.array([thing.geometry for thing in things], object))
        tree = shapely.STRtree([other.geometry for other in around])
        held = set(tree.query(centres, predicate="intersects")[0].tolist())
        return Objects(tuple(thing for index, thing in enumerate(things) if index in held))

    def gaps(self, things: Sequence[SceneObject], others: Sequence[SceneObject]) -> np.ndarray:
        """Map units from each thing to the nearest other one; a thing is not its own neighbour."""
        keys = {(other.name, other.id, other.when) for other in others}
        same = any((thing.name, thing.id, thing.when) in keys for thing in things)
        return distances([thing.geometry for thing in things], [other.geometry for other in others], same)

    def covered(self, objects: Objects, region: Region | None) -> Any:
        """What objects cover, in a region."""
        union = self.union(given.objects(objects).things)
        return shapely.intersection(union, region.outline) if region else union

    def union(self, things: Sequence[SceneObject]) -> Any:
        """All polygons as one."""
        self.weigh(things)
        return shapely.union_all([thing.geometry for thing in things])

    def widened(self, things: Sequence[SceneObject], units: float) -> Any:
        """The ground within so many map units of any of the things."""
        self.weigh(things, _ROUND)
        # One by one, then joined: a buffer of all together compares every outline with every other.
        rounds = shapely.buffer([thing.geometry for thing in things], units)
        return shapely.intersection(shapely.union_all(rounds), self.ground.whole)

    def places(self, things: Sequence[SceneObject]) -> np.ndarray:
        """(down, across) of the centre of each thing as shares of the scene."""
        return self.ground.positions([thing.geometry for thing in things])

    def weigh(self, things: Sequence[SceneObject], times: int = 1) -> None:
        """Count the corners of what is about to be joined."""
        self.budget.join(times * int(shapely.get_num_coordinates([thing.geometry for thing in things]).sum()))

    def colour(self, thing: SceneObject) -> str:
        """The name of the main colour of a thing, looked at once."""
        key = thing.name, thing.id, thing.when
        if key not in self._colours:
            self._colours[key] = self._colour(thing.geometry, thing.when)
        return self._colours[key]

    def _colour(self, geometry: Any, when: str) -> str:
        """The name of the median colour within a geometry."""
        window = Ground(self.scene(when).grid).window(geometry)
        self.budget.look(max(window.height * window.width, _GLANCE))
        with self.budget.stopped_clock():
            tile = self.scene(when).look(window, _LOOK)
            inside = tile.valid & _burnt(geometry, tile.grid)
        if not inside.any():
            inside = tile.valid
        if not inside.any():
            raise AnswerError("there is no data under these objects, so they have no colour")
        median = np.median(tile.pixels[:3, inside], axis=1)
        return min(COLOURS, key=lambda name: float(np.square(median - np.array(COLOURS[name])).sum()))


def _burnt(geometry: Any, grid: Grid) -> Bool[np.ndarray, "rows cols"]:
    """Which pixels of a grid have their centre in a geometry."""
    inside: np.ndarray = rasterize([(geometry, 1)], grid.shape, transform=grid.transform, dtype="uint8") > 0
    return inside
