"""Scenes, and the protocol of sources that find scenes and read them on a grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, runtime_checkable

import numpy as np
import shapely

from geoglot.geo import Grid
from geoglot.sources.areas import Box
from geoglot.sources.tile import Tile
from geoglot.times import to_utc


@dataclass(frozen=True)
class Scene:
    """An image of one day, as found by a search."""

    id: str
    time: str
    """ISO 8601, UTC; empty if unknown."""
    cloud: float | None
    """Cloud cover of the scene in percent, by its producer."""
    outline: dict[str, Any]
    """GeoJSON, longitude and latitude."""
    assets: dict[str, str]
    """Address of each asset by its name in the catalogue, without signatures."""
    scale: float = 1.0
    offset: float = 0.0
    """Reflectance = stored number * scale + offset, if stored numbers are reflectances."""

    @property
    def moment(self) -> datetime | None:
        """`time` in UTC; None if unknown."""
        return to_utc(datetime.fromisoformat(self.time)) if self.time else None

    def covers(self, grid: Grid) -> bool:
        """Whether all corners of a grid lie in the outline, which may be cut at 180 degrees or go on beyond."""
        rows, cols = grid.shape
        lon, lat = grid.to_lonlat([0, 0, rows, rows], [0, cols, cols, 0])
        outline = shapely.geometry.shape(self.outline)
        turns = [shapely.contains_xy(outline, lon + turn, lat) for turn in (-360, 0, 360)]
        return bool(np.logical_or.reduce(turns).all())


@runtime_checkable
class Imagery(Protocol):
    """A source of scenes."""

    bands: tuple[str, ...]
    newest: bool
    """Prefer the newest scene to the nearest in time to the photos."""

    def identity(self) -> str:
        """Everything that decides which scenes are found and how they are read, without secrets."""

    def failed(self) -> Sequence[str]:
        """A sentence for each file that cannot be read but may be repaired."""
        return ()

    def unused(self) -> Sequence[str]:
        """A sentence for each intact file that cannot be used."""
        return ()

    def scenes(self, box: Box, first: date | None, last: date | None) -> Sequence[Scene]:
        """Scenes that touch a box, from the first to the last day; ServiceError if the service does not respond."""

    def read_cloud(self, scene: Scene, grid: Grid) -> float | None:
        """Share of cloud among the valid pixels of a grid, 0..1; None without a cloud mask."""
        return None

    def read(self, scene: Scene, grid: Grid) -> Tile:
        """Read a scene on a grid; ReadError or ServiceError if it cannot be read now, SourceError if it is gone."""

    def close(self) -> None: ...
