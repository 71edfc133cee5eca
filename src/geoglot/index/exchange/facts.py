"""What the metadata of an exported archive says: its model, its sources and its chips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import shapely
from jaxtyping import Float16, Int

from geoglot.index.store.archive import Archive, ModelFacts
from geoglot.index.store.chip_table import BOX, CHIPS, SOURCES
from geoglot.index.store.coverage import cover, live_sources
from geoglot.index.store.live import live_rows
from geoglot.lonlat import bound_geometries

#: Columns that an export has beside those of the chips, and the names of these columns in the table of sources
PARTS = {"asked": "asked", "source_part": "part", "source_parts": "parts", "reading": "reading"}
#: The columns of exports
EXPORTED = pa.schema(
    [field for field in CHIPS if field.name != "part"]
    + [pa.field(name, SOURCES.field(own).type) for name, own in PARTS.items()]
)
#: Columns that exports lacked once
ADDED = frozenset({"reading"})
_MOST_SOURCES = 100  # folders of sources that metadata lists


@dataclass(frozen=True)
class Summary:
    """An archive as others describe theirs."""

    model_uri: str
    source_uris: list[str]
    """Folders of the sources."""
    start: datetime | None
    end: datetime | None
    gsd: float | None
    """Metres a pixel of the finest source."""
    chip_size: list[int]
    """Pixels of the model's chips."""
    grid_id: str
    bounds: tuple[float, float, float, float]

    @classmethod
    def of(cls, archive: Archive) -> Summary:
        covered, size = cover(archive), archive.model.tile_size or 1
        names = {row["source"] for row in live_sources(archive)}
        folders = sorted({folder_uri(name) for name in names if name})
        scales = [scale.removesuffix(" m") for scale in covered.scales if scale.endswith(" m")]
        finest = min(map(float, scales), default=0.0)
        return cls(
            model_uri(archive.model),
            folders[:_MOST_SOURCES] or ["urn:geoglot:unknown"],
            covered.first,
            covered.last,
            finest / size if finest and archive.model.tile_size else None,
            [size, size],
            "geoglot-world-" + "-".join(f"{scale}m" for scale in scales),
            covered.bounds or (-180.0, -90.0, 180.0, 90.0),
        )


def model_uri(model: ModelFacts) -> str:
    """An address for a model, which may have none of its own."""
    if "://" in model.name:
        return model.name
    return f"urn:geoglot:model:{quote(model.name, safe='')}" + (f":{model.sha256}" if model.sha256 else "")


def folder_uri(source: str) -> str:
    """The address of the folder of a source."""
    return source_uri(source).rpartition("/")[0] or source_uri(source)


def source_uri(source: str) -> str:
    """A path or URL as a URL."""
    return source if "://" in source else f"file://{quote(PurePath(source).as_posix())}"


def export_blocks(archive: Archive) -> Iterator[tuple[Float16[np.ndarray, "chip dim"], Any]]:
    """Vectors and table of the chips of each shard, with `EXPORTED` as columns."""
    for shard in archive.shards:
        if len(rows := live_rows(shard)):
            table, sources = shard.table().take(rows), shard.sources(tuple(PARTS.values()))
            for name, own in PARTS.items():
                table = table.append_column(name, sources[own].take(table["part"]))
            yield shard.vectors[rows], table.select(EXPORTED.names)


def sources_of(columns: Mapping[str, Sequence[Any]]) -> tuple[Any, np.ndarray]:
    """A table of the parts of sources of some chips, and the row of it for each chip.

    The columns are `source`, `source_sha`, `scale_m`, `time`, those of `PARTS`, and `geometry` as WKB in degrees.
    """
    names = ("source", "source_sha", "scale_m", *PARTS)
    groups = group_rows([columns[name] for name in names])
    part = np.empty(len(columns["source"]), np.int32)
    for number, rows in enumerate(groups.values()):
        part[rows] = number
    shapes = shapely.from_wkb(np.asarray(columns["geometry"], object))
    known = {
        **_nothing_else(len(groups)),
        **{PARTS.get(name, name): [key[at] for key in groups] for at, name in enumerate(names)},
        "chips": [len(rows) for rows in groups.values()],
        "time": [columns["time"][int(rows[0])] for rows in groups.values()],
        "bbox": [_box_around(shapes[rows]) for rows in groups.values()],
    }  # fmt: skip
    return _table(len(groups), known), part


def group_rows(columns: Sequence[Sequence[Any]]) -> dict[tuple[Any, ...], Int[np.ndarray, " _row"]]:
    """The rows of each combination of values in some columns, in the order in which these first come."""
    keys = list(zip(*columns, strict=True))
    number = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    group = np.array([number[key] for key in keys], np.int64)
    ends = np.cumsum(np.bincount(group, minlength=len(number)))
    return dict(zip(number, np.split(np.argsort(group, kind="stable"), ends)[:-1], strict=True))


def with_unseen(sources: Any, count: int, name: str) -> Any:
    """Add `count` places without a vector to the first source; a table without sources gets the source `name`."""
    unknown: dict[str, list[Any]] = {
        "source": [name],
        "source_sha": [""],
        "asked": [""],
        "part": [0],
        "parts": [1],
        "chips": [0],
    }
    rows = sources.to_pylist() or _table(1, unknown | _nothing_else(1)).to_pylist()
    rows[0] |= {"unseen": (rows[0]["unseen"] or 0) + count, "why": "they hold no data"}
    return pa.Table.from_pylist(rows, SOURCES)


def _table(count: int, known: Mapping[str, Sequence[Any]]) -> Any:
    nothing = [None] * count
    return pa.table({field.name: pa.array(known.get(field.name, nothing), field.type) for field in SOURCES})


def _nothing_else(count: int) -> dict[str, list[Any]]:
    return {"unseen": [0] * count, "failed": [0] * count, "state": [""] * count, "reading": ["{}"] * count}


def _box_around(shapes: np.ndarray) -> dict[str, float] | None:
    bounds = bound_geometries(shapes)
    return None if bounds is None else dict(zip(BOX, bounds, strict=True))
