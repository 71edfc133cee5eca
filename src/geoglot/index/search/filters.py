"""Filters of a search: which chips count, before any is ranked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc
import shapely
from jaxtyping import Bool, Float
from shapely.geometry.base import BaseGeometry

from geoglot.errors import InputError
from geoglot.index.search.where import Condition, parse_where
from geoglot.index.store.chip_shard import Shard
from geoglot.index.store.chip_table import box_edges
from geoglot.options import SearchOptions


@dataclass(frozen=True)
class Filters:
    """What a chip must fulfil to count. A chip without a place fulfils no area, and one without a time no date."""

    area: BaseGeometry | None = None
    """In degrees, within -180..180; a chip that touches it counts."""
    after: datetime | None = None
    """The first moment that counts."""
    before: datetime | None = None
    """The first moment that counts no more."""
    where: Condition | None = None

    @classmethod
    def of(cls, options: SearchOptions) -> Filters:
        """Read the filters that a user gave; InputError if one cannot be read."""
        areas = [box_area(*options.bbox)] if options.bbox else []
        if options.area:
            # GeoPandas takes a second, and most searches have no area
            from geoglot.scene.vector_features import read_lonlat_area

            areas.append(read_lonlat_area(options.area))
        area = shapely.intersection_all(areas) if areas else None
        after = _day(options.after, "after") if options.after else None
        before = _day(options.before, "before") if options.before else None
        if after and before and after > before:
            raise InputError(f"after must be no later than before, got {options.after} and {options.before}")
        where = parse_where(options.where) if options.where else None
        return cls(area, after, _next_day(before) if before else None, where)

    def parts(self) -> Iterator[tuple[str, Filters]]:
        """Each filter alone, with its name."""
        given = {
            "the area": Filters(area=self.area), "the days": Filters(after=self.after, before=self.before),
            "where": Filters(where=self.where),
        }  # fmt: skip
        return ((name, filters) for name, filters in given.items() if filters != Filters())

    def mask(self, shard: Shard) -> Bool[np.ndarray, " chip"] | None:
        """True for the chips of a shard that count; None if all do. Removed ones do not."""
        masks = [] if shard.live is None else [shard.live]
        table = shard.table(self._columns) if self._columns else None
        if self.where:
            masks.append(self.where.rows(table))
        if self.after or self.before:
            masks.append(self._within_time(table))
        if self.area is not None:
            masks.append(self._within_area(table, shard))
        return np.logical_and.reduce(masks) if masks else None

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        """Columns that decide."""
        time = ["time"] if self.after or self.before else []
        place = [] if self.area is None else ["bbox"]
        return tuple(dict.fromkeys([*(self.where.columns if self.where else ()), *time, *place]))

    def _within_time(self, table: Any) -> Bool[np.ndarray, " chip"]:
        times = table["time"]
        kept = pc.is_valid(times)
        if self.after:
            kept = pc.and_kleene(kept, pc.greater_equal(times, self.after))
        if self.before:
            kept = pc.and_kleene(kept, pc.less(times, self.before))
        found: np.ndarray = pc.fill_null(kept, False).combine_chunks().to_numpy(zero_copy_only=False)
        return found

    def _within_area(self, table: Any, shard: Shard) -> Bool[np.ndarray, " chip"]:
        """Most chips are decided by their boxes; the outlines of the others are read."""
        boxes = box_edges(table)
        kept, near = np.zeros(len(boxes), bool), np.zeros(len(boxes), bool)
        for edges, is_box in self._parts:
            near |= _touches(boxes, edges)
            if is_box:
                kept |= _lies_within(boxes, edges)
        if len(unsure := np.flatnonzero(near & ~kept)):
            outlines = shapely.from_wkb(shard.take(unsure.tolist(), ("geometry",))["geometry"].to_numpy())
            kept[unsure] = shapely.intersects(self.area, outlines)
        return kept

    @cached_property
    def _parts(self) -> list[tuple[Float[np.ndarray, " 4"], bool]]:
        """The boxes around the polygons of the area, and whether these are boxes themselves."""
        shapely.prepare(self.area)
        parts = shapely.get_parts(self.area)
        return [(shapely.bounds(part), bool(part.equals(shapely.envelope(part)))) for part in parts]


def box_area(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """A box in degrees as a geometry; west > east across the antimeridian."""
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise InputError(
            "bbox must be west,south,east,north in degrees, -180 to 180 and -90 to 90, with west > east across the "
            f"antimeridian, got {west:g},{south:g},{east:g},{north:g}"
        )
    if west <= east:
        return shapely.box(west, south, east, north)
    return shapely.union(shapely.box(west, south, 180, north), shapely.box(-180, south, east, north))


def _touches(boxes: Float[np.ndarray, "chip 4"], edges: Float[np.ndarray, " 4"]) -> Bool[np.ndarray, " chip"]:
    west, south, east, north = edges
    touching: np.ndarray = (
        (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
    )
    return touching


def _lies_within(boxes: Float[np.ndarray, "chip 4"], edges: Float[np.ndarray, " 4"]) -> Bool[np.ndarray, " chip"]:
    west, south, east, north = edges
    inside: np.ndarray = (boxes[:, 0] >= west) & (boxes[:, 2] <= east) & (boxes[:, 1] >= south) & (boxes[:, 3] <= north)
    return inside


def _next_day(day: datetime) -> datetime:
    """The day after; the end of 9999-12-31, which people write for "no end" and which has no day after."""
    return min(day, datetime.max.replace(tzinfo=UTC) - timedelta(days=1)) + timedelta(days=1)


def _day(text: str, name: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError as error:
        raise InputError(f"{name} must be a day such as 2024-05-31, got {text!r}") from error
