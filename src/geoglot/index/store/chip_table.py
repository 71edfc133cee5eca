"""The columns of an archive: a row per chip (GeoParquet 1.1), and a row per part of a source.

A part is what one unit of work reads of one source at one scale. Its row says what was seen of it and what was not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from jaxtyping import Float, Float16

from geoglot.errors import InputError
from geoglot.geo import Window

#: Edges of a box in degrees
BOX = ("xmin", "ymin", "xmax", "ymax")
#: Columns of the pixels of a chip, in its source's own grid
WINDOW = tuple(f"window_{name}" for name in Window._fields)
#: A row per chip
CHIPS = pa.schema([
    ("part", pa.int32()),  # row of the table of sources
    ("cell", pa.string()),  # of the world grid; null without coordinates
    ("geometry", pa.binary()),  # WKB in degrees, cut at the antimeridian; null without coordinates
    ("bbox", pa.struct([(name, pa.float64()) for name in BOX])),  # of the geometry, for other readers
    ("source", pa.string()),
    ("source_sha", pa.string()),  # of the content
    *((name, pa.int32()) for name in WINDOW),
    ("crs", pa.string()),
    ("resolution_m", pa.float64()),  # of the source
    ("scale_m", pa.float64()),  # side of the chip; null for a picture without coordinates
    ("time", pa.timestamp("us", tz="UTC")),
    ("nodata", pa.float32()),  # share of the chip
    ("cloud", pa.float32()),  # share, or null
])  # fmt: skip
#: A row per part of a source
SOURCES = pa.schema([
    ("source", pa.string()),
    ("source_sha", pa.string()),
    ("asked", pa.string()),  # the scale that was asked for: "auto", or metres as "224m"
    ("state", pa.string()),  # size and time of the file, by which an unchanged one is known without reading it
    ("reading", pa.string()),  # JSON of the options that decide its pixels
    ("scale_m", pa.float64()),
    ("part", pa.int32()),
    ("parts", pa.int32()),
    ("chips", pa.int32()),  # with a vector
    ("unseen", pa.int32()),  # places without a vector, since they cannot show anything
    ("failed", pa.int32()),  # places without a vector, since they could not be read or computed
    ("why", pa.string()),  # why not, or null
    ("bbox", pa.struct([(name, pa.float64()) for name in BOX])),  # of its chips; xmin > xmax across the antimeridian
    ("time", pa.timestamp("us", tz="UTC")),
])  # fmt: skip


@dataclass(frozen=True)
class ChipBatch:
    """The content of a new shard."""

    vectors: Float16[np.ndarray, "chip dim"]
    """Unit vectors."""
    chips: Any
    """Arrow table with the columns of `CHIPS`; more may follow."""
    sources: Any
    """Arrow table with the columns of `SOURCES`."""
    patches: Float16[np.ndarray, "chip rows cols dim"] | None = None
    """Unit vectors of the patches of each chip, row 0 in the north."""


def check_batch(batch: ChipBatch, dim: int, has_patches: bool) -> None:
    """InputError for the first fault of a batch for an archive of `dim` dimensions."""
    count = batch.chips.num_rows
    if batch.vectors.shape != (count, dim):
        raise InputError(f"vectors must be {(count, dim)} to fit chips and archive, got {batch.vectors.shape}")
    if not np.isfinite(batch.vectors).all():
        raise InputError("vectors must be finite numbers; leave out chips that a model could not compute")
    if (batch.patches is not None) != has_patches:
        raise InputError(f"an archive {'with' if has_patches else 'without'} patches takes chips of the same kind only")
    if batch.patches is not None and (len(batch.patches), batch.patches.shape[-1]) != (count, dim):
        raise InputError(f"patches must be {count} x rows x cols x {dim}, got {batch.patches.shape}")
    for table, schema in ((batch.chips, CHIPS), (batch.sources, SOURCES)):
        if missing := [name for name in schema.names if name not in table.column_names]:
            raise InputError(f"the table of a batch must have a column {missing[0]!r}")
    part = batch.chips["part"].to_numpy()
    if count and not 0 <= part.min() <= part.max() < batch.sources.num_rows:
        raise InputError(f"parts of chips must be rows of the {batch.sources.num_rows} sources")


def geometry_columns(geometries: Sequence[Any] | np.ndarray) -> dict[str, Any]:
    """The columns `geometry` and `bbox` of polygons in degrees; None has nulls."""
    array = np.asarray(geometries, object)
    bounds = shapely.bounds(array)
    boxes = [None if np.isnan(row[0]) else dict(zip(BOX, map(float, row), strict=True)) for row in bounds]
    return {"geometry": pa.array(shapely.to_wkb(array), pa.binary()), "bbox": pa.array(boxes, CHIPS.field("bbox").type)}


def box_edges(table: Any) -> Float[np.ndarray, "chip 4"]:
    """West, south, east and north of the column bbox of an Arrow table; NaN without a place."""
    boxes = table["bbox"].combine_chunks()
    edges = np.stack([boxes.field(name).to_numpy(zero_copy_only=False) for name in BOX], 1).astype(np.float64)
    edges[boxes.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return edges


def with_geo(table: Any, facts: Mapping[str, Any]) -> Any:
    """The table with the metadata of GeoParquet 1.1, and `facts` under the key geoglot, in place of any other."""
    column = {
        "encoding": "WKB", "geometry_types": ["Polygon", "MultiPolygon"],
        "covering": {"bbox": {name: ["bbox", name] for name in BOX}},
    }  # fmt: skip
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    return table.replace_schema_metadata({"geo": json.dumps(geo), "geoglot": json.dumps(facts)})
