"""What an imagery source is, and the values that it gives: scenes, and their pixels on a grid that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol, runtime_checkable

import numpy as np
import shapely

from geoglot.geo import Grid
from geoglot.sources.areas import Box
from geoglot.sources.tile import Tile


@dataclass(frozen=True)
class Scene:
    """One image of one day, and what is known of it before it is read."""

    id: str
    time: str
    """ISO 8601, UTC."""
    cloud: float | None
    """Percent of the scene, as its maker says."""
    outline: dict[str, Any]
    """GeoJSON, longitude and latitude."""
    assets: dict[str, str]
    """Where each band lies, by the names of the catalogue; without what signs a url."""
    scale: float = 1.0
    offset: float = 0.0
    """Reflectance = stored number * scale + offset, where numbers are reflectances."""

    @property
    def moment(self) -> datetime | None:
        """`time` with its zone; None where it is not known."""
        moment = datetime.fromisoformat(self.time) if self.time else None
        return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)

    def covers(self, grid: Grid) -> bool:
        """Whether all corners of a grid lie in the outline, which may be in two parts at 180 or go on beyond it."""
        rows, cols = grid.shape
        lon, lat = grid.to_lonlat([0, 0, rows, rows], [0, cols, cols, 0])
        outline = shapely.geometry.shape(self.outline)
        turns = [shapely.contains_xy(outline, lon + turn, lat) for turn in (-360, 0, 360)]
        return bool(np.logical_or.reduce(turns).all())


@runtime_checkable
class Imagery(Protocol):
    """Something that has scenes."""

    bands: tuple[str, ...]
    newest: bool
    """Whether the newest scene is wanted, and not the one nearest in time to the photos."""

    def identity(self) -> str:
        """All that decides what is found and read, as text without secrets."""

    def failed(self) -> Sequence[str]:
        """What of the source cannot be read, and may be mended, a sentence each."""

    def unused(self) -> Sequence[str]:
        """What of the source is whole and of no use, a sentence each."""

    def scenes(self, box: Box, first: date | None, last: date | None) -> Sequence[Scene]:
        """Those that touch a box, of some days; ServiceError where nobody answers."""

    def read_cloud(self, scene: Scene, grid: Grid) -> float | None:
        """Share of a grid that is cloud in a scene, 0..1 of its valid pixels; None if the source has no cloud mask."""

    def read(self, scene: Scene, grid: Grid) -> Tile:
        """The pixels of a scene on a grid; ReadError or ServiceError if they cannot be read now."""

    def close(self) -> None:
        """Give back what is held."""
