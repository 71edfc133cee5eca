"""A name on two dates, as a program sees it."""

from collections.abc import Callable
from dataclasses import dataclass

import shapely

from geoglot.tasks.ask.scene_things import SceneObject


@dataclass(frozen=True)
class Compared:
    """A name on two dates, over the ground that both show."""

    shares: tuple[float, float]
    """What it covers on each date, 0..1."""
    areas_m2: tuple[float | None, float | None]
    """The same in square metres; None without a CRS."""
    appeared: tuple[SceneObject, ...]
    """Things where there was none before."""
    disappeared: tuple[SceneObject, ...]
    changed: tuple[SceneObject, ...]
    """All ground that it gained or lost."""


Compare = Callable[[str, shapely.Geometry | None], Compared]
"""Compares a name over a part of the scene (map coordinates of the second date), or over all of it."""
