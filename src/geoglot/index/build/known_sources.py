"""What an archive holds already, by the content of sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

import numpy as np

from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_shard import Shard

_COLUMNS = ("source", "source_sha", "state", "reading", "asked", "scale_m", "part", "parts", "failed", "time")


Key = tuple[str, str, int, int]
"""Content, scale that was asked for, number of the part, number of parts; as `Part.key`."""


Scaled = tuple[str, float | None, int, int]
"""Content, side of the chips in metres, number of the part, number of parts: however that scale was asked for."""


class Row(NamedTuple):
    """A part of a source in an archive."""

    shard: str
    row: int
    """Row of the shard's table of sources."""
    source: str
    sha: str
    state: str
    reading: str
    asked: str
    scale_m: float | None
    part: int
    parts: int
    failed: int
    time: datetime | None

    @property
    def key(self) -> Key:
        return self.sha, self.asked, self.part, self.parts


@dataclass
class Known:
    """The parts of sources in an archive, read shard by shard and kept."""

    parts: dict[Key, Row] = field(default_factory=dict)
    pictures: dict[str, Row] = field(default_factory=dict)
    """Pictures without coordinates, which are of no scale, by the hash of their content."""
    scaled: dict[Scaled, Row] = field(default_factory=dict)
    hashes: dict[tuple[str, str], str] = field(default_factory=dict)
    """Hash of the content of files by (uri, state)."""
    _shards: dict[str, Shard] = field(default_factory=dict)

    def update(self, archive: Archive) -> None:
        """Read what is new. If something is gone, everything is read again."""
        now = {shard.name: shard for shard in archive.shards}
        if any(now.get(name) != shard for name, shard in self._shards.items()):
            self.__init__()  # type: ignore[misc]
        for name in now.keys() - self._shards.keys():
            for row in _read(now[name]):
                self.parts[row.key] = row
                self.scaled[row.sha, row.scale_m, row.part, row.parts] = row
                if row.state:
                    self.hashes[row.source, row.state] = row.sha
                if row.scale_m is None:
                    self.pictures[row.sha] = row
        self._shards = now

    def find(self, key: Key, scale_m: float | None) -> Row | None:
        """The row of a part; else of the same chips, asked for otherwise; else of a picture, which is of no scale."""
        sha, _, part, parts = key
        return self.parts.get(key) or self.scaled.get((sha, scale_m, part, parts)) or self.pictures.get(sha)


def _read(shard: Shard) -> list[Row]:
    table = shard.sources(_COLUMNS).to_pylist()
    gone = set(shard.removed)
    return [Row(shard.name, index, *line.values()) for index, line in enumerate(table) if index not in gone]


def forget(archive: Archive, known: Known, is_old: Callable[[Row], bool]) -> Archive:
    """Remove the old parts of sources, as they are by now, since others may have changed the archive.

    `known` must be up to date with the archive that is given, and is with the one that is returned.
    """

    def change(now: Archive) -> Archive:
        known.update(now)
        return without(now, list(filter(is_old, known.parts.values())))

    if not any(map(is_old, known.parts.values())):
        return archive
    changed = archive.change(change)
    known.update(changed)
    return changed


def without(archive: Archive, rows: Collection[Row]) -> Archive:
    """The archive without some parts of sources and their chips."""
    gone = defaultdict[str, set[int]](set)
    for row in rows:
        gone[row.shard].add(row.row)
    shards = (_without(shard, gone.get(shard.name, ())) for shard in archive.shards)
    return replace(archive, shards=tuple(filter(None, shards)))


def _without(shard: Shard, gone: Collection[int]) -> Shard | None:
    """The shard without some of its sources; None if nothing is left."""
    if not gone:
        return shard
    removed = tuple(sorted({*shard.removed, *gone}))
    chips = shard.sources(("chips",))["chips"].to_numpy()
    if len(removed) == len(chips):
        return None
    return Shard(shard.files, shard.rows, removed, int(np.delete(chips, removed).sum()))
