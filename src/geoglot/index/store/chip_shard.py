"""One shard of an archive: chips as vectors, with the tables of chips and of sources."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Bool, Float16

from geoglot.errors import SourceError
from geoglot.index.store.chip_table import CHIPS, SOURCES, ChipBatch, with_geo
from geoglot.index.store.codes import Codes, encode
from geoglot.shards import ShardFiles, ShardStore

VECTORS, CODES, CODE_SCALE = "vectors.npy", "codes.npy", "code_scale.npy"
CHIP_TABLE, SOURCE_TABLE, PATCHES = "chips.parquet", "sources.parquet", "patches.npy"
GROUP = 4096
"""Rows of a table that are read together."""
_NAME = re.compile(r"shard-[0-9a-f]{16}")


@dataclass(frozen=True)
class Shard:
    """Some chips."""

    files: ShardFiles
    rows: int
    """Chips, those that were removed too."""
    removed: tuple[int, ...] = ()
    """Rows of the table of sources that count no more, nor do their chips."""
    live_rows: int = -1
    """Chips that count."""

    @property
    def name(self) -> str:
        return self.files.name

    @cached_property
    def vectors(self) -> Float16[np.ndarray, "chip dim"]:
        """Mapped from the file; removed chips too."""
        return self.files.array(VECTORS, self.rows)

    @cached_property
    def codes(self) -> Codes:
        """What `scan` reads; removed chips too."""
        scale = self.files.array(CODE_SCALE, 2)
        try:
            return Codes.of(self.files.array(CODES, self.rows), scale)
        except (ValueError, TypeError) as error:
            raise SourceError(f"{self.files.path(CODES)} cannot be read ({error}); restore it from a copy") from error

    @cached_property
    def patches(self) -> Float16[np.ndarray, "chip rows cols dim"] | None:
        return self.files.array(PATCHES, self.rows) if self.files.has(PATCHES) else None

    def table(self, columns: Sequence[str] = tuple(CHIPS.names)) -> Any:
        """Arrow table with these columns of all chips, removed ones too."""
        return self.files.table(CHIP_TABLE, columns, self.rows, only=True)

    def take(self, rows: Sequence[int], columns: Sequence[str]) -> Any:
        """Arrow table of some rows, of which only the groups that hold them are read."""
        return self.files.take(CHIP_TABLE, rows, columns)

    def sources(self, columns: Sequence[str] = tuple(SOURCES.names)) -> Any:
        """Arrow table with these columns of the parts of sources, removed ones too."""
        return self.files.table(SOURCE_TABLE, columns, only=True).select(columns)

    @cached_property
    def live(self) -> Bool[np.ndarray, " chip"] | None:
        """True for chips that count; None if all do."""
        if not self.removed:
            return None
        return ~np.isin(self.table(("part",))["part"].to_numpy(), self.removed)

    def entry(self) -> dict[str, Any]:
        """Its line in the manifest."""
        line = {"name": self.name, "rows": self.rows}
        return line | ({"removed": list(self.removed), "live": self.live_rows} if self.removed else {})


def read_shard(store: ShardStore, line: dict[str, Any]) -> Shard:
    """A shard; ValueError for a name that is a path, which could lead out of the archive."""
    name, rows, removed = line["name"], line["rows"], tuple(line.get("removed", ()))
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"the name of a shard must be shard- and 16 hexadecimal digits, got {name!r}")
    live = line.get("live", rows)
    if not all(type(number) is int and number >= 0 for number in (rows, live, *removed)) or live > rows:
        raise ValueError(f"{name} must have whole numbers of rows, got {rows!r}")
    return Shard(store.files(name), rows, removed, live)


def add_shard(store: ShardStore, shards: Sequence[Shard], batch: ChipBatch, model: Mapping[str, Any]) -> Shard:
    """Write the shard of a batch, unless it is there; the caller holds the archive and names it in the manifest.

    All of it counts, also what was removed from the one that is there.
    """
    tables = _pack_tables(batch, model)
    digest = hashlib.sha256(np.ascontiguousarray(batch.vectors).data)
    for content in tables.values():
        digest.update(content)
    name = f"shard-{digest.hexdigest()[:16]}"
    if there := next((shard for shard in shards if shard.name == name), None):
        return Shard(there.files, there.rows, (), there.rows)

    def write(folder: Path) -> None:
        np.save(folder / VECTORS, batch.vectors)
        codes = encode(batch.vectors)
        np.save(folder / CODES, codes.values)
        np.save(folder / CODE_SCALE, codes.scale)
        if batch.patches is not None:
            np.save(folder / PATCHES, batch.patches)
        for file, content in tables.items():
            (folder / file).write_bytes(content)

    count = len(batch.vectors)
    return Shard(store.write_shard(name, write), count, (), count)


def _pack_tables(batch: ChipBatch, model: Mapping[str, Any]) -> dict[str, bytes]:
    chips = with_geo(batch.chips, {"model": dict(model)})
    packed = dict[str, bytes]()
    for file, table in ((CHIP_TABLE, chips), (SOURCE_TABLE, batch.sources)):
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd", row_group_size=GROUP)
        packed[file] = buffer.getvalue()
    return packed
