"""The scene that a question is about, as a protocol, and the objects and regions in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Protocol, runtime_checkable

import numpy as np
import shapely
from jaxtyping import Bool

from geoglot.geo import Grid, Window
from geoglot.nouns import plural
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
    """Mean score below which an object is in doubt."""
    doubtful: int = 0
    """Number of objects in doubt."""
    crowd: str = ""
    """Why their number means nothing, if they run together in the pixels of the scene."""
    presence: float = 1.0
    """Probability that the name is in the scene at all."""


@runtime_checkable
class Scene(Protocol):
    """A place on one date, encoded once and asked any number of times."""

    uri: str
    grid: Grid
    """The grid on which objects are found; all geometries have its map coordinates."""
    outline: shapely.Geometry | None
    """The ground of the scene within the grid, in map coordinates; None: all of it."""
    pixel_m: float | None
    """Ground resolution of a scene without a CRS, if it is known."""
    model: str
    sha256: str
    """Hash of the model's weights."""
    refiner: str
    """The name of the refiner that outlines objects, or "none"."""

    @property
    def notes(self) -> Sequence[str]:
        """Remarks for people."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Everything but the question that decides an answer."""

    @property
    def failed(self) -> int:
        """Number of windows that the model did not see."""

    def find(self, name: str) -> Sighting:
        """Find all objects of a name; the same name again costs nothing."""

    def classify(self, names: Sequence[str], window: Window) -> dict[str, float]:
        """Return the probability that each name fits a window of `grid` as a whole."""

    def look(self, window: Window, side: int) -> Tile:
        """Read a window of `grid`, reduced to at most `side` pixels a side."""

    def cost(self, name: str) -> int:
        """Number of pixels that the model will score to find this name: 0 if it was found before."""


@dataclass(frozen=True, eq=False)
class Objects:
    """A group of objects. A program holds it as a handle, without attributes."""

    things: tuple[SceneObject, ...]
    part: shapely.Geometry | None = None
    """The region that their ground is measured in, in map coordinates; None: all of it."""


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the scene, on one of its dates."""

    name: str
    """The region in words: "the upper left quarter"."""
    outline: shapely.Geometry
    when: str = ""
    touching: bool = False
    """If True, objects that touch the region are in it; else their centre must be inside."""


def shapes_of(things: Sequence[SceneObject]) -> list[Any]:
    """The polygons of things."""
    return [thing.geometry for thing in things]


def names_of(things: Sequence[SceneObject]) -> str:
    """The names of things: "ships and cars"."""
    return " and ".join(dict.fromkeys(plural(thing.name) for thing in things))


def select(things: Sequence[SceneObject], mask: Bool[np.ndarray, " thing"]) -> Objects:
    """The things whose place in the mask is True."""
    return Objects(tuple(compress(things, mask)))
