"""Archives as Zarr stores of chips by the convention geoemb, and such stores as archives.

The root has `embeddings` (chip, dim), float16, and an array (chip) for each column of `facts.EXPORTED`: texts as
strings, outlines as WKB in hexadecimal digits, times in microseconds since 1970. Empty texts, -1 and NaN stand for what
is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geoglot.errors import MissingExtraError, SourceError
from geoglot.index.exchange.batches import ROWS
from geoglot.index.exchange.facts import ADDED, EXPORTED, PARTS, Summary, export_blocks, sources_of
from geoglot.index.exchange.zarr_files import check_chunks, open_store, zarr_errors
from geoglot.index.store.archive import Archive, ModelFacts, read_model
from geoglot.index.store.chip_table import CHIPS, ChipBatch, geometry_columns
from geoglot.version import __version__

_CONVENTION = {
    "schema_url": "https://raw.githubusercontent.com/geo-embeddings/embeddings-zarr-convention/refs/tags/v1/schema.json",
    "spec_url": "https://github.com/geo-embeddings/embeddings-zarr-convention/blob/v1/README.md",
    "uuid": "61c12cc5-0e28-4056-999a-480cf3fb7e4c",
    "name": "geoemb:",
    "description": "Geoembeddings convention for geospatial embedding arrays with model provenance",
}
_CHUNK = 4096  # chips
_NO_TIME = np.iinfo(np.int64).min
_COLUMNS = tuple(name for name in EXPORTED.names if name != "bbox")
_NEEDED = tuple(name for name in _COLUMNS if name not in ADDED)


def write_zarr(archive: Archive, folder: Path) -> int:
    """Write the chips of an archive to a new folder; returns how many."""
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError("zarr", "zarr") from error
    summary = Summary.of(archive)
    root = zarr.open_group(str(folder), mode="w-", zarr_format=3, attributes=_attributes(archive.model, summary))
    shape, dim = archive.rows, archive.model.dim
    vectors = root.create_array(
        "embeddings", shape=(shape, dim), chunks=(_CHUNK, dim), dtype="float16", dimension_names=("chip", "band")
    )
    arrays = {
        name: root.create_array(name, shape=(shape,), chunks=(_CHUNK,), dtype=_dtype(name), dimension_names=("chip",))
        for name in _COLUMNS
    }
    first = 0
    for block, table in export_blocks(archive):
        rows = slice(first, first + len(block))
        vectors[rows] = block
        for name, array in arrays.items():
            array[rows] = _to_numbers(name, table[name])
        first += len(block)
    return first


def read_zarr(path: str) -> tuple[ModelFacts, Iterator[ChipBatch]]:
    """The model and the chips of a store that `write_zarr` wrote; SourceError for another one."""
    root = open_store(path)
    with zarr_errors(path):
        facts = root.attrs.get("geoglot")
        if not isinstance(facts, dict) or any(name not in root for name in ("embeddings", *_NEEDED)):
            raise SourceError(f"{path} holds chips in a layout that geoglot does not know; export them as GeoParquet")
        model = read_model(facts["model"])
        _check_arrays(root, model.dim, path)

    def batches() -> Iterator[ChipBatch]:
        for first in range(0, root["embeddings"].shape[0], ROWS):
            rows = slice(first, first + ROWS)
            with zarr_errors(path):
                columns = {name: _from_numbers(name, root[name][rows]) for name in _COLUMNS if name in root}
                batch = as_batch(np.asarray(root["embeddings"][rows]), columns)
            yield batch

    return model, batches()


def _check_arrays(root: Any, dim: int, path: str) -> None:
    """SourceError for arrays that do not fit one another, or lack vectors, which zarr would read as zeros."""
    vectors = check_chunks(root["embeddings"], path)
    rows = vectors.shape[0]
    if vectors.shape != (rows, dim) or any(
        check_chunks(root[name], path).shape != (rows,) for name in _COLUMNS if name in root
    ):
        raise SourceError(f"the arrays of {path} must have {rows:,} chips and {dim} numbers a vector; get it again")
    chunks = sum(file.is_file() for file in Path(path, "embeddings").rglob("*")) - 1  # without zarr.json
    if chunks < vectors.nchunks:
        raise SourceError(f"{path} has {chunks:,} of {vectors.nchunks:,} chunks of vectors; get it again")


def as_batch(vectors: np.ndarray, columns: dict[str, Any]) -> ChipBatch:
    """A batch of vectors of any precision and the columns of `EXPORTED` but `bbox`."""
    outlines = columns["geometry"].to_numpy(zero_copy_only=False)
    boxes = geometry_columns(shapely.from_wkb(outlines))["bbox"]
    columns = {"reading": pa.array(["{}"] * len(vectors)), **columns}
    plain = {name: columns[name].to_pylist() for name in ("source", "source_sha", "scale_m", "time", *PARTS)}
    sources, part = sources_of(plain | {"geometry": outlines})
    table = {**columns, "bbox": boxes, "part": part}
    chips = pa.table({name: pa.array(table[name], CHIPS.field(name).type) for name in CHIPS.names})
    with np.errstate(over="ignore"):  # what is not finite is refused when it is added
        return ChipBatch(vectors.astype(np.float16), chips, sources)


def _attributes(model: ModelFacts, summary: Summary) -> dict[str, Any]:
    return {
        "zarr_conventions": [_CONVENTION],
        "geoemb:type": "chip",
        "geoemb:dimensions": model.dim,
        "geoemb:model": summary.model_uri,
        "geoemb:source_data": summary.source_uris,
        "geoemb:data_type": "float16",
        "geoemb:chip_layout": {"layout_type": "irregular", "chip_size": summary.chip_size, "grid_id": summary.grid_id},
        "geoemb:build_version": f"geoglot {__version__}",
        **({"geoemb:gsd": summary.gsd} if summary.gsd else {}),
        "geoglot": {"model": vars(model)},
    }


def _dtype(name: str) -> Any:
    kind = EXPORTED.field(name).type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return str
    return "int64" if pa.types.is_timestamp(kind) else str(kind.to_pandas_dtype().__name__)


def _to_numbers(name: str, column: Any) -> np.ndarray:
    kind, values = EXPORTED.field(name).type, column.to_pylist()
    if pa.types.is_binary(kind):
        return np.array([(value or b"").hex() for value in values], object)
    if pa.types.is_string(kind):
        return np.array([value or "" for value in values], object)
    if pa.types.is_timestamp(kind):
        return np.asarray(column.cast(pa.int64()).fill_null(_NO_TIME).to_numpy())
    return np.asarray(column.fill_null(-1 if pa.types.is_integer(kind) else float("nan")).to_numpy())


def _from_numbers(name: str, values: np.ndarray) -> Any:
    kind = EXPORTED.field(name).type
    if pa.types.is_binary(kind):
        return pa.array([bytes.fromhex(str(value)) or None for value in values], kind)
    if pa.types.is_string(kind):
        return pa.array([str(value) or None for value in values], kind)
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64(), mask=values == _NO_TIME).cast(kind)
    missing = values == -1 if pa.types.is_integer(kind) else np.isnan(values)
    return pa.array(values, kind, mask=missing)
