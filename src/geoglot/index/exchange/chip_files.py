"""GeoParquet with a vector a row: Clay, Earth Index and LGND, Major TOM, and what geoglot exports.

Column names differ: Clay v0 has `embeddings`, `source_url`, `date`; Clay v1.5 `embedding` or `embeddings`, `datetime`;
Earth Index `embedding`, `id` and facts of the model under the key `emb` of the file; Major TOM `embedding`,
`grid_cell`, `product_id`, `timestamp`, several chips a cell. All have outlines or points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely
from pyproj.exceptions import CRSError

from geoglot.errors import InputError, SourceError
from geoglot.index.exchange.batches import ROWS, Places, make_batch
from geoglot.index.exchange.facts import ADDED, EXPORTED
from geoglot.index.exchange.zarr_chips import as_batch
from geoglot.index.store.archive import LONGEST, ModelFacts, read_model
from geoglot.index.store.cells import METRES_A_DEGREE
from geoglot.index.store.chip_table import ChipBatch
from geoglot.lonlat import project_to_lonlat
from geoglot.tables import parse_json

VECTORS = ("embedding", "embeddings", "vector")
_TIMES = ("datetime", "date", "timestamp", "time")
_SOURCES = ("source_url", "product_id", "source", "id", "unique_id")
_MOST_GROUP_BYTES, _LONGEST_NAME = 2**31, 200


def read_chip_file(
    path: Path, made_by: str | None = None, scale_m: float | None = None
) -> tuple[ModelFacts, Iterator[ChipBatch]]:
    """The model and the chips of a file.

    `made_by` names the model of a file that does not, and `scale_m` is the side of chips that are only points.
    SourceError for a file in another layout.
    """
    schema, keys = _open(path)
    column = next((name for name in VECTORS if name in schema.names), None)
    if column is None:
        raise SourceError(f"{path} has no vectors: it must have a column {' or '.join(VECTORS)}")
    first = next(_tables(path, 1), None)
    if first is None or not len(first):
        raise SourceError(f"{path} has no rows")
    dim = _vectors(first[column], path).shape[1]
    if own := keys.get("geoglot"):
        return _own_model(own, dim, path), (_own_batch(table, path) for table in _tables(path, ROWS))
    emb = keys.get("emb", {})
    model = ModelFacts(made_by or _model_name(schema.names, emb, path), "", dim)
    if str(emb.get("embedding_quantization") or "None") != "None":
        raise SourceError(f"{path} holds quantised vectors ({emb['embedding_quantization']}); get them as floats")
    return model, (
        make_batch(model, _vectors(table[column], path), _places(table, keys, path, scale_m))
        for table in _tables(path, ROWS)
    )


def _open(path: Path) -> tuple[Any, dict[str, Any]]:
    """The columns of a file, and the documents under its keys."""
    try:
        with pq.ParquetFile(path) as opened:
            for group in range(opened.metadata.num_row_groups):
                if (size := opened.metadata.row_group(group).total_byte_size) > _MOST_GROUP_BYTES:
                    raise SourceError(f"{path} has row groups of {size / 2**30:.1f} GB, which must have at most 2 GB")
            schema = opened.schema_arrow
        found = {name: (schema.metadata or {}).get(name.encode()) for name in ("geo", "emb", "geoglot")}
        documents = {name: parse_json(text) for name, text in found.items() if text}
        if wrong := [name for name, document in documents.items() if not isinstance(document, dict)]:
            raise SourceError(f"the key {wrong[0]!r} of {path} holds no document; get the file again")
        return schema, documents
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SourceError(f"{path} cannot be read as GeoParquet ({error}); get it again") from error


def _tables(path: Path, rows: int) -> Iterator[Any]:
    try:
        with pq.ParquetFile(path) as opened:
            for batch in opened.iter_batches(batch_size=rows):
                yield pa.Table.from_batches([batch])
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SourceError(f"{path} cannot be read as GeoParquet ({error}); get it again") from error


def _model_name(columns: Sequence[str], emb: Mapping[str, Any], path: Path) -> str:
    """The model that a file names, or that its layout means; InputError if neither."""
    model = emb.get("model")
    if isinstance(model, dict) and (name := model.get("id") or model.get("name")):
        return str(name)[:_LONGEST_NAME]
    if "source_url" in columns and "embeddings" in columns:
        return "Clay v0"
    raise InputError(f'{path} does not say which model made its vectors; name it: --made-by "Clay v1.5"')


def _own_model(own: dict[str, Any], dim: int, path: Path) -> ModelFacts:
    try:
        model = read_model(own["model"])
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(
            f"{path} was exported by geoglot and has lost its model ({error!r}); export it again"
        ) from error
    if model.dim != dim:
        raise SourceError(f"{path} says {model.dim} numbers a vector and holds {dim}; export it again")
    return model


def _vectors(column: Any, path: Path) -> np.ndarray:
    """The lists of a column as rows; SourceError if they differ in length or are no floats."""
    chunks = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    kind = chunks.type
    if not (pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)):
        raise SourceError(f"the vectors of {path} must be lists of numbers, got {kind}")
    if not pa.types.is_floating(kind.value_type):
        raise SourceError(f"the vectors of {path} must be floats, got {kind.value_type}; get them without quantisation")
    flat = chunks.flatten().to_numpy(zero_copy_only=False)
    dim, rest = divmod(len(flat), max(1, len(chunks)))
    lengths = chunks.value_lengths() if hasattr(chunks, "value_lengths") else None
    if (
        rest
        or chunks.null_count
        or not 0 < dim <= LONGEST
        or (lengths is not None and set(lengths.to_pylist()) != {dim})
    ):
        raise SourceError(f"the vectors of {path} must have one length from 1 to {LONGEST:,}")
    return np.asarray(flat.reshape(len(chunks), dim))


def _own_batch(table: Any, path: Path) -> ChipBatch:
    """A batch of a file that geoglot exported, with the same numbers."""
    if missing := [name for name in EXPORTED.names if name not in (*table.column_names, *ADDED)]:
        raise SourceError(f"{path} was exported by geoglot and has lost its column {missing[0]!r}; export it again")
    there = [name for name in EXPORTED.names if name in table.column_names and name != "bbox"]
    columns = {name: table[name].combine_chunks() for name in there}
    return as_batch(_vectors(table["embedding"], path), columns)


def _places(table: Any, keys: Mapping[str, Any], path: Path, scale_m: float | None) -> Places:
    names = table.column_names
    time = next((name for name in _TIMES if name in names), None)
    source = next((name for name in _SOURCES if name in names), None)
    stated = keys.get("emb", {}).get("datetime")
    times = table[time].to_pylist() if time else [stated] * len(table)
    days = [each if isinstance(each, str | date) else None for each in times]  # the unit of a number is not known
    moments = pd.to_datetime(pd.Series(days, dtype=object), utc=True, errors="coerce", format="mixed").dt.floor("us")
    sources = [str(name) for name in table[source].to_pylist()] if source in _SOURCES[:3] else [str(path)] * len(table)
    polygons = _outlines(table, keys.get("geo", {}), path, scale_m)
    moments = moments.where(moments.dt.year.between(1, 9999))
    return Places(polygons, sources, [None if pd.isna(each) else each.to_pydatetime() for each in moments], {})


def _outlines(table: Any, geo: Mapping[str, Any], path: Path, scale_m: float | None) -> np.ndarray:
    """Footprints in degrees; squares of `scale_m` around points."""
    column = str(geo.get("primary_column", "geometry"))
    if column not in table.column_names:
        raise SourceError(f"{path} has no column {column!r} with the outlines of its chips")
    try:
        crs = geo["columns"][column].get("crs") if "columns" in geo else None
        shapes = shapely.from_wkb(table[column].to_numpy(zero_copy_only=False))
        reference = pyproj.CRS(crs) if crs else pyproj.CRS(4326)
    except (shapely.errors.GEOSException, CRSError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SourceError(f"the outlines of {path} cannot be read ({error}); get it again") from error
    if not reference.is_geographic:
        shapes = project_to_lonlat(shapes, reference)
    bounds = shapely.bounds(shapes)
    if not (np.abs(bounds) <= (360, 90, 360, 90)).all():
        raise SourceError(f"{path} has chips without an outline, or beyond the Earth; get it again")
    if (shapely.get_dimensions(shapes) == 2).all():
        return np.asarray(shapes)
    if scale_m is None:
        raise InputError(f"the chips of {path} are points; say how wide they are: --scale 320m")
    x, y = shapely.get_x(shapely.centroid(shapes)), shapely.get_y(shapely.centroid(shapes))
    half = scale_m / 2 / METRES_A_DEGREE
    across = half / np.cos(np.radians(y)).clip(1e-6)
    return np.asarray(shapely.box(x - across, y - half, x + across, y + half))
