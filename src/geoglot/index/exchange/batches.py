"""Vectors that others made, with their places, as the content of a shard."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from jaxtyping import Float

from geoglot.index.exchange.facts import sources_of, with_unseen
from geoglot.index.store.archive import ModelFacts
from geoglot.index.store.cells import METRES_A_DEGREE, SMALLEST_M, Cell, cells_at
from geoglot.index.store.chip_table import CHIPS, ChipBatch, geometry_columns
from geoglot.lonlat import middles, split_at_antimeridian

#: Chips of a shard
ROWS = 65_536
_LEAST_LENGTH = 1e-6


@dataclass(frozen=True, eq=False)
class Places:
    """Where and when the vectors of some chips were taken. Columns that are None are not known."""

    polygons: np.ndarray
    """Footprints in degrees."""
    source: Sequence[str]
    time: Sequence[Any]
    """Datetimes with a time zone, or None."""
    more: dict[str, Sequence[Any]]
    """Further columns of `chip_table.CHIPS`."""

    def __len__(self) -> int:
        return len(self.polygons)


def unit_rows(vectors: np.ndarray) -> tuple[Float[np.ndarray, "chip dim"], np.ndarray]:
    """Unit vectors of the rows that have a direction, and which these are."""
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.asarray(vectors, np.float32)
        lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    usable = np.isfinite(lengths) & (lengths > _LEAST_LENGTH)
    return (rows[usable] / lengths[usable, None]).astype(np.float32), np.flatnonzero(usable)


def make_batch(model: ModelFacts, vectors: np.ndarray, places: Places) -> ChipBatch:
    """A batch of vectors of any length; those without a direction are left out, and counted as not seen."""
    units, kept = unit_rows(vectors)
    stored, polygons = units.astype(np.float16), places.polygons[kept]
    columns: dict[str, Any] = {name: [values[row] for row in kept] for name, values in places.more.items()}
    scales = columns.get("scale_m") or scales_of(polygons)
    columns |= {
        "source": [places.source[row] for row in kept], "time": [places.time[row] for row in kept], "scale_m": scales,
        "asked": [f"{scale:g}m" for scale in scales], "source_part": [0] * len(kept), "source_parts": [1] * len(kept),
        "reading": ["{}"] * len(kept),
    }  # fmt: skip
    content = hashlib.sha256(stored.tobytes()).hexdigest()
    columns["source_sha"] = [hashlib.sha256(f"{name} {content}".encode()).hexdigest() for name in columns["source"]]
    columns.setdefault("cell", _cells(polygons, scales))
    columns |= geometry_columns(split_at_antimeridian(polygons))
    sources, columns["part"] = sources_of(columns)
    if missing := len(places) - len(kept):
        sources = with_unseen(sources, missing, places.source[0])
    chips = {field.name: pa.array(columns.get(field.name, [None] * len(kept)), field.type) for field in CHIPS}
    return ChipBatch(stored, pa.table(chips), sources)


def scales_of(polygons: np.ndarray) -> list[float]:
    """The shorter side of footprints in degrees, to whole metres, so that neighbours lie in cells of their own."""
    west, south, east, north = shapely.bounds(polygons).reshape(-1, 4).T
    across = (east - west) * np.cos(np.radians((south + north) / 2))
    return [max(SMALLEST_M, float(round(side))) for side in np.minimum(north - south, across) * METRES_A_DEGREE]


def _cells(polygons: np.ndarray, scales: Sequence[float]) -> list[str]:
    """The cell of the world grid in which the centre of each footprint lies."""
    found = [""] * len(polygons)
    centres = middles(polygons)
    for scale in set(scales):
        rows = [row for row, own in enumerate(scales) if own == scale]
        places = zip(rows, *cells_at(scale, *centres[rows].T), strict=True)
        for row, down, across in places:
            found[row] = str(Cell(scale, int(down), int(across)))
    return found
