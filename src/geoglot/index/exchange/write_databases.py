"""Archives for databases of vectors: a folder of LanceDB, and a file of SQL for PostgreSQL with pgvector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from geoglot.errors import MissingExtraError
from geoglot.index.exchange.facts import EXPORTED, export_blocks
from geoglot.index.store.archive import Archive, ModelFacts
from geoglot.outputs.atomic import appears

TABLE = "chips"
_BLOCK = 8192  # chips
_TYPES = {pa.string(): "text", pa.int32(): "integer", pa.float32(): "real", pa.float64(): "double precision",
          pa.timestamp("us", tz="UTC"): "timestamptz", pa.binary(): "bytea"}  # fmt: skip
_FLAT = tuple(name for name in EXPORTED.names if name != "bbox")


def write_lancedb(archive: Archive, folder: Path) -> int:
    """Write the chips to the table `chips` of a new LanceDB folder, with the vectors in half precision."""
    try:
        import lancedb
    except ImportError as error:
        raise MissingExtraError("lancedb", "lancedb") from error
    fields = [pa.field("vector", pa.list_(pa.float16(), archive.model.dim)), *EXPORTED]
    schema = pa.schema(fields, metadata={"geoglot": json.dumps({"model": vars(archive.model)})})

    def batches() -> Iterator[Any]:
        for vectors, table in export_blocks(archive):
            for first in range(0, len(vectors), _BLOCK):
                flat = pa.array(vectors[first : first + _BLOCK].reshape(-1))
                lists = pa.FixedSizeListArray.from_arrays(flat, archive.model.dim)
                part = table.slice(first, _BLOCK).combine_chunks()
                columns = [lists, *(part[name].combine_chunks() for name in EXPORTED.names)]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)

    database = lancedb.connect(str(folder))
    database.create_table(TABLE, pa.RecordBatchReader.from_batches(schema, batches()), schema=schema)
    return archive.rows


def write_pgvector(archive: Archive, output: Path) -> int:
    """Write a file that makes and fills the table `chips` of a database: `psql DATABASE -f FILE`."""
    with appears(output) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_head(archive.model))
        for vectors, table in export_blocks(archive):
            for first in range(0, len(vectors), _BLOCK):
                columns = [table[name].slice(first, _BLOCK).to_pylist() for name in _FLAT]
                block = vectors[first : first + _BLOCK].astype("float32").tolist()
                for vector, *cells in zip(block, *columns, strict=True):
                    file.write("\t".join([_vector(vector), *map(_cell, cells)]) + "\n")
        file.write("\\.\n\nCOMMIT;\n")
    return archive.rows


def _head(model: ModelFacts) -> str:
    columns = ",\n".join(f"  {name} {_TYPES[EXPORTED.field(name).type]}" for name in _FLAT)
    comment = json.dumps({"model": vars(model)}).replace("'", "''")
    return (
        f"BEGIN;\nCREATE EXTENSION IF NOT EXISTS vector;\n"
        f"CREATE TABLE {TABLE} (\n  embedding halfvec({model.dim}),\n{columns}\n);\n"
        f"COMMENT ON TABLE {TABLE} IS '{comment}';\n"
        f"COPY {TABLE} (embedding, {', '.join(_FLAT)}) FROM stdin;\n"
    )


def _vector(values: list[float]) -> str:
    return f"[{','.join(format(value, '.9g') for value in values)}]"


def _cell(value: Any) -> str:
    """A value in the text form of COPY."""
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
