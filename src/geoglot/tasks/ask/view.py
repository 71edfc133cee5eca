"""The scene as a program sees it: a budget bounds the model's work and the size of geometry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import shapely
from rasterio.features import rasterize

from geoglot.errors import AnswerError
from geoglot.nouns import uncountable
from geoglot.tasks.ask.arguments import optional_region, text_of, things_of
from geoglot.tasks.ask.compared import Compare, Compared
from geoglot.tasks.ask.grammar.lexicon import COLOURS, THEMES
from geoglot.tasks.ask.ground import Ground
from geoglot.tasks.ask.limits import Budget
from geoglot.tasks.ask.scene_things import Objects, Region, Scene, SceneObject, Sighting, select, shapes_of

Value = bool | int | float | str
MOST_NAMES = 40
_COLOUR_SIDE = 256  # pixels a side of the picture that gives a colour
_GLANCE = 2**18  # a look at a smaller window counts as this many pixels, since opening it takes time too


@dataclass(frozen=True)
class Record:
    """One call of a program."""

    name: str
    arguments: tuple[str, ...]
    """The arguments in words."""
    result: str
    """The result in words."""
    objects: tuple[SceneObject, ...] = ()
    """The objects in the result."""
    region: Region | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """The answer that a program gives."""

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
        themes: tuple[str, ...] = THEMES,
        compare: Compare | None = None,
    ) -> None:
        self.scenes = {"": scene} if after is None else {"": after, "before": scene, "after": after}
        self.ground = Ground.of(scene)
        self.shared: Region | None = None
        """The ground that both of two dates show; nothing beyond it is counted or compared."""
        if after is not None:
            self.ground = self.ground.shared_with(Ground.of(after))
            self.shared = Region("the scene", self.ground.whole)
        self.budget, self.themes, self._compare = budget, themes, compare
        self.sightings: dict[tuple[str, str], Sighting] = {}
        self.records: list[Record] = []
        self.reply: Reply | None = None
        self.probabilities: dict[str, float] = {}
        """Those of the latest classification, by name."""
        self._colours: dict[tuple[str, int, str], str] = {}

    def scene(self, when: str) -> Scene:
        """The scene of a date; AnswerError if there is none."""
        if when not in self.scenes:
            raise AnswerError(f"there is only one date, so nothing is known of {when!r}; give a second with --after")
        return self.scenes[when]

    def dated(self, region: Any, when: str) -> Region:
        """A region on one of two dates."""
        self.scene(when)
        undated = optional_region(region) or Region("the scene", self.ground.whole)
        return replace(undated, name=f"{undated.name}, {when}", when=when)

    def sight(self, name: str, when: str) -> Sighting:
        """Find a name on a date; the same name again costs nothing."""
        scene = self.scene(when)
        if (name, when) not in self.sightings:
            self.budget.name(name)
            self.budget.look(scene.cost(name))
            with self.budget.stopped_clock("name"):
                sighting = scene.find(name)
            self.sightings[name, when] = self._cut(sighting, when)
        return self.sightings[name, when]

    def _cut(self, sighting: Sighting, when: str) -> Sighting:
        """The things of a date that touch the ground of both."""
        things = tuple(replace(thing, when=when) for thing in sighting.objects)
        if self.shared is not None:
            things = within_region(replace(self.shared, touching=True), things).things
        if len(things) == len(sighting.objects):
            return replace(sighting, objects=things)
        return replace(sighting, objects=things, doubtful=sum(thing.score < sighting.threshold for thing in things))

    def region_of(self, region: Any) -> Region | None:
        """A region that a program gives; else the ground of both dates, or None for the whole of one scene."""
        return optional_region(region) or self.shared

    def check_apart(self, things: Sequence[SceneObject]) -> None:
        """AnswerError for things that run together in the pixels of the scene."""
        for name, when in dict.fromkeys((thing.name, thing.when) for thing in things):
            if crowd := self.sightings[name, when].crowd:
                raise AnswerError(crowd)

    def compared(self, name: str, region: Any = None) -> Compared | None:
        """A name on both dates, as `geoglot change` compares them; None for scenes that are no rasters on Earth."""
        self.scene("before")
        if self._compare is None:
            return None
        for when in ("before", "after"):  # its confidence is that of both dates
            self.sight(name, when)
        part = optional_region(region)
        whole = part is None or part.outline.equals(self.ground.whole)
        with self.budget.stopped_clock("name"):
            return self._compare(name, None if whole or part is None else part.outline)

    def only(self, name: str, region: Any, here: str, there: str) -> Objects:
        """Objects of the date `here` where there is none on the date `there`."""
        checked, within = text_of(name, "a name"), self.region_of(region)
        if both := self.compared(checked):
            return within_region(within, both.appeared if here == "after" else both.disappeared)
        these, those = self.sight(checked, here).objects, self.sight(checked, there).objects
        these = within_region(within, these).things
        if not these or not those:
            return Objects(these)
        self.weigh([*these, *those])
        touching = shapely.STRtree(shapes_of(those)).query(shapes_of(these), predicate="intersects")[0]
        return select(these, ~np.isin(np.arange(len(these)), touching))

    def best(self, names: Any, region: Any) -> str:
        """The name with the highest probability for a region."""
        within = self.region_of(region)
        if not isinstance(names, list) or not 2 <= len(names) <= MOST_NAMES:
            raise TypeError(f"classify takes a list of 2 to {MOST_NAMES} names")
        checked = [text_of(name, "a name") for name in names]
        for name in checked:
            self.budget.name(name)
        scene = self.scene(within.when if within else "")
        window = Ground(scene.grid).window(within.outline) if within else scene.grid.whole
        self.budget.look(max(window.height * window.width, _GLANCE))
        with self.budget.stopped_clock("class"):
            self.probabilities = scene.classify(checked, window)
        return max(self.probabilities, key=lambda name: self.probabilities[name])

    def sized(self, objects: Any, least: float, below: float) -> Objects:
        """The objects with least <= square metres < below."""
        things = things_of(objects)
        self.weigh(things)
        areas = self.ground.areas(shapes_of(things))
        return select(things, (least <= areas) & (areas < below))

    def extreme(self, objects: Any, measure: Callable[[Sequence[SceneObject]], np.ndarray], which: int) -> Objects:
        """The object whose measure is the smallest (`which` is 0) or largest (-1); empty if there are no objects."""
        things = things_of(objects)
        if not things:
            return Objects(())
        return Objects((things[int(np.argsort(measure(things), kind="stable")[which])],))

    def close(self, objects: Any, others: Any, units: float) -> Objects:
        """The objects within so many map units of any of the others."""
        things = things_of(objects)
        return select(things, self.gaps(things, things_of(others)) <= units)

    def gaps(self, things: Sequence[SceneObject], others: Sequence[SceneObject]) -> np.ndarray:
        """Map units from each thing to the nearest of the others, infinite if there is none.

        If the groups share a thing, equal geometries are no neighbours, so that no thing is its own neighbour.
        """
        same = not {thing.key for thing in things}.isdisjoint(other.key for other in others)
        tree = shapely.STRtree(np.asarray(shapes_of(others), object))
        (index, _), nearest = tree.query_nearest(
            np.asarray(shapes_of(things), object), return_distance=True, all_matches=False, exclusive=same
        )
        gaps = np.full(len(things), np.inf)
        gaps[index] = nearest
        return gaps

    def covered(self, objects: Any, region: Region | None) -> Any:
        """The ground that the objects cover, within the region if there is one."""
        ground = self.ground_of(objects)
        outline = region.outline if region else self.ground.outline
        return ground if outline is None else shapely.intersection(ground, outline)

    def ground_of(self, objects: Any) -> Any:
        """The ground of the objects, as one geometry."""
        union = self.union(things_of(objects))
        return union if objects.part is None else shapely.intersection(union, objects.part)

    def union(self, things: Sequence[SceneObject]) -> Any:
        self.weigh(things)
        return shapely.union_all(shapes_of(things))

    def measure_area(self, geometry: Any) -> float:
        """Square metres; an empty geometry has 0 even without a CRS."""
        return 0.0 if geometry.is_empty else float(self.ground.areas([geometry])[0])

    def weigh(self, things: Sequence[SceneObject], times: int = 1) -> None:
        """Check against the budget the vertices that are about to be joined, `times` as many."""
        self.budget.join(times * int(shapely.get_num_coordinates(shapes_of(things)).sum()))

    def colour(self, thing: SceneObject) -> str:
        """The name of the median colour of the pixels whose centre lies in a thing."""
        if thing.key in self._colours:
            return self._colours[thing.key]
        scene = self.scene(thing.when)
        window = Ground(scene.grid).window(thing.geometry)
        self.budget.look(max(window.height * window.width, _GLANCE))
        with self.budget.stopped_clock("colour"):
            tile = scene.look(window, _COLOUR_SIDE)
            shape, transform = tile.grid.shape, tile.grid.transform
            inside = tile.valid & (rasterize([(thing.geometry, 1)], shape, transform=transform, dtype="uint8") > 0)
        if not inside.any():
            inside = tile.valid
        if not inside.any():
            raise AnswerError("there is no data under these objects, so they have no colour")
        median = np.median(tile.pixels[:3, inside], axis=1)
        colour = min(COLOURS, key=lambda name: float(np.square(median - np.array(COLOURS[name])).sum()))
        return self._colours.setdefault(thing.key, colour)


def within_region(region: Region | None, things: Sequence[SceneObject]) -> Objects:
    """The things that touch a region or, unless `region.touching`, whose centre is inside; None: all things.

    What is measured and not counted, such as water, is in every region in which some of its ground lies.
    """
    if region is None or not things:
        return Objects(tuple(things))
    shapes = np.array(shapes_of(things), object)
    shapely.prepare(region.outline)
    touching = shapely.intersects(region.outline, shapes)
    if region.touching:
        return select(things, touching)
    is_ground = np.array([uncountable(thing.name) for thing in things])
    overlapping = touching & ~shapely.touches(region.outline, shapes)
    return select(
        things, np.where(is_ground, overlapping, shapely.intersects(region.outline, shapely.centroid(shapes)))
    )
