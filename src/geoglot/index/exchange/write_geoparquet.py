"""Archives as GeoParquet 1.1 for others: a row a chip, in Hilbert order, with the facts of the model under `emb`.

The key follows Earth Index (https://geoembeddings.org, best practices): version 0.0.1, model, providers, dates,
datasets, embedding_dim and embedding_quantization.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from jaxtyping import Float16

from geoglot.index.exchange.facts import EXPORTED, Summary, export_blocks
from geoglot.index.store.archive import Archive, ModelFacts
from geoglot.index.store.chip_table import with_geo
from geoglot.outputs.atomic import appears
from geoglot.times import utc_text

_GROUP_BYTES = 128 * 2**20  # of a row group, as the best practices say
_LEVEL = 16  # of the Hilbert curve: cells of 600 m at the equator


def write_geoparquet(archive: Archive, output: Path) -> int:
    """Write the chips of an archive to one file, shard by shard; returns how many."""
    summary, count = Summary.of(archive), 0
    schema = _schema(archive.model, emb_facts(archive.model, summary))
    with appears(output) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for vectors, table in export_blocks(archive):
            writer.write_table(rows_of(vectors, table, schema), row_group_size=_group_rows(archive.model.dim))
            count += len(vectors)
    return count


def write_part(model: ModelFacts, emb: dict[str, Any], vectors: Any, table: Any, output: Path) -> None:
    """Write some chips to a file of their own."""
    schema = _schema(model, emb)
    with appears(output) as temporary:
        pq.write_table(rows_of(vectors, table, schema), temporary, compression="zstd")


def rows_of(vectors: Float16[np.ndarray, "chip dim"], table: Any, schema: Any) -> Any:
    """The rows of a file in Hilbert order; the vectors are float32, which more programs read than half precision."""
    order = hilbert_order(table)
    flat = pa.array(np.ascontiguousarray(vectors[order], np.float32).reshape(-1))
    lists = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    chosen = table.take(order)
    arrays = [lists if name == "embedding" else chosen[name] for name in schema.names]
    return pa.table(dict(zip(schema.names, arrays, strict=True))).cast(schema)


def hilbert_order(table: Any) -> np.ndarray:
    """Rows along a Hilbert curve over the Earth; those without a place come last."""
    boxes = table["bbox"].to_pylist()
    centres = [None if box is None else shapely.Point((box["xmin"] + box["xmax"]) / 2, (box["ymin"] + box["ymax"]) / 2)
               for box in boxes]  # fmt: skip
    placed = np.array([centre is not None for centre in centres], bool)
    distance = np.full(len(centres), np.iinfo(np.int64).max)
    if placed.any():
        points = gpd.GeoSeries([centre for centre in centres if centre is not None])
        distance[placed] = points.hilbert_distance((-180, -90, 180, 90), level=_LEVEL).to_numpy().astype(np.int64)
    return np.argsort(distance, kind="stable")


def emb_facts(model: ModelFacts, summary: Summary) -> dict[str, Any]:
    """The document under the key `emb`."""
    return {
        "version": "0.0.1",
        "model": {"id": model.name, "name": model.name, "source": summary.model_uri, "version": model.sha256},
        "providers": [],
        "datetime": utc_text(summary.start),
        "start_datetime": utc_text(summary.start),
        "end_datetime": utc_text(summary.end),
        "datasets": [{"dataset_id": uri, "dataset_source": uri} for uri in summary.source_uris],
        "embedding_dim": model.dim,
        "embedding_quantization": "None",
    }


def _schema(model: ModelFacts, emb: dict[str, Any]) -> Any:
    fields = [pa.field("embedding", pa.list_(pa.float32(), model.dim)), *EXPORTED]
    empty = with_geo(pa.schema(fields).empty_table(), {"model": vars(model)})
    return empty.schema.with_metadata(empty.schema.metadata | {b"emb": json.dumps(emb).encode()})


def _group_rows(dim: int) -> int:
    return max(1, _GROUP_BYTES // (4 * dim + 256))
