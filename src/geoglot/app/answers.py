"""The shapes of what the map answers, for the description of its routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from geoglot.app.job import Job
from geoglot.app.workspace import Kind


@dataclass(frozen=True)
class Scene:
    """A scene. One that cannot be read has an `error`, and nothing else."""

    id: str
    name: str
    kind: Kind = "scene"
    dropped: bool = False
    bounds: list[float] | None = None
    """West, south, east, north in degrees."""
    placed: bool = True
    """False for a scene without a CRS, which is shown around 0, 0 with pixels of 1 m."""
    size: list[int] | None = None
    """Columns and rows."""
    resolution_m: float | None = None
    time: str | None = None
    """The day or the year when it was taken, such as 2024-05-31 or 1990, as change takes it."""
    bands: list[str] = field(default_factory=list)
    minzoom: int = 0
    maxzoom: int = 22
    notes: list[str] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True)
class ArchiveFacts:
    """An archive, or a folder of pictures that is indexed when it is first searched."""

    id: str
    name: str
    kind: Kind = "archive"
    dropped: bool = False
    chips: int | None = None
    scenes: int | None = None
    bounds: list[float] | None = None
    model: str | None = None
    first: str | None = None
    last: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Picture:
    """A picture that was given as an example."""

    id: str
    name: str


@dataclass(frozen=True)
class Area:
    """Polygons of a file, joined."""

    area: dict[str, Any]
    """A Polygon or MultiPolygon of GeoJSON in longitude and latitude."""


@dataclass(frozen=True)
class AuditState:
    """A sample of a map: what was decided, and what follows."""

    names: list[str]
    """All classes that a place may really be of."""
    places: list[dict[str, Any]]
    """`id`, `lon`, `lat` and `class`: "" for one that is open, "?" for one that cannot be told."""
    found: dict[str, Any] | None = None
    """The document of `geoglot audit SAMPLE --json`: areas and accuracies with their intervals."""
    why: str = ""
    """Why there are none yet."""


@dataclass(frozen=True)
class MapState:
    """Everything that a page needs to begin."""

    version: str
    model: str
    models: list[str]
    scenes: list[Scene]
    archives: list[ArchiveFacts]
    jobs: list[Job]
    upload_mb: int
    basemap: str | None = None
