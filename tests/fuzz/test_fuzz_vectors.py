"""Vector files of strangers, as areas and as points."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st

from fuzz.changes import contents, documents, texts
from fuzz.oracle import ends_well, examples
from geoglot.scene.vector_features import on_grid, read_features
from geoglot.sources.raster import open_raster

KML = (
    '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>a</name><Point>'
    "<coordinates>4.36,51.87</coordinates></Point></Placemark></Document></kml>"
)


@pytest.fixture(scope="module")
def features(scene: Path) -> gpd.GeoDataFrame:
    with rasterio.open(scene) as dataset:
        west, south, east, north = dataset.bounds
        shapes = [shapely.box(west, south, east - 5, north - 5), shapely.Point(west + 3, south + 3).buffer(2)]
        return gpd.GeoDataFrame({"name": ["a", "b"], "n": [1, None]}, geometry=shapes, crs=dataset.crs)


def use(path: Path, scene: Path) -> None:
    with open_raster(scene) as raster:
        on_grid(read_features(path), raster.grid)


def try_texts(path: Path, strategy: st.SearchStrategy[str], count: int, scene: Path) -> None:
    @examples(count)
    @given(strategy)
    def check(text: str) -> None:
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        ends_well(lambda: use(path, scene))

    check()


def test_geojson(features: gpd.GeoDataFrame, scene: Path, place: Path) -> None:
    seed: Any = json.loads(features.to_json(show_bbox=True))
    seed["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
    try_texts(place / "area.geojson", documents(seed), 40, scene)


def test_kml(scene: Path, place: Path) -> None:
    try_texts(place / "area.kml", texts(KML), 10, scene)


@pytest.mark.parametrize("ending", ["gpkg", "parquet", "fgb", "shp"])
def test_binary_files(ending: str, features: gpd.GeoDataFrame, scene: Path, place: Path) -> None:
    path = place / f"area.{ending}"
    if ending == "parquet":
        features.to_parquet(path)
    else:
        features.to_file(path)
    seed = path.read_bytes()

    @examples(3 if ending == "gpkg" else 10)  # a child process reads each GeoPackage
    @given(contents(seed))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        ends_well(lambda: use(path, scene))

    check()


def test_what_geoparquet_says_of_itself(features: gpd.GeoDataFrame, scene: Path, place: Path) -> None:
    import pyarrow.parquet as pq

    path = place / "described.parquet"
    features.to_parquet(path)
    table = pq.read_table(path)
    seed = json.loads(table.schema.metadata[b"geo"])

    @examples(20)
    @given(st.one_of(documents(seed)))
    def check(document: str) -> None:
        metadata = {**table.schema.metadata, b"geo": document.encode("utf-8", "surrogatepass")}
        pq.write_table(table.replace_schema_metadata(metadata), path)
        ends_well(lambda: use(path, scene))

    check()
