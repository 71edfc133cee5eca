"""Which chips of an archive a file marks: hits that were saved, points or polygons, or names of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from geoglot.crs import wrap_longitude
from geoglot.errors import InputError
from geoglot.index.store.archive import Archive
from geoglot.index.store.cells import Cell
from geoglot.index.store.chip_shard import Shard
from geoglot.index.store.live import chip_edges, live_rows
from geoglot.lonlat import middles, width_of
from geoglot.tables import read_table, read_text

if TYPE_CHECKING:
    import pandas as pd

_LISTS = (".txt", ".csv", ".tsv")
_MOST = 10_000


@dataclass(frozen=True)
class Mark:
    """A place, a source, or both."""

    lon: float | None = None
    lat: float | None = None
    source: str | None = None
    time: pd.Timestamp | None = None

    def __str__(self) -> str:
        place = f"{self.lon:.6f} {self.lat:.6f}" if self.lon is not None else ""
        return " ".join(filter(None, [self.source, place]))


def marked_vectors(archive: Archive, files: tuple[Path, ...]) -> Float[np.ndarray, "mark dim"]:
    """The vector of the chip that each mark of some files means; InputError for a mark that means none.

    A place means the chip whose centre is nearest, of those that contain it, and of several dates the latest. A column
    `source` or `time`, as saved hits have, says which. A source without a place must have one chip.
    """
    return vectors_at(archive, [mark for file in files for mark in read_marks(file)])


def vectors_at(archive: Archive, marks: Sequence[Mark]) -> Float[np.ndarray, "mark dim"]:
    """The vector of the chip that each mark means, as `marked_vectors`."""
    best: list[tuple[float, float, np.ndarray] | None] = [None] * len(marks)
    several = set[int]()
    for shard in archive.shards:
        live = live_rows(shard)
        columns = _Columns.of(shard, live)
        for index, mark in enumerate(marks):
            rows = columns.rows(mark)
            if not len(rows):
                continue
            if mark.lon is None and (len(rows) > 1 or best[index]):
                several.add(index)
            distance, age, row = columns.nearest(rows, mark)
            if best[index] is None or (distance, age) < best[index][:2]:  # type: ignore[index]
                best[index] = distance, age, np.asarray(shard.vectors[live[row]], np.float32)
    if lost := [mark for mark, found in zip(marks, best, strict=True) if found is None]:
        raise InputError(f"no chip of {archive.place} is at {lost[0]}; mark what the archive covers")
    if several:
        mark = marks[min(several)]
        raise InputError(f"{mark.source} has several chips; mark places in it by points of a vector file")
    rows_found = [found[2] for found in best if found is not None]
    return np.stack(rows_found) if rows_found else np.empty((0, archive.model.dim), np.float32)


def parse_place(text: str) -> Mark:
    """The mark of "LON,LAT" in degrees, or of a cell such as 224m_57000_12000; InputError for anything else."""
    try:
        lon, lat = map(float, text.split(",")) if "," in text else Cell.parse(text).centre
    except ValueError as error:
        raise InputError(f"a place must be LON,LAT in degrees, such as 4.48,51.92, got {text!r}") from error
    return Mark(lon, lat)


def read_marks(path: Path) -> list[Mark]:
    """The marks of a vector file, a table with a column `source`, or a text with a source a line."""
    suffix = path.suffix.lower()
    if suffix == ".txt":
        marks = [Mark(source=line.strip()) for line in read_text(path).body.splitlines() if line.strip()]
    elif suffix in _LISTS:
        marks = [_of_row(row) for row in read_table(path, ("source",)).rows]
    else:
        marks = _read_places(path)
    if not 0 < len(marks) <= _MOST:
        raise InputError(f"{path} must have from 1 to {_MOST:,} examples, got {len(marks):,}")
    return marks


def _of_row(row: Mapping[str, str]) -> Mark:
    """The mark of a line of a table; saved hits also name the cell and the time."""
    if not row.get("cell"):
        return Mark(source=row["source"])
    place = parse_place(row["cell"])
    return replace(place, source=row["source"], time=_moments([row.get("time") or None])[0])


def _moments(texts: Sequence[object]) -> list[pd.Timestamp | None]:
    """Times in UTC; None where there is none, or where the text is no time."""
    import pandas as pd

    times = pd.to_datetime(pd.Series(texts, dtype=object), utc=True, errors="coerce", format="ISO8601")
    return [None if pd.isna(time) else time for time in times]


def _read_places(path: Path) -> list[Mark]:
    from geoglot.sources.vectors import read_vectors

    frame = read_vectors(path)
    if frame.crs is not None:
        frame = frame.to_crs(4326)
    named = frame["source"].tolist() if "source" in frame else []
    sources = [each if isinstance(each, str) and each else None for each in named] or [None] * len(frame)
    times = _moments(frame["time"].tolist()) if "time" in frame else [None] * len(frame)
    points = middles(frame.geometry.to_numpy()).tolist()
    return [Mark(lon, lat, source, time) for (lon, lat), source, time in zip(points, sources, times, strict=True)]


@dataclass(frozen=True, eq=False)
class _Columns:
    """What marks are compared with."""

    source: np.ndarray
    west: np.ndarray
    south: np.ndarray
    east: np.ndarray
    """Less than west across the antimeridian."""
    north: np.ndarray
    time: np.ndarray
    """Nanoseconds; the smallest number without a time."""

    @classmethod
    def of(cls, shard: Shard, rows: Int[np.ndarray, " chip"]) -> _Columns:
        table = shard.table(("source", "time")).take(rows)
        west, south, east, north = chip_edges(shard, rows).T
        time = table["time"].to_numpy().astype("datetime64[ns]").astype(np.int64)
        return cls(table["source"].to_numpy(zero_copy_only=False), west, south, east, north, time)

    @cached_property
    def _width(self) -> np.ndarray:
        return width_of(self.west, self.east)

    def rows(self, mark: Mark) -> np.ndarray:
        fits = np.ones(len(self.source), bool)
        if mark.source is not None:
            ending = f"/{mark.source.lstrip('/')}"
            fits &= (self.source == mark.source) | np.array([str(name).endswith(ending) for name in self.source])
        if mark.lon is not None and mark.lat is not None:
            fits &= (mark.lon - self.west) % 360 <= self._width
            fits &= (self.south <= mark.lat) & (mark.lat <= self.north)
        if mark.time is not None:
            fits &= self.time == mark.time.as_unit("ns").value
        return np.flatnonzero(fits)

    def nearest(self, rows: np.ndarray, mark: Mark) -> tuple[float, float, int]:
        """Squared distance in degrees, minus the time, and row of the best of some rows."""
        distance = np.zeros(len(rows))
        if mark.lon is not None and mark.lat is not None:
            across = wrap_longitude(self.west[rows] + self._width[rows] / 2 - mark.lon)
            down = (self.south[rows] + self.north[rows]) / 2 - mark.lat
            distance = np.round((across * np.cos(np.radians(mark.lat))) ** 2 + down**2, 18)
        best = np.lexsort((-self.time[rows].astype(np.float64), distance))[0]
        return float(distance[best]), -float(self.time[rows[best]]), int(rows[best])
