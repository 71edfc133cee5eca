"""Reads a file of features by GDAL or Arrow. `vectors` calls this in a child process if the file is large or packed."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyogrio
import shapely

from geoglot.bounded import lacks_memory
from geoglot.errors import InputError
from geoglot.silence import ignore_library_warnings
from geoglot.sources.vector_crs import check_crs, check_crs_texts
from geoglot.sources.vector_formats import (
    KML,
    LINES,
    PARQUET,
    READABLE,
    SHAPEFILE,
    Format,
    check_size,
    count_lines,
    format_of,
)

MAX_FEATURES = 1_000_000
_NUMBER_BYTES = 8
_COLLECTION = 7  # GEOS's number of the type
_MAX_FOLDERS = 500  # of KML
_MAX_DEPTH = 16  # of collections in collections
_OFFLINE = {  # no proxy has such a scheme, so no request leaves
    "GDAL_HTTP_PROXY": "none://",
    "GDAL_HTTPS_PROXY": "none://",
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "none",
}
_reading = threading.Lock()  # GDAL's options belong to the whole process


def read_features(path: Path) -> gpd.GeoDataFrame:
    """Features with a geometry, in two dimensions, and their flat attributes; InputError as `read_vectors`.

    Those of a KML with several folders have the name of theirs as `folder`.
    """
    form = format_of(path)
    check_crs_texts(path)
    try:
        frame = _read_parquet(path) if form is PARQUET else _read_by_gdal(path, form)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # GDAL, Arrow, GEOS and PROJ raise many kinds
        if lacks_memory(str(error)):
            raise MemoryError from error
        raise InputError(f"{path} cannot be read as {form.name}: {_first_line(error)}") from error
    shapes = frame.geometry.to_numpy()
    frame = frame[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))].reset_index(drop=True)
    _check_depth(path, frame.geometry.to_numpy())
    if not np.isfinite(shapely.get_coordinates(frame.geometry.to_numpy())).all():
        raise InputError(f"{path} has a coordinate that is not a number; mend or remove that feature")
    if frame.crs is not None:
        check_crs(path, frame.crs)
    if frame.crs is not None and (frame.crs.is_engineering or frame.crs.name.startswith("Undefined")):
        frame = frame.set_crs(None, allow_override=True)
    flat = frame.drop(columns=[name for name in frame.columns.drop(frame.geometry.name) if _is_nested(frame[name])])
    return flat.set_geometry(shapely.force_2d(frame.geometry.to_numpy()), crs=frame.crs)


def write_features(path: str, target: str) -> str:
    """The work of the child: write the features of a file as GeoParquet of our own."""
    read_features(Path(path)).to_parquet(target)
    return ""


def _is_nested(column: pd.Series) -> bool:
    return column.dtype == object and any(isinstance(value, dict | list | np.ndarray) for value in column)


def _check_depth(path: Path, geometries: np.ndarray) -> None:
    """Refuse collections in collections in collections: GEOS calls itself for each, until the stack ends."""
    for _ in range(_MAX_DEPTH):
        geometries = shapely.get_parts(geometries[shapely.get_type_id(geometries) == _COLLECTION])
    if len(geometries):
        raise InputError(f"{path} has geometries nested more than {_MAX_DEPTH} deep; save them as plain features")


def _first_line(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "its text is not UTF-8; save it in UTF-8"
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]


def _check_count(path: Path, count: int) -> None:
    if count > MAX_FEATURES:
        raise InputError(f"{path} has more than {MAX_FEATURES:,} features; cut out the ones that you need")


def _read_by_gdal(path: Path, form: Format) -> gpd.GeoDataFrame:
    name = f"{form.prefix}{path.absolute()}"
    with _offline():
        counts = _count_features(path, name, form)
        frames = {
            layer: pyogrio.read_dataframe(name, layer=layer, max_features=max(count, 1))
            for layer, count in counts.items()
        }
    if any(not isinstance(frame, gpd.GeoDataFrame) for frame in frames.values()):
        raise InputError(f"{path} is a table without geometry; save it as GeoJSON or GeoPackage")
    if len(frames) == 1:
        (frame,) = frames.values()
        return _in_utf8(frame) if form is SHAPEFILE else frame
    return pd.concat([frame.assign(folder=layer) for layer, frame in frames.items()], ignore_index=True)


def _in_utf8(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The features with their texts read as UTF-8, if all that were read as ISO 8859-1 are valid UTF-8.

    So is every text of a Shapefile that has lost its .cpg. Real texts in ISO 8859-1 are hardly ever valid UTF-8.
    """
    try:
        return frame.assign(**{
            name: column.map(lambda value: value.encode("latin-1").decode() if isinstance(value, str) else value)
            for name, column in frame.items()
            if pd.api.types.is_string_dtype(column.dtype) or column.dtype == object
        })  # fmt: skip
    except UnicodeError:
        return frame


