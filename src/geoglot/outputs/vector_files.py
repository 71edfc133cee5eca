"""Write polygons with attributes to a file whose suffix says its format, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import geopandas as gpd
import numpy as np
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from geoglot.footprint import Footprint
from geoglot.geo import Grid
from geoglot.geodesy import geodesic_area_m2
from geoglot.lonlat import to_map
from geoglot.outputs import vector_writers as writers
from geoglot.outputs.atomic import appears, disk_errors
from geoglot.outputs.legend import Legend
from geoglot.outputs.made import beside
from geoglot.outputs.palette import hex_of
from geoglot.outputs.shapes import Shape, outlines
from geoglot.outputs.vector_names import check_format
from geoglot.outputs.vector_tiles import write_pmtiles

T = TypeVar("T")
_BATCH = 2000


def write_polygons(
    shapes: Iterable[Shape],
    grid: Grid,
    legend: Legend,
    certain: int,
    output: Path,
    footprint: Footprint = Footprint(None),  # noqa: B008 frozen
    style: str = "",
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
        places = to_map(footprint.clip(outlines(batch)), grid)
        return _frame(batch, places, first_id, grid, legend, certain)

    write_frames(in_frames(shapes, frame), output, "classes", style)
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


def write_frames(frames: Iterable[gpd.GeoDataFrame], output: Path, layer: str, style: str = "") -> None:
    """Write one or more frames with equal columns, in a layer of this name where the format has one.

    The style (QML) goes into a GeoPackage, and beside any other format, where QGIS looks for it.
    """
    check_format(output)
    write = _WRITERS[output.suffix.lower()]
    foreign = (DataSourceError, DataLayerError, FeatureError)
    with appears(output) as temporary, disk_errors(output, *foreign):
        write(temporary, layer, iter(frames), style)
        for part in filter(Path.exists, beside(temporary)):
            part.replace(output.with_name(part.name))


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
        "colour": np.array([hex_of(legend.colours[shape.value - 1]) for shape in shapes], object),
    }
    return gpd.GeoDataFrame(columns, geometry=geometries, crs=grid.crs)


_WRITERS: Mapping[str, writers.Writer] = {
    ".gpkg": writers.write_geopackage,
    ".geojson": writers.write_geojson,
    ".fgb": writers.write_flatgeobuf,
    ".parquet": writers.write_geoparquet,
    ".shp": writers.write_shapefile,
    ".zip": writers.write_zip,
    ".pmtiles": write_pmtiles,
}
