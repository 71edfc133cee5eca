"""One shard of an archive: chips as vectors, with the tables of chips and of sources."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Bool, Float16

from geoglot.index.chip_table import CHIPS, SOURCES, ChipBatch, with_geo
from geoglot.shards import ShardFiles, ShardStore

VECTORS, CHIP_TABLE, SOURCE_TABLE, PATCHES = "vectors.npy", "chips.parquet", "sources.parquet", "patches.npy"
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
    def patches(self) -> Float16[np.ndarray, "chip rows cols dim"] | None:
        return self.files.array(PATCHES, self.rows) if self.files.has(PATCHES) else None

    def table(self, columns: Sequence[str] = tuple(CHIPS.names)) -> Any:
        """Arrow table with these columns of all chips, removed ones too."""
        return self.files.table(CHIP_TABLE, columns, self.rows, only=True)

    def sources(self) -> Any:
        """Arrow table of the parts of sources, removed ones too."""
        return self.files.table(SOURCE_TABLE, SOURCES.names)

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


def write_shard(store: ShardStore, name: str, batch: ChipBatch, model: Mapping[str, Any]) -> Shard:
    """Write a shard, which the caller names in the manifest while it holds the archive."""
    count = len(batch.vectors)
    return Shard(store.write_shard(name, lambda folder: _write(folder, batch, model)), count, (), count)


def _write(folder: Path, batch: ChipBatch, model: Mapping[str, Any]) -> None:
    np.save(folder / VECTORS, batch.vectors)
    if batch.patches is not None:
        np.save(folder / PATCHES, batch.patches)
    pq.write_table(with_geo(batch.chips, {"model": dict(model)}), folder / CHIP_TABLE, compression="zstd")
    pq.write_table(batch.sources, folder / SOURCE_TABLE, compression="zstd")


def name_of(batch: ChipBatch) -> str:
    """A name that is a hash of the content."""
    digest = hashlib.sha256(np.ascontiguousarray(batch.vectors).tobytes())
    for table in (batch.chips, batch.sources):
        for column in table.column_names:
            digest.update(repr((column, table[column].to_pylist())).encode())
    return f"shard-{digest.hexdigest()[:16]}"
