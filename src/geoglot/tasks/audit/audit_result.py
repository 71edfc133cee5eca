"""What a decided sample says: areas that carry their error, and the accuracy of a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from geoglot.outputs.notebook.page import Drawing, Page
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.tasks.audit.audit_page import draw_audit_map, page_of_audit
from geoglot.tasks.audit.census import Stratum
from geoglot.tasks.audit.design import Design
from geoglot.tasks.audit.pick_places import Place


@dataclass(frozen=True)
class Figure:
    """A figure with the ends of its 95 % interval; None if the sample cannot tell."""

    value: float | None
    low: float | None
    high: float | None

    def times(self, factor: float) -> Figure:
        """The same in another unit."""
        return Figure(*(None if end is None else end * factor for end in (self.value, self.low, self.high)))


@dataclass(frozen=True)
class AuditedClass:
    """What a sample says of a class, or of all changes that gain or lose one."""

    name: str
    mapped_m2: float | None
    """What the map says, which is biased by its errors."""
    area_m2: Figure
    """Empty without a CRS."""
    share: Figure
    """Of the ground of the map, 0..1."""
    users: Figure
    """How much of what the map calls so is so."""
    producers: Figure
    """How much of what is so the map calls so."""

    def to_json(self) -> dict[str, Any]:
        """Its area, with the ends of the interval beside it, and its share of the map."""
        area = self.area_m2
        return {
            "name": self.name, "area_m2": area.value, "low": area.low, "high": area.high, "mapped_m2": self.mapped_m2,
            "share": asdict(self.share),
        }  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """A place that was decided."""

    place: Place
    mapped: str | None
    """Its class on the map; None where the map has none."""
    true: str


@dataclass(frozen=True)
class Audit(ShownOnMap):
    """Areas that carry their error, and the accuracy of the map."""

    sample: Path
    map: str
    design: Design
    strata: tuple[Stratum, ...] = field(repr=False)
    """The classes of the map; those of the design, unless another map is judged."""
    decided: tuple[int, ...]
    """Places of each stratum that have a class."""
    classes: tuple[AuditedClass, ...]
    changes: tuple[AuditedClass, ...]
    """What each class gained and lost, if the map is one of change."""
    overall: Figure
    """How much of the map is right."""
    matrix: Mapping[str, Mapping[str, int]]
    """Decided places by the class of the map, and by the true class."""
    notes: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = field(repr=False)

    def page(self) -> Page:
        return page_of_audit(self)

    def draw(self) -> Drawing:
        return draw_audit_map(self)

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot audit SAMPLE --json`."""
        strata = [
            {**asdict(stratum), "places": size, "decided": decided}
            for stratum, size, decided in zip(self.design.strata, self.design.sizes, self.decided, strict=True)
        ]
        accuracy = {"overall": asdict(self.overall)} | {
            whose: {each.name: asdict(getattr(each, whose)) for each in self.classes}
            for whose in ("users", "producers")
        }
        return {
            "sample": str(self.sample), "map": self.map, "places": sum(self.design.sizes), "decided": sum(self.decided),
            "strata": strata, "areas": [each.to_json() for each in self.classes],
            "changes": [each.to_json() for each in self.changes], "accuracy": accuracy, "matrix": self.matrix,
            "notes": list(self.notes),
        }  # fmt: skip