def _count_features(path: Path, name: str, form: Format) -> dict[str | None, int]:
    """The number of features of each layer. A file has one; KML has one for each folder."""
    if form.prefix:
        counts: dict[str | None, int] = {None: pyogrio.read_info(name, force_feature_count=True)["features"]}
        if form is LINES and (lost := count_lines(path) - sum(counts.values())) > 0:  # GDAL passes over them
            raise InputError(f"{path} has {lost:,} lines that are no features; is it cut short? Get it again")
    else:
        counts = {}
        for layer in _list_layers(path, name, form):
            facts = pyogrio.read_info(name, layer=layer, force_feature_count=True)
            if facts["driver"] not in form.drivers:
                raise InputError(f"{path} is not only {form.name} but also {facts['driver']}; geoglot reads {READABLE}")
            counts[layer] = facts["features"]
    _check_count(path, sum(counts.values()))
    return counts


def _list_layers(path: Path, name: str, form: Format) -> list[str]:
    if "!" in name:
        raise InputError(f"{path} has a ! in its path, which GDAL reads as an archive; rename it")
    layers = [str(layer) for layer, geometry in pyogrio.list_layers(name) if geometry is not None]
    if not layers:
        raise InputError(f"{path} is a table without geometry; save it as GeoJSON or GeoPackage")
    if len(layers) > 1 and form is not KML:
        raise InputError(f"{path} has {len(layers)} layers ({', '.join(layers[:5])}); save one as a file of its own")
    if len(layers) > _MAX_FOLDERS:  # GDAL reads the whole file again for each
        raise InputError(f"{path} has {len(layers):,} folders, and at most {_MAX_FOLDERS} are read; join them")
    return layers


@contextmanager
def _offline() -> Iterator[None]:
    """Keep GDAL from reaching any host within the block. Threads take turns, and its options are restored."""
    with _reading, ignore_library_warnings():
        before = {key: pyogrio.get_gdal_config_option(key) for key in _OFFLINE}
        pyogrio.set_gdal_config_options(_OFFLINE)
        try:
            yield
        finally:
            pyogrio.set_gdal_config_options(before)


def _read_parquet(path: Path) -> gpd.GeoDataFrame:
    """Read geometry and flat attributes of GeoParquet, after a check of their unpacked size."""
    schema = pq.read_schema(path)
    if b"geo" not in (schema.metadata or {}):
        raise InputError(f"{path} is a table without geometry; save it as GeoJSON or GeoPackage")
    geometries = json.loads(schema.metadata[b"geo"])["columns"]
    names = [field.name for field in schema if field.name in geometries or not pa.types.is_nested(field.type)]
    shared = [field.name for field in schema if _is_text(field.type)]
    with pq.ParquetFile(path, read_dictionary=shared) as file:
        _check_count(path, file.metadata.num_rows)
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
        check_size(path, sum(max(chunk.total_uncompressed_size, _NUMBER_BYTES * chunk.num_values) for chunk in chunks))
        unpacked = 0
        for batch in file.iter_batches(columns=shared):
            unpacked += sum(map(_unpacked_bytes, batch.columns))
            check_size(path, unpacked)
    return gpd.read_parquet(path, columns=names)


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in tests)


def _unpacked_bytes(column: pa.DictionaryArray) -> int:
    """Bytes of a column when each row has its own copy of a shared value."""
    return pc.sum(pc.take(pc.binary_length(column.dictionary), column.indices)).as_py() or 0
