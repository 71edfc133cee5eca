"""Rewrites shards that are small or lost chips as few large ones; deletes folders that the manifest does not name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from geoglot.aliases import PathLike
from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_shard import CHIP_TABLE, Shard, add_shard
from geoglot.index.store.chip_table import CHIPS, ChipBatch
from geoglot.index.store.live import live_rows
from geoglot.outputs.atomic import hold
from geoglot.outputs.own import remove_plain
from geoglot.shards import SHARD_FILES

MOST_CHIPS = 2**18
"""Chips of a shard that is written here."""
_MOST_BYTES = 2**28  # of patches


@dataclass(frozen=True)
class Compacted:
    """What a compaction did."""

    shards_before: int
    shards: int
    deleted: int
    """Folders of shards that were deleted."""


def compact(place: PathLike) -> Compacted:
    """Compact the archive in a folder; other writers wait. The chips and their vectors stay as they are.

    A reader that opened the archive before may miss shards afterwards, and must open it again.
    """
    archive, before = Archive.open(place), list[Shard]()

    def change(now: Archive) -> Archive:
        before[:] = now.shards
        shards = [
            group[0] if _is_good(group) else add_shard(now.store, (), _merge(group), vars(now.model))
            for group in _group(now.shards)
        ]
        return replace(now, shards=tuple(shards))

    after = archive.change(change)
    return Compacted(len(before), len(after.shards), _delete_unnamed(after))


def _is_good(group: Sequence[Shard]) -> bool:
    return len(group) == 1 and not group[0].removed


def _group(shards: Sequence[Shard]) -> Iterator[list[Shard]]:
    """Large shards alone, and small ones together until they are large."""
    group, most = list[Shard](), MOST_CHIPS
    for shard in shards:
        if shard.patches is not None and shard.rows:
            most = min(MOST_CHIPS, max(1, _MOST_BYTES // shard.patches[0].nbytes))
        if shard.rows >= most / 2:
            yield [shard]
            continue
        if group and sum(each.live_rows for each in group) + shard.live_rows > most:
            yield group
            group = []
        group.append(shard)
    if group:
        yield group


def _merge(shards: Sequence[Shard]) -> ChipBatch:
    """The chips and sources that count."""
    chips, sources, vectors, patches, first = (
        list[pa.Table](),
        list[pa.Table](),
        list[np.ndarray](),
        list[np.ndarray](),
        0,
    )
    for shard in shards:
        known = shard.sources()
        kept = np.delete(np.arange(known.num_rows), shard.removed)
        rows = live_rows(shard)
        table = shard.files.table(CHIP_TABLE, CHIPS.names, shard.rows).take(rows)
        part = np.searchsorted(kept, table["part"].to_numpy()) + first
        chips.append(table.set_column(table.column_names.index("part"), "part", pa.array(part, pa.int32())))
        sources.append(known.take(kept))
        vectors.append(shard.vectors[rows])
        if shard.patches is not None:
            patches.append(shard.patches[rows])
        first += len(kept)
    together = pa.concat_tables(chips, promote_options="default")
    return ChipBatch(
        np.concatenate(vectors), together, pa.concat_tables(sources),
        np.concatenate(patches) if patches else None,
    )  # fmt: skip


def _delete_unnamed(archive: Archive) -> int:
    """Delete the folders of shards that the manifest does not name, also those that killed runs left."""
    folder = archive.store.folder
    with hold(folder, wait=True):
        named = {shard.name for shard in Archive.open(folder).shards}
        unnamed = [
            path for path in folder.iterdir() if path.name.lstrip(".").startswith("shard-") and path.name not in named
        ]
        for path in unnamed:
            remove_plain(path, SHARD_FILES)
    return len(unnamed)
