"""Files in the published layouts of other people's vectors, made up."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
import shapely
from affine import Affine

SIDE = 64  # pixels of 10 m
NORTH_UP = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_400_640.0)
BOTTOM_UP = Affine(10.0, 0.0, 500_000.0, 0.0, 10.0, 5_400_000.0)
NO_DATA = -128


def unit_field(dim: int, seed: int = 0, side: int = SIDE) -> np.ndarray:
    """Unit vectors (dim, rows, cols), row 0 in the north, in squares of 16 pixels that differ."""
    random = np.random.default_rng(seed)
    blocks = random.normal(size=(dim, side // 16, side // 16)).repeat(16, 1).repeat(16, 2)
    field = blocks + 0.1 * random.normal(size=(dim, side, side))
    scaled: np.ndarray = field / np.linalg.norm(field, axis=0)
    return scaled


def quantise_squared(vectors: np.ndarray) -> np.ndarray:
    """As AlphaEarth's publisher: q = sign(v) 127.5 sqrt(|v|)."""
    return (np.sign(vectors) * np.sqrt(np.abs(vectors)) * 127.5).round().clip(-127, 127).astype(np.int8)


def write_alphaearth(path: Path, stored: np.ndarray, transform: Affine = BOTTOM_UP) -> Path:
    """A COG of 64 bands of int8 in UTM; `stored` has row 0 in the north."""
    rows = stored[:, ::-1] if transform.e > 0 else stored
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", width=stored.shape[2], height=stored.shape[1], count=len(stored), dtype="int8",
        crs="EPSG:32632", transform=transform, nodata=NO_DATA, tiled=True, blockxsize=32, blockysize=32,
    ) as dataset:  # fmt: skip
        dataset.write(np.ascontiguousarray(rows))
        dataset.descriptions = [f"A{band:02d}" for band in range(len(stored))]
    return path


