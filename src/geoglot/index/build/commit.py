"""Joins what was encoded to an archive: each part of a source once, whoever did it and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from geoglot.index.build.known_sources import Known, forget, without
from geoglot.index.build.units import Source
from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_shard import add_shard
from geoglot.index.store.chip_table import ChipBatch, check_batch


def commit(archive: Archive, batch: ChipBatch, known: Known) -> Archive:
    """Add a batch without the parts that the archive holds by now.

    A part that the archive holds with places that failed is replaced. `known` is brought up to date.
    """
    check_batch(batch, archive.model.dim, archive.keeps_patches)

    def change(now: Archive) -> Archive:
        known.update(now)
        columns = ("source_sha", "asked", "part", "parts", "scale_m")
        rows = zip(*(batch.sources[name].to_pylist() for name in columns), strict=True)
        there = [known.find((sha, asked, part, parts), scale) for sha, asked, part, parts, scale in rows]
        good = np.array([row is None or row.failed > 0 for row in there], bool)
        if not good.any():
            return now
        shard = add_shard(now.store, now.shards, _select(batch, good), vars(now.model))
        if shard in now.shards:  # the same places failed again
            return now
        left = without(now, [row for row in there if row and row.failed])
        return replace(left, shards=(*left.shards, shard))

    changed = archive.change(change)
    known.update(changed)
    return changed


def _select(batch: ChipBatch, good: np.ndarray) -> ChipBatch:
    """The batch with some of its sources."""
    if good.all():
        return batch
    part = batch.chips["part"].to_numpy()
    rows = np.flatnonzero(good[part])
    index = batch.chips.column_names.index("part")
    numbers = pa.array((np.cumsum(good) - 1)[part[rows]], pa.int32())
    return ChipBatch(
        batch.vectors[rows],
        batch.chips.take(rows).set_column(index, "part", numbers),
        batch.sources.take(np.flatnonzero(good)),
        None if batch.patches is None else batch.patches[rows],
    )


def forget_old(archive: Archive, sources: Sequence[Source], known: Known) -> Archive:
    """Remove what files showed before they got other content."""
    content = {source.uri: source.sha for source in sources}
    return forget(archive, known, lambda row: content.get(row.source, row.sha) != row.sha)
