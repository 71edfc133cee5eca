"""What a question is asked of: objects found by name, probabilities of names, and pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import shapely

from geoglot.geo import Grid, Window
from geoglot.sources.tile import Tile


@dataclass(frozen=True)
class SceneObject:
    """An object in a scene."""

    id: int
    name: str
    score: float
    """Probability, 0..1."""
    geometry: Any
    """A (multi)polygon in map coordinates of the scene's grid."""
    when: str = ""
    """"before" or "after" if there are two dates."""

    @property
    def key(self) -> tuple[str, int, str]:
        """Unique within an answer."""
        return self.name, self.id, self.when


@dataclass(frozen=True)
class Sighting:
    """The objects of a name."""

    objects: tuple[SceneObject, ...]
    threshold: float
    """Least probability of an object."""
    doubtful: int = 0
    """How many of the objects are in doubt; without any, how many were nearly found."""


@runtime_checkable
class Scene(Protocol):
    """A place on one date, encoded once and asked any number of times."""

    uri: str
    grid: Grid
    """On which objects are found; map coordinates of all geometries are those of its CRS."""
    outline: shapely.Geometry | None
    """The ground of the scene within the grid, in map coordinates; None: all of it."""
    pixel_m: float | None
    """Ground resolution of a scene without a CRS, if it is known."""
    model: str
    sha256: str
    """Of the model's weights."""
    refiner: str
    """The name of what outlines objects, or "none"."""

    @property
    def notes(self) -> Sequence[str]:
        """Remarks for people."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Everything beside the question that decides an answer."""

    @property
    def failed(self) -> int:
        """Windows that the model did not see."""

    def find(self, name: str) -> Sighting:
        """All objects of a name; the same name again costs nothing."""

    def classify(self, names: Sequence[str], window: Window) -> dict[str, float]:
        """The probability of each name for what a window of `grid` shows as a whole."""

    def look(self, window: Window, side: int) -> Tile:
        """Pixels of a window of `grid`, reduced to at most `side` pixels a side."""

    def cost(self, name: str) -> int:
        """Pixels that the model will score to find this name: 0 if it was looked for already."""


@dataclass(frozen=True, eq=False)
class Objects:
    """A group of objects. A program holds it as a handle, without attributes."""

    things: tuple[SceneObject, ...]

    @property
    def geometries(self) -> list[Any]:
        """Their polygons."""
        return shapes_of(self.things)


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the scene, on one of its dates."""

    name: str
    """In words: "the upper left quarter"."""
    outline: shapely.Geometry
    when: str = ""
    touching: bool = False
    """If True, objects that touch the region are in it; else their centre must be inside."""


def shapes_of(things: Sequence[SceneObject]) -> list[Any]:
    """The polygons of things."""
    return [thing.geometry for thing in things]
