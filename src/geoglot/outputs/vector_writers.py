"""Write frames of features to one file, a frame at a time: a function for each format."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import chain, repeat
from pathlib import Path
from typing import TypeVar
from xml.sax.saxutils import quoteattr

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely

from geoglot.crs import LONLAT
from geoglot.lonlat import orient_rings, project_to_lonlat
from geoglot.outputs.styles import write_style
from geoglot.outputs.vector_names import cut_text, short_names
from geoglot.silence import ignore_library_warnings
from geoglot.times import utc_text

T = TypeVar("T")
Frames = Iterator[gpd.GeoDataFrame]
_FIXED = "2000-01-01T00:00:00.000Z"  # part of a GeoPackage; equal runs give equal bytes
#: The tables and columns by which QGIS finds a style in a GeoPackage
_STYLES = """
CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
  f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT,
  styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME);
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change)
  VALUES ('layer_styles', 'attributes', 'layer_styles', '', '{fixed}');
"""
_changing_date = threading.Lock()


def write_geopackage(path: Path, layer: str, frames: Frames, style: str) -> None:
    """A GeoPackage, whose table layer_styles holds the style."""
    with _fixed_date():
        _write(path, frames, "GPKG", layer=layer)
    if not style:
        return
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(_STYLES.format(fixed=_FIXED))
        [(geometry,)] = database.execute("SELECT column_name FROM gpkg_geometry_columns")
        database.execute(
            "INSERT INTO layer_styles VALUES (1, '', '', ?, ?, ?, ?, '', 1, '', '', '', ?)",
            (layer, geometry, layer, style, _FIXED),
        )


def write_flatgeobuf(path: Path, layer: str, frames: Frames, style: str) -> None:
    """FlatGeobuf with its spatial index."""
    _write(path, frames, "FlatGeobuf", layer=layer)
    write_style(path, style)


def write_shapefile(path: Path, _layer: str, frames: Frames, style: str) -> None:
    """A Shapefile in UTF-8, with names of fields cut to ten bytes and texts to 254."""
    options = {"ENCODING": "UTF-8", "DBF_DATE_LAST_UPDATE": _FIXED[:10]}
    small = path.with_suffix(path.suffix.lower())  # as GDAL calls it, also for a path that ends in .SHP
    cut = dict[str, str]()
    _write(small, (_shorten(frame, cut) for frame in frames), "ESRI Shapefile", options=options)
    small.replace(path)
    for text, kept in cut.items():  # QGIS draws no feature whose text the style does not have
        style = style.replace(f"value={quoteattr(text)}", f"value={quoteattr(kept)}")
    write_style(path, style)


def write_zip(path: Path, layer: str, frames: Frames, style: str) -> None:
    """The files of a Shapefile in a zip; the style lies in it, and beside it where QGIS looks for it."""
    shapes = path.with_suffix(".shp")
    write_shapefile(shapes, layer, frames, style)
    parts = sorted(file for file in path.parent.glob("*") if file.stem == path.stem and file != path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in parts:
            with file.open("rb") as source, archive.open(zipfile.ZipInfo(file.name), "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
            if file.suffix != ".qml":
                file.unlink()


def write_geoparquet(path: Path, _layer: str, frames: Frames, style: str) -> None:
    """GeoParquet 1.1, one row group per frame."""
    first, frames = _peek(frames)
    crs = first.crs.to_json_dict() if first.crs else None
    column = {"encoding": "WKB", "geometry_types": _types(first), "crs": crs}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    table, tables = _peek(map(_to_arrow, frames))
    schema = pa.schema(map(pa.Field.remove_metadata, table.schema), metadata={"geo": json.dumps(geo)})
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        for each in tables:
            file.write_table(each.cast(schema))
    write_style(path, style)


def write_geojson(path: Path, _layer: str, frames: Frames, style: str) -> None:
    """RFC 7946, one feature per line. A column of times holds moments in UTC, such as 2024-05-31T10:00:00Z."""
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        separators = chain(["\n"], repeat(",\n"))
        for frame in frames:
            places = frame.geometry.to_numpy()
            geometries = orient_rings(places) if frame.crs is None else project_to_lonlat(places, frame.crs)
            attributes = frame.drop(columns="geometry").to_dict("records")
            for properties, geometry in zip(attributes, shapely.to_geojson(geometries), strict=True):
                clean = {key: None if value != value else value for key, value in properties.items()}
                known = json.dumps(clean, default=utc_text)
                file.write(f'{next(separators)}{{"type": "Feature", "properties": {known}, "geometry": {geometry}}}')
        file.write("\n]}\n")
    write_style(path, style)


def _shorten(frame: gpd.GeoDataFrame, cut: dict[str, str]) -> gpd.GeoDataFrame:
    """A frame as a Shapefile holds it; `cut` gets each text that is cut, and what is left of it."""
    columns = [str(name) for name in frame.columns if name != frame.geometry.name]
    short = frame.rename(columns=short_names(columns))
    for name in (name for name, kind in short.dtypes.items() if pd.api.types.is_string_dtype(kind)):
        texts = {text for text in short[name] if isinstance(text, str)}
        cut.update((text, kept) for text in texts if (kept := cut_text(text)) != text)
        short[name] = [cut.get(text, text) if isinstance(text, str) else text for text in short[name]]
    return short


def _write(
    path: Path, frames: Frames, driver: str, layer: str | None = None, options: Mapping[str, str] | None = None
) -> None:
    """Let GDAL write the frames as it reads them, so that memory holds one at a time."""
    first, frames = _peek(frames)
    table, tables = _peek(map(_to_arrow, frames))
    schema = pa.schema([_known(field) for field in table.schema])
    batches = chain.from_iterable(each.cast(schema).to_batches() for each in tables)
    types = _types(first)
    # No warnings: the user was told of a missing CRS when the source was opened. They name the caller, this module.
    with ignore_library_warnings(rf"pyogrio\.|{re.escape(__name__)}"):
        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(schema, batches), path, layer=layer, driver=driver,
            geometry_name=first.geometry.name, geometry_type=types[0] if len(types) == 1 else "Unknown",
            crs=_crs(first), layer_options=options,
        )  # fmt: skip


def _crs(frame: gpd.GeoDataFrame) -> str | None:
    """As GDAL reads it. Files order longitude and latitude alike, and other programs know that CRS by EPSG's number."""
    if frame.crs is None:
        return None
    return "EPSG:4326" if frame.crs == LONLAT else str(frame.crs.to_wkt())


def _known(field: pa.Field) -> pa.Field:
    """A column without any value is one of texts."""
    return field.with_type(pa.string()) if pa.types.is_null(field.type) else field


def _to_arrow(frame: gpd.GeoDataFrame) -> pa.Table:
    return pa.table(frame.to_arrow(index=False, geometry_encoding="WKB"))


def _peek(items: Iterator[T]) -> tuple[T, Iterator[T]]:
    """The first item, and all of them."""
    first = next(items)
    return first, chain([first], items)


def _types(frame: gpd.GeoDataFrame) -> list[str]:
    return sorted(set(frame.geometry.geom_type.dropna())) or ["Polygon"]


@contextmanager
def _fixed_date() -> Iterator[None]:
    """Fix the date of the last change, which is part of a GeoPackage, so that equal runs give equal bytes.

    GDAL's option belongs to the process, so threads take turns and the earlier value is restored.
    """
    with _changing_date:
        before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _FIXED})
        try:
            yield
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


Writer = Callable[[Path, str, Frames, str], None]
"""Writes frames, one at least and all with the same columns, to a path, as a layer, with a style (QML) or none ("")."""
