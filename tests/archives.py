"""Archives of made-up chips, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geoglot.index.store.archive import Archive, ModelFacts
from geoglot.index.store.cells import Cell, cells_at
from geoglot.index.store.chip_table import CHIPS, SOURCES, ChipBatch, geometry_columns

MODEL = ModelFacts("model", "0" * 64, 8, 16, 224)
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)


def make_batch(
    count: int, seed: int = 0, *, model: ModelFacts = MODEL, sources: int = 1, patches: tuple[int, int] | None = None
) -> ChipBatch:
    """Chips of 224 m at random places in France, with random vectors; source K of the batch is scene-SEED-K.tif."""
    random = np.random.default_rng(seed)
    vectors = unit(random.normal(size=(count, model.dim)))
    lon, lat = random.uniform(0, 5, count), random.uniform(45, 49, count)
    cells = [Cell(224.0, int(row), int(col)) for row, col in zip(*cells_at(224.0, lon, lat), strict=True)]
    boxes = [shapely.box(x - 0.0014, y - 0.001, x + 0.0014, y + 0.001) for x, y in (cell.centre for cell in cells)]
    part = np.sort(np.arange(count) % sources).astype(np.int32)
    names = [f"/scenes/scene-{seed}-{number}.tif" for number in range(sources)]
    columns: dict[str, Any] = {
        "part": part, "cell": [str(cell) for cell in cells], **geometry_columns(boxes),
        "source": [names[number] for number in part], "source_sha": [f"{seed:032x}{number:032x}" for number in part],
        "window_row": np.arange(count), "window_col": [0] * count, "window_height": [224] * count,
        "window_width": [224] * count, "crs": ["EPSG:32631"] * count, "resolution_m": [1.0] * count,
        "scale_m": [224.0] * count, "nodata": [0.0] * count, "cloud": [None] * count,
        "time": [_FIRST + timedelta(days=int(day)) for day in random.integers(0, 2000, count)],
    }  # fmt: skip
    chips = pa.table({field.name: pa.array(columns[field.name], field.type) for field in CHIPS})
    known = {
        "source": names, "source_sha": [f"{seed:032x}{number:032x}" for number in range(sources)],
        "part": [0] * sources, "parts": [1] * sources, "scale_m": [224.0] * sources,
        "chips": np.bincount(part, minlength=sources), "asked": ["224m"] * sources, "state": [""] * sources,
        "reading": ["{}"] * sources, "unseen": [0] * sources, "failed": [0] * sources,
    }  # fmt: skip
    table = pa.table({
        field.name: pa.array(known.get(field.name, [None] * sources), field.type) for field in SOURCES
    })  # fmt: skip
    squares = None if patches is None else unit(random.normal(size=(count, *patches, model.dim)))
    return ChipBatch(vectors, chips, table, squares)


def unit(values: np.ndarray) -> np.ndarray:
    """Unit vectors along the last axis, as archives store them."""
    scaled: np.ndarray = (values / np.linalg.norm(values, axis=-1, keepdims=True)).astype(np.float16)
    return scaled


def make_archive(folder: Path, counts: tuple[int, ...] = (5, 3), *, sources: int = 1) -> Archive:
    """An archive with a shard per count; shard K has the seed K."""
    archive = Archive.create(folder, MODEL)
    for seed, count in enumerate(counts):
        archive = archive.append(make_batch(count, seed, sources=sources))
    return archive


def content(folder: Path) -> dict[str, bytes]:
    """Every file of an archive but its lock and what a killed run left hidden."""
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(name): (folder / name).read_bytes() for name in names if not any(part[0] == "." for part in name.parts)}