def quantise_by_pixel(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As TESSERA: int8 (dim, rows, cols) and a scale per pixel."""
    scales = np.abs(vectors).max(0) / 127
    return (vectors / scales).round().astype(np.int8), scales.astype(np.float32)


def write_tessera_pair(folder: Path, vectors: np.ndarray, name: str = "grid_9.05_48.75") -> Path:
    """An array, its scales, and the land mask that says where they lie."""
    folder.mkdir(parents=True, exist_ok=True)
    stored, scales = quantise_by_pixel(vectors)
    np.save(folder / f"{name}.npy", stored.transpose(1, 2, 0))
    np.save(folder / f"{name}_scales.npy", scales)
    with rasterio.open(
        folder / f"{name}.tiff", "w", driver="GTiff", width=vectors.shape[2], height=vectors.shape[1], count=1,
        dtype="uint8", crs="EPSG:32632", transform=NORTH_UP,
    ) as dataset:  # fmt: skip
        dataset.write(np.ones((1, *vectors.shape[1:]), np.uint8))
    return folder / f"{name}.npy"


def write_tessera_zarr(folder: Path, fields: list[np.ndarray], years: list[int], shards: bool = True) -> Path:
    """A store of one UTM zone: embeddings (time, band, y, x) in shards, scales with NaN for water."""
    import zarr

    root = zarr.open_group(str(folder), mode="w", zarr_format=3, attributes={
        "zarr_conventions": [{"name": "geoemb:", "uuid": "61c12cc5-0e28-4056-999a-480cf3fb7e4c"}],
        "geoemb:type": "pixel", "geoemb:dimensions": 128, "geoemb:model": "https://geotessera.org/model/1.0",
        "geoemb:source_data": ["https://sentinel.esa.int/web/sentinel/missions/sentinel-2"],
        "geoemb:data_type": "int8", "geoemb:spatial_layout": "utm_zones", "geoemb:quantization": {
            "method": "per_pixel_scale", "original_dtype": "float32", "quantized_dtype": "int8",
            "scale": {"type": "array", "array_name": "scales", "nodata": "+inf"}},
    })  # fmt: skip
    zone = root.create_group("utm32", attributes={
        "proj:code": "EPSG:32632", "spatial:dimensions": ["y", "x"], "spatial:transform": list(NORTH_UP)[:6],
        "spatial:shape": list(fields[0].shape[1:]),
    })  # fmt: skip
    pairs = [quantise_by_pixel(field) for field in fields]
    shape = (len(fields), *fields[0].shape)
    chunks, shard = (1, shape[1], 32, 32), (1, shape[1], *shape[2:]) if shards else None
    stored = zone.create_array("embeddings", shape=shape, chunks=chunks, shards=shard, dtype="int8")
    stored[:] = np.stack([pair[0] for pair in pairs])
    scales = np.stack([pair[1] for pair in pairs])
    scales[:, :16, :16] = np.nan  # water
    scales[:, :16, 16:32] = np.inf  # not yet
    zone.create_array("scales", shape=scales.shape, chunks=(1, 32, 32), dtype="float32")[:] = scales
    zone.create_array("time", shape=(len(years),), dtype="int32")[:] = np.array(years, np.int32)
    return folder


def squares(count: int, side: float = 0.01) -> list[Any]:
    """Squares in degrees, side by side from west to east."""
    return [shapely.box(9 + side * index, 48, 9 + side * (index + 1), 48 + side) for index in range(count)]


def write_parquet(path: Path, columns: dict[str, Any], shapes: list[Any], keys: dict[str, Any] | None = None) -> Path:
    """A GeoParquet file; `keys` are more documents of the file."""
    table = pa.table({**columns, "geometry": pa.array(shapely.to_wkb(np.array(shapes, object)), pa.binary())})
    geo = {"version": "1.0.0", "primary_column": "geometry",
           "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Polygon"]}}}  # fmt: skip
    documents = {"geo": geo} | (keys or {})
    metadata = {name: json.dumps(document) for name, document in documents.items()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


def lists(vectors: np.ndarray) -> Any:
    """Vectors as a column of lists of float32."""
    return pa.array(vectors.astype(np.float32).tolist(), pa.list_(pa.float32()))


def write_clay_v0(path: Path, vectors: np.ndarray) -> Path:
    """As 03WVN_20220610_20220610_v001.gpq."""
    count = len(vectors)
    columns = {
        "index": list(range(count)),
        "source_url": [f"s3://clay-tiles/claytile_32UNV_{index}.tif" for index in range(count)],
        "date": [date(2022, 6, 10)] * count, "embeddings": lists(vectors),
    }  # fmt: skip
    return write_parquet(path, columns, squares(count))


def write_clay_v15(path: Path, vectors: np.ndarray) -> Path:
    """As the collection lgnd-clay-v1-5-sentinel-2-l2a: a time, and no source."""
    columns = {"datetime": [datetime(2024, 5, 1, 10, 30)] * len(vectors), "embedding": lists(vectors)}
    return write_parquet(path, columns, squares(len(vectors)))


def write_earth_index(path: Path, vectors: np.ndarray, points: bool = False, quantisation: str = "None") -> Path:
    """As 21MNT.parquet: identifiers, outlines, and facts under `emb`."""
    emb = {
        "version": "0.0.1", "model": {"id": "dinov2_vits14_softcon", "source": "https://github.com/zhu-xlab/softcon"},
        "providers": [{"name": "EarthGenome"}], "datetime": "2023-07-02T00:00:00Z", "embedding_dim": vectors.shape[1],
        "embedding_quantization": quantisation,
    }  # fmt: skip
    shapes = squares(len(vectors))
    shapes = [shape.centroid for shape in shapes] if points else shapes
    columns = {"id": [f"21MNT_{index}" for index in range(len(vectors))], "embedding": lists(vectors)}
    return write_parquet(path, columns, shapes, {"emb": emb})


def write_major_tom(path: Path, vectors: np.ndarray) -> Path:
    """As the embeddings of Core-S2L2A: several chips a cell of the grid."""
    count = len(vectors)
    columns = {
        "unique_id": [f"{index:064x}" for index in range(count)], "embedding": lists(vectors),
        "grid_cell": ["922D_249R"] * count, "grid_row_u": [-922] * count, "grid_col_r": [249] * count,
        "product_id": ["S2B_MSIL2A_20200223T033739_N9999_R061_T48UWE"] * count,
        "timestamp": ["2020-02-23 03:37:39"] * count, "pixel_bbox": [[0, 0, 224, 224]] * count,
    }  # fmt: skip
    return write_parquet(path, columns, squares(count))
