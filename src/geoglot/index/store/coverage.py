"""What an archive covers: by which model, where, when, and how much was not seen and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from geoglot.figures import format_count, format_number
from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_table import BOX
from geoglot.lonlat import bound_boxes

_COLUMNS = ("source", "source_sha", "scale_m", "chips", "unseen", "failed", "why", "bbox", "time")
_MANY_SHARDS = 64


@dataclass(frozen=True)
class Coverage:
    """A summary of an archive."""

    place: str
    model: str
    sha256: str
    dim: int
    patches: bool
    sources: int
    chips: int
    shards: int
    scales: dict[str, int]
    """Chips by scale, "pictures" for those without coordinates."""
    area_km2: float
    """Area of all chips; a place that was seen twice counts twice."""
    bounds: tuple[float, float, float, float] | None
    """West, south, east, north in degrees, west > east across the antimeridian; None without coordinates."""
    first: datetime | None
    last: datetime | None
    """When the pixels were taken, as far as that is known."""
    unseen: dict[str, int]
    """Places without a vector, by the reason."""
    unfit: dict[str, int]
    """Sources that a scale cannot show, so that their places were not counted, by the reason."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot index info --json`."""
        times = {key: moment and moment.isoformat() for key, moment in (("first", self.first), ("last", self.last))}
        return asdict(self) | times

    def lines(self) -> Iterator[tuple[str, str]]:
        """(name, value) for people."""
        yield "archive", self.place
        yield "model", f"{self.model} ({self.sha256[:8] or 'by others'}), {self.dim} numbers a chip"
        many = "; geoglot index compact makes searching quicker" if self.shards > _MANY_SHARDS else ""
        yield (
            "chips",
            f"{self.chips:,} of {format_count(self.sources, 'source')}, in {format_count(self.shards, 'shard')}{many}",
        )
        if self.patches:
            yield "patches", "kept"
        for scale, chips in self.scales.items():
            yield "scale", f"{scale}: {format_count(chips, 'chip')}"
        if self.bounds:
            west, south, east, north = self.bounds
            yield (
                "where",
                f"{west:.4f}, {south:.4f} to {east:.4f}, {north:.4f}; {format_number(self.area_km2)} km² of chips",
            )
        if self.first and self.last:
            yield "when", f"{self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}"
        for why, places in self.unseen.items():
            yield "not seen", f"{format_count(places, 'place')}: {why}"
        for why, sources in self.unfit.items():
            yield "not seen", f"{format_count(sources, 'source')}: {why}"


def live_sources(archive: Archive) -> Iterator[dict[str, Any]]:
    """The parts of sources that count, a row each."""
    for shard in archive.shards:
        gone = set(shard.removed)
        for number, row in enumerate(shard.sources(_COLUMNS).to_pylist()):
            if number not in gone:
                yield row


def cover(archive: Archive) -> Coverage:
    """Summarise an archive by the tables of its sources."""
    scales, unseen, unfit, sources = Counter[float | None](), Counter[str](), Counter[str](), set[str]()
    boxes, times = list[list[float]](), list[datetime]()
    for row in live_sources(archive):
        sources.add(row["source_sha"])
        scales[row["scale_m"]] += row["chips"]
        if missing := (row["unseen"] or 0) + (row["failed"] or 0):
            unseen[row["why"] or "unknown"] += missing
        elif row["why"]:
            unfit[row["why"]] += 1
        boxes += [[row["bbox"][edge] for edge in BOX]] if row["bbox"] else []
        times += [row["time"]] if row["time"] else []
    order = sorted((scale for scale in scales if scale is not None), key=float)
    named = {f"{scale:g} m": scales[scale] for scale in order}
    return Coverage(
        archive.place, archive.model.name, archive.model.sha256, archive.model.dim, archive.keeps_patches,
        len(sources), archive.rows, len(archive.shards),
        named | ({"pictures": scales[None]} if scales[None] else {}),
        sum(scales[scale] * scale**2 for scale in order) / 1e6,
        bound_boxes(np.array(boxes)) if boxes else None,
        min(times, default=None), max(times, default=None), dict(unseen.most_common()), dict(unfit.most_common()),
    )  # fmt: skip
