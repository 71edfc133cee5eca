"""A hit of a search: the best chip of one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shapely.geometry.base import BaseGeometry

from geoglot.geo import Window
from geoglot.lonlat import west_east_bounds


@dataclass(frozen=True)
class Hit:
    """The best chip of one place."""

    rank: int
    score: float
    """How the whole chip fits: the cosine to a query of one vector, else the mean share of chips that are less similar.
    """
    source: str
    window: Window
    """Pixels of the source's own grid."""
    geometry: BaseGeometry | None
    """Outline of the chip in degrees; None for a picture without coordinates."""
    time: datetime | None
    cell: str | None
    scale_m: float | None
    reading: str
    """How its source was read, as `chip_facts` gives it."""
    row: int
    """Of the archive, through all its shards."""
    also: int = 0
    """Chips of the same place, at other dates or scales, among the candidates."""
    part: tuple[float, float, float, float] | None = None
    """What fits the words best: top, left, bottom, right as shares of the chip; None if it was not looked into."""
    outline: BaseGeometry | None = None
    """The same in degrees."""
    part_score: float | None = None
    """Cosine of the patch that fits the words best."""
    fit: float | None = None
    """The number that ranks hits which were looked into: the mean of both scores, each in standard deviations above the
    mean of these hits. None for other hits, which `score` ranks."""

    @property
    def scores(self) -> str:
        """All scores as a person reads them, first that of the rank."""
        fit = "" if self.fit is None else f"fit {self.fit:+.2f}  "
        part = "" if self.part_score is None else f"  part {self.part_score:.3f}"
        return f"{fit}whole {self.score:.3f}{part}"

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """West, south, east, north in degrees, west > east across the antimeridian."""
        return None if self.geometry is None else west_east_bounds(self.geometry)

    def to_json(self) -> dict[str, Any]:
        return {
            "rank": self.rank, "fit": None if self.fit is None else round(self.fit, 6), "score": round(self.score, 6),
            "source": self.source, "window": list(self.window),
            "bounds": None if self.bounds is None else [round(edge, 7) for edge in self.bounds],
            "time": None if self.time is None else self.time.isoformat(), "cell": self.cell, "also": self.also,
            "part": None if self.part is None else [round(edge, 4) for edge in self.part],
            "part_score": None if self.part_score is None else round(self.part_score, 6),
        }  # fmt: skip
