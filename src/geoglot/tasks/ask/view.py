"""The scene as a program sees it: the model's work is counted against a budget, and geometry is bounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from rasterio.features import rasterize

from geoglot.errors import AnswerError
from geoglot.tasks.ask.arguments import optional_region, text_of, things_of
from geoglot.tasks.ask.grammar.lexicon import COLOURS, THEMES
from geoglot.tasks.ask.ground import Ground, distances
from geoglot.tasks.ask.limits import Budget
from geoglot.tasks.ask.scene_things import Objects, Region, Scene, SceneObject, Sighting, shapes_of

Value = bool | int | float | str
MOST_NAMES = 40
_COLOUR_SIDE = 256  # pixels a side that a colour is judged by
_GLANCE = 2**18  # pixels that a look at a small window counts for: opening it takes its time too


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


class View:
    """One scene, or two dates of one place, for one program."""

    def __init__(
        self,
        scene: Scene,
        after: Scene | None,
        budget: Budget,
        pixel_m: float | None = None,
        themes: tuple[str, ...] = THEMES,
    ) -> None:
        self.scenes = {"": scene} if after is None else {"": after, "before": scene, "after": after}
        self.ground = Ground(scene.grid, pixel_m, scene.outline)
        self.budget, self.themes = budget, themes
        self.sightings: dict[tuple[str, str], Sighting] = {}
        self.records: list[Record] = []
        self.reply: Reply | None = None
        self.odds: dict[str, float] = {}
        """Of the latest classification."""
        self._colours: dict[tuple[str, int, str], str] = {}

    def scene(self, when: str) -> Scene:
        """The scene of a date; AnswerError if there is none."""
        if when not in self.scenes:
            raise AnswerError(
                f"there is one date only, so nothing is known of {when!r}; give the second one with --after"
            )
        return self.scenes[when]

    def dated(self, region: Any, when: str) -> Region:
        """A region on one of two dates."""
        self.scene(when)
        known = optional_region(region) or Region("the scene", self.ground.whole)
        return Region(f"{known.name}, {when}", known.outline, when, known.touching)

    def sight(self, name: str, when: str) -> Sighting:
        """Look for a name; the same name again costs nothing."""
        scene = self.scene(when)
        if (name, when) not in self.sightings:
            self.budget.name(name)
            self.budget.look(scene.cost(name))
            with self.budget.stopped_clock():
                sighting = scene.find(name)
            things = tuple(SceneObject(one.id, one.name, one.score, one.geometry, when) for one in sighting.objects)
            self.sightings[name, when] = Sighting(things, sighting.threshold, sighting.doubtful)
        return self.sightings[name, when]

    def only(self, name: str, region: Any, here: str, there: str) -> Objects:
        """Objects of one date that meet none of the other date."""
        known, within = text_of(name, "a name"), optional_region(region)
        these, those = self.sight(known, here).objects, self.sight(known, there).objects
        these = held(within, these)
        if not these or not those:
            return Objects(these)
        self.weigh([*these, *those])
        old = set(shapely.STRtree(shapes_of(those)).query(shapes_of(these), predicate="intersects")[0].tolist())
        return Objects(tuple(thing for index, thing in enumerate(these) if index not in old))

    def best(self, names: Any, region: Any) -> str:
        """The name with the highest probability for a region."""
        within = optional_region(region)
        if not isinstance(names, list) or not 2 <= len(names) <= MOST_NAMES:
            raise TypeError(f"classify takes a list of 2 to {MOST_NAMES} names")
        known = [text_of(name, "a name") for name in names]
        for name in known:
            self.budget.name(name)
        scene = self.scene(within.when if within else "")
        window = Ground(scene.grid).window(within.outline) if within else scene.grid.whole
        self.budget.look(max(window.height * window.width, _GLANCE))
        with self.budget.stopped_clock():
            self.odds = scene.classify(known, window)
        return max(self.odds, key=lambda name: self.odds[name])

    def sized(self, objects: Any, least: float, below: float) -> Objects:
        """The objects with least <= square metres < below."""
        things = things_of(objects)
        self.weigh(things)
        areas = self.ground.areas(shapes_of(things))
        return Objects(tuple(one for one, area in zip(things, areas, strict=True) if least <= area < below))

    def extreme(self, objects: Any, measure: Callable[[Sequence[SceneObject]], np.ndarray], which: int) -> Objects:
        """The object whose measure comes first (0) or last (-1); no object if there are none."""
        things = things_of(objects)
        if not things:
            return Objects(())
        return Objects((things[int(np.argsort(measure(things), kind="stable")[which])],))

    def close(self, objects: Any, others: Any, units: float) -> Objects:
        """The objects within so many map units of any of the others."""
        things, around = things_of(objects), things_of(others)
        if not things or not around:
            return Objects(())
        gaps = self.gaps(things, around)
        return Objects(tuple(thing for thing, gap in zip(things, gaps, strict=True) if gap <= units))

    def gaps(self, things: Sequence[SceneObject], others: Sequence[SceneObject]) -> np.ndarray:
        """Map units from each thing to the nearest other; a thing is not its own neighbour."""
        keys = {other.key for other in others}
        return distances(shapes_of(things), shapes_of(others), any(thing.key in keys for thing in things))

    def covered(self, objects: Any, region: Region | None) -> Any:
        """The ground that objects cover, in a region."""
        union = self.union(things_of(objects))
        return shapely.intersection(union, region.outline) if region else union

    def union(self, things: Sequence[SceneObject]) -> Any:
        """All polygons as one."""
        self.weigh(things)
        return shapely.union_all(shapes_of(things))

    def measure_area(self, geometry: Any) -> float:
        """Square metres; 0 of an empty geometry, also without a CRS."""
        return 0.0 if geometry.is_empty else float(self.ground.areas([geometry])[0])

    def weigh(self, things: Sequence[SceneObject], times: int = 1) -> None:
        """Count the corners of what is about to be joined."""
        self.budget.join(times * int(shapely.get_num_coordinates(shapes_of(things)).sum()))

    def colour(self, thing: SceneObject) -> str:
        """The name of the main colour of a thing."""
        if thing.key not in self._colours:
            self._colours[thing.key] = self._colour(thing.geometry, thing.when)
        return self._colours[thing.key]

    def _colour(self, geometry: Any, when: str) -> str:
        """The name of the median colour of the pixels whose centre lies in a geometry."""
        window = Ground(self.scene(when).grid).window(geometry)
        self.budget.look(max(window.height * window.width, _GLANCE))
        with self.budget.stopped_clock():
            tile = self.scene(when).look(window, _COLOUR_SIDE)
            grid = tile.grid
            inside = tile.valid & (rasterize([(geometry, 1)], grid.shape, transform=grid.transform, dtype="uint8") > 0)
        if not inside.any():
            inside = tile.valid
        if not inside.any():
            raise AnswerError("there is no data under these objects, so they have no colour")
        median = np.median(tile.pixels[:3, inside], axis=1)
        return min(COLOURS, key=lambda name: float(np.square(median - np.array(COLOURS[name])).sum()))


def held(within: Region | None, things: Sequence[SceneObject]) -> tuple[SceneObject, ...]:
    """The things in a region: those that touch it, or whose centre is inside, as the region says."""
    if within is None or not things:
        return tuple(things)
    shapes = np.array(shapes_of(things), object)
    shapely.prepare(within.outline)
    inside = shapely.intersects(within.outline, shapes if within.touching else shapely.centroid(shapes))
    return tuple(thing for thing, holds in zip(things, inside, strict=True) if holds)
