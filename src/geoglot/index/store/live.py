"""The chips of an archive that count, from its shards one at a time, so that memory holds one shard."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float, Float16, Int

from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_shard import Shard
from geoglot.index.store.chip_table import CHIPS, box_edges
from geoglot.lonlat import west_east_bounds
from geoglot.tables import parse_json


def live_rows(shard: Shard) -> Int[np.ndarray, " chip"]:
    """The rows of a shard that were not removed."""
    return np.arange(shard.rows) if shard.live is None else np.flatnonzero(shard.live)


def live_blocks(
    archive: Archive, columns: Sequence[str] = tuple(CHIPS.names)
) -> Iterator[tuple[Float16[np.ndarray, "chip dim"], Any]]:
    """Vectors and table of the chips of each shard."""
    for shard in archive.shards:
        rows, table = live_rows(shard), shard.table(columns)
        if len(rows) == shard.rows:
            yield shard.vectors, table
        elif len(rows):
            yield shard.vectors[rows], table.take(rows)


def chip_edges(shard: Shard, rows: Int[np.ndarray, " chip"]) -> Float[np.ndarray, "chip 4"]:
    """West, south, east and north of chips in degrees, west > east across the antimeridian; NaN without a place.

    The box of the table is around both parts of a chip that is cut at 180 degrees, and so around all of the Earth.
    """
    edges = box_edges(shard.table(("bbox",)).take(rows))
    if len(wide := np.flatnonzero((edges[:, 0] == -180) & (edges[:, 2] == 180))):
        outlines = shapely.from_wkb(shard.take(rows[wide].tolist(), ("geometry",))["geometry"].to_numpy())
        edges[wide] = [west_east_bounds(outline) for outline in outlines]
    return edges


def rows_that_count(archive: Archive) -> Int[np.ndarray, " chip"]:
    """The rows that were not removed, counted through all shards."""
    every = (start + live_rows(shard) for start, shard in zip(archive.starts, archive.shards, strict=False))
    return np.concatenate([np.empty(0, np.int64), *every])


def gather(
    archive: Archive, rows: Int[np.ndarray, " row"], read: Callable[[Shard, list[int]], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """What `read` gives for rows that are counted through all shards; each shard is read once."""
    facts: list[dict[str, Any]] = [{} for _ in rows]
    shards, places = archive.locate(rows)
    for number in np.unique(shards):
        here = np.flatnonzero(shards == number)
        found = read(archive.shards[number], places[here].tolist())
        for index, fact in zip(here, found, strict=True):
            facts[index] = fact
    return facts


def chip_facts(shard: Shard, rows: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Columns of some chips, and `reading`, which says as JSON how the source of each was read.

    It has the options, and `state` and `sha` of the content that the source had then.
    """
    chips = shard.take(rows, ("part", *columns)).to_pylist()
    parts = shard.sources(("reading", "state", "source_sha")).to_pylist()
    return [{**chip, "reading": _reading_of(parts[chip["part"]])} for chip in chips]


def _reading_of(part: dict[str, Any]) -> str:
    try:
        options = parse_json(part["reading"] or "{}")
        return json.dumps({**options, "state": part["state"], "sha": part["source_sha"]})
    except (ValueError, TypeError):  # it is damaged, and an attempt to read the chip says so
        return str(part["reading"])
