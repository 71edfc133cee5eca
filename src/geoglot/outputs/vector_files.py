"""Write polygons with attributes to GeoPackage, GeoParquet or GeoJSON, a batch at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TypeVar

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from geoglot.errors import InputError
from geoglot.footprint import Footprint
from geoglot.geo import Grid
from geoglot.geodesy import geodesic_area_m2
from geoglot.lonlat import orient_rings, project_to_lonlat, to_map
from geoglot.outputs.atomic import appears, check_utf8, disk_errors
from geoglot.outputs.legend import Legend
from geoglot.outputs.shapes import Shape
from geoglot.silence import ignore_library_warnings

T = TypeVar("T")
_BATCH = 2000
_SPLIT_BY_PYOGRIO = ";?!"  # it reads a path as a URL, and the member of an archive after "!"
_changing_date = threading.Lock()


def check_format(path: Path) -> None:
    """Before any work, refuse a file type or a name that cannot be written."""
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"polygons cannot be written as {path.name!r}; end the name with {', '.join(_WRITERS)}")
    if path.suffix.lower() == ".gpkg":
        _geopackage_path(path)


def _geopackage_path(path: Path) -> Path:
    """The absolute path, which GDAL reads as a file name; InputError if it would split it."""
    whole = path.absolute()
    check_utf8(str(whole))
    if split := [letter for letter in _SPLIT_BY_PYOGRIO if letter in str(whole)]:
        raise InputError(
            f"{path} has {split[0]!r} in its path, which GDAL would take apart; rename it, or give another name"
        )
    return whole


def write_polygons(
    shapes: Iterable[Shape],
    grid: Grid,
    legend: Legend,
    certain: int,
    output: Path,
    footprint: Footprint = Footprint(None),  # noqa: B008 frozen
) -> int:
    """Write one feature per shape, with class, mean score (0..1) and geodesic area in m²; returns their number.

    `certain` is the confidence that means 1. Shapes are clipped to the footprint of the scene. Without a CRS,
    coordinates are pixels and areas are empty.
    """
    check_format(output)
    count = 0

    def frame(batch: list[Shape], first_id: int) -> gpd.GeoDataFrame:
        nonlocal count
        count += len(batch)
        places = to_map(footprint.clip([shape.geometry() for shape in batch]), grid)
        return _frame(batch, places, first_id, grid, legend, certain)

    write_frames(in_frames(shapes, frame), output, "classes")
    return count


def in_frames(items: Iterable[T], frame: Callable[[list[T], int], gpd.GeoDataFrame]) -> Iterator[gpd.GeoDataFrame]:
    """Frames of some thousand items each; one at least, which may be empty.

    `frame` is given the items and the number of the first, from 1.
    """
    remaining, first = iter(items), 1
    batches = iter(lambda: list(islice(remaining, _BATCH)), [])
    for batch in chain([next(batches, [])], batches):
        yield frame(batch, first)
        first += len(batch)


def write_frames(frames: Iterable[gpd.GeoDataFrame], output: Path, layer: str) -> None:
    """Write one or more frames with equal columns; `layer` is the layer's name in a GeoPackage."""
    check_format(output)
    open_writer, foreign = _WRITERS[output.suffix.lower()], (DataSourceError, DataLayerError, FeatureError)
    with appears(output) as temporary, disk_errors(output, *foreign), open_writer(temporary, layer) as write:
        for frame in frames:
            write(frame)


def _frame(
    shapes: list[Shape], geometries: np.ndarray, first_id: int, grid: Grid, legend: Legend, certain: int
) -> gpd.GeoDataFrame:
    areas = geodesic_area_m2(geometries, grid.crs) if grid.crs else np.full(len(shapes), np.nan)
    columns = {
        "id": np.arange(first_id, first_id + len(shapes), dtype=np.int64),
        "class": np.array([shape.value for shape in shapes], np.int32),
        "name": np.array([legend.names[shape.value - 1] for shape in shapes], object),
        "score": np.array([shape.confidence / shape.pixels / certain for shape in shapes], np.float64).round(4),
        "area_m2": np.asarray(areas, np.float64).round(2),
    }
    return gpd.GeoDataFrame(columns, geometry=geometries, crs=grid.crs)


@contextmanager
def _open_geopackage(path: Path, layer: str) -> Iterator[_Write]:
    name = _geopackage_path(path)
    options = {"layer": layer, "driver": "GPKG", "geometry_type": "Polygon"}

    def write(frame: gpd.GeoDataFrame) -> None:
        # No warnings: the user was told of a missing CRS when the source was opened.
        with _fixed_date(), ignore_library_warnings():
            pyogrio.write_dataframe(frame, name, append=name.exists(), **options)

    yield write


@contextmanager
def _fixed_date() -> Iterator[None]:
    """Fix the date of the last change, which is part of a GeoPackage, so that equal runs give equal bytes.

    GDAL's option belongs to the process, so threads take turns and the earlier value is restored.
    """
    with _changing_date:
        before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"})
        try:
            yield
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


@contextmanager
def _open_geoparquet(path: Path, _layer: str) -> Iterator[_Write]:
    """GeoParquet 1.1, one row group per batch."""
    with ExitStack() as stack:
        files = list[pq.ParquetWriter]()

        def write(frame: gpd.GeoDataFrame) -> None:
            table = pa.table(frame.to_arrow(index=False, geometry_encoding="WKB"))
            crs = frame.crs.to_json_dict() if frame.crs else None
            column = {"encoding": "WKB", "geometry_types": ["Polygon"], "crs": crs}
            geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
            schema = pa.schema(map(pa.Field.remove_metadata, table.schema), metadata={"geo": json.dumps(geo)})
            if not files:
                files.append(stack.enter_context(pq.ParquetWriter(path, schema, compression="zstd")))
            files[0].write_table(table.cast(schema))

        yield write


@contextmanager
def _open_geojson(path: Path, _layer: str) -> Iterator[_Write]:
    """RFC 7946, one feature per line."""
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        separators = chain(["\n"], repeat(",\n"))

        def write(frame: gpd.GeoDataFrame) -> None:
            places = frame.geometry.to_numpy()
            geometries = orient_rings(places) if frame.crs is None else project_to_lonlat(places, frame.crs)
            attributes = frame.drop(columns="geometry").to_dict("records")
            for properties, geometry in zip(attributes, shapely.to_geojson(geometries), strict=True):
                clean = {key: None if value != value else value for key, value in properties.items()}
                feature = f'{{"type": "Feature", "properties": {json.dumps(clean)}, "geometry": {geometry}}}'
                file.write(next(separators) + feature)

        yield write
        file.write("\n]}\n")


_Write = Callable[[gpd.GeoDataFrame], None]
_WRITERS: dict[str, Callable[[Path, str], AbstractContextManager[_Write]]] = {
    ".gpkg": _open_geopackage,
    ".parquet": _open_geoparquet,
    ".geojson": _open_geojson,
}
