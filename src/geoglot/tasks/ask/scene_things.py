"""What a question is asked of: things found by name, the scores of words, colours, and where all of it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import shapely

from geoglot.geo import Grid, Window
from geoglot.sources.tile import Tile


@dataclass(frozen=True)
class SceneObject:
    """One thing that was found."""

    id: int
    name: str
    score: float
    """Probability, 0..1."""
    geometry: Any
    """A (multi)polygon in map coordinates of the scene's grid."""
    when: str = ""
    """"before" or "after" where there are two dates."""

    @property
    def key(self) -> tuple[str, int, str]:
        """Tells a thing from all others of an answer."""
        return self.name, self.id, self.when


@dataclass(frozen=True)
class Sighting:
    """What a look for one name gave."""

    objects: tuple[SceneObject, ...]
    threshold: float
    """The probability from which on a thing counts as found."""
    doubtful: int = 0
    """How many of the things found are in doubt; where none was found, how many nearly were."""


@runtime_checkable
class Scene(Protocol):
    """A place on one date, encoded once and asked any number of times."""

    uri: str
    grid: Grid
    """On which things are found; map coordinates of all geometries are those of its CRS."""
    outline: shapely.Geometry | None
    """What of the grid is ground of the scene, in map coordinates; None: all of it."""
    model: str
    sha256: str
    """Of the model's weights."""
    time: str | None
    """ISO date, if the scene knows it."""

    def find(self, name: str) -> Sighting:
        """All things of a name; the same name again costs nothing."""
        ...

    def classify(self, names: Sequence[str], window: Window) -> dict[str, float]:
        """The probability of each name for what a window of `grid` shows as a whole."""
        ...

    def look(self, window: Window, side: int) -> Tile:
        """Pixels of a window of `grid`, reduced to at most `side` pixels a side."""
        ...

    def cost(self, name: str) -> int:
        """Pixels that a look for this name will score: 0 where it was looked for already."""
        ...


@dataclass(frozen=True, eq=False)
class Objects:
    """Things found: what a program holds in its hands, without a way into them."""

    things: tuple[SceneObject, ...]

    @property
    def geometries(self) -> list[Any]:
        """Their polygons."""
        return shapes_of(self.things)


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the scene, on one of its dates."""

    name: str
    """As a person says it: "the upper left quarter"."""
    outline: shapely.Geometry
    when: str = ""
    touching: bool = False
    """Whether a thing is in it that only touches it; else its centre must be inside."""


def shapes_of(things: Sequence[SceneObject]) -> list[Any]:
    """The polygons of things."""
    return [thing.geometry for thing in things]
