from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely
from affine import Affine

from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.geodesy import geodesic_area_m2
from geoglot.outputs import vector_files as vectors
from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import hex_of
from geoglot.outputs.shapes import ClassStrip, trace
from geoglot.outputs.styles import make_style
from geoglot.outputs.vector_files import write_frames, write_polygons
from geoglot.outputs.vector_names import ENDINGS, check_format, check_placed, explain_format

LEGEND = Legend(("water", "forest"))
CLASSES = np.zeros((40, 40), np.uint8)
CLASSES[4:10, 4:10] = 1
CLASSES[20:30, 5:35] = 2
CONFIDENCE = np.full((40, 40), 200, np.uint8)


def write(path: Path, crs: pyproj.CRS | None, transform: Affine, classes: np.ndarray = CLASSES) -> int:
    shapes = trace([ClassStrip(0, classes, CONFIDENCE)], frozenset({0, 255}))
    return write_polygons(shapes, Grid(crs, transform, classes.shape), LEGEND, 250, path)


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".fgb", ".parquet", ".shp", ".zip"])
def test_every_format_holds_classes_scores_and_geodesic_areas(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "_BATCH", 1)
    path = tmp_path / f"map{suffix}"
    assert write(path, pyproj.CRS(32616), Affine(10, 0, 500_000, 0, -10, 4_000_000)) == 2
    frame = gpd.read_parquet(path) if suffix == ".parquet" else gpd.read_file(path)
    frame = frame.sort_values("id", ignore_index=True)  # FlatGeobuf orders features by place
    assert frame["name"].tolist() == ["water", "forest"] and frame["class"].tolist() == [1, 2]
    assert frame["id"].tolist() == [1, 2] and frame["score"].tolist() == [0.8, 0.8]
    scale = 0.9996**2  # of UTM on its central meridian: ground is larger than map
    np.testing.assert_allclose(frame["area_m2"] * scale, [3600, 30_000], rtol=1e-4)
    assert frame.crs.to_epsg() == (4326 if suffix == ".geojson" else 32616)
    metres = frame.to_crs(32616)
    assert metres.geometry.iloc[0].symmetric_difference(
        shapely.box(500_040, 3_999_900, 500_100, 3_999_960)
    ).area == pytest.approx(0, abs=1e-3)


def test_threads_give_equal_bytes_and_leave_the_options_of_the_process(tmp_path: Path) -> None:
    place = (pyproj.CRS(32616), Affine(10, 0, 500_000, 0, -10, 4_000_000))
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda index: write(tmp_path / f"{index}.gpkg", *place), range(8)))
    assert len({(tmp_path / f"{index}.gpkg").read_bytes() for index in range(8)}) == 1
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") == before


@pytest.mark.parametrize("suffix", ENDINGS)
def test_equal_runs_give_equal_bytes_and_no_objects_give_an_empty_file(tmp_path: Path, suffix: str) -> None:
    place = (pyproj.CRS(32616), Affine(10, 0, 500_000, 0, -10, 4_000_000))
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
    write(tmp_path / f"a/map{suffix}", *place)
    write(tmp_path / f"b/map{suffix}", *place)
    first, second = ({file.name: file.read_bytes() for file in (tmp_path / each).iterdir()} for each in "ab")
    assert first == second
    empty = tmp_path / f"c/map{suffix}"
    assert write(empty, *place, classes=np.zeros_like(CLASSES)) == 0
    assert len(gpd.read_parquet(empty) if suffix == ".parquet" else gpd.read_file(empty)) == 0


def test_geojson_is_cut_at_the_antimeridian(tmp_path: Path) -> None:
    path = tmp_path / "map.geojson"
    write(path, pyproj.CRS(4326), Affine(0.01, 0, 179.9, 0, -0.01, 10))
    frame = gpd.read_file(path)
    assert frame.geometry.bounds.abs().to_numpy().max() <= 180
    assert frame.geometry.iloc[1].geom_type == "MultiPolygon"
    assert shapely.area(frame.geometry.iloc[1]) == pytest.approx(300e-4)


@pytest.mark.parametrize(("crs", "place"), [(32601, (1e5, 8e6)), (3413, (-200, 200)), (3031, (-200, 200))])
def test_every_ring_of_geojson_is_wound_as_rfc_7946_says(tmp_path: Path, crs: int, place: tuple[float, float]) -> None:
    """Across 180 degrees, around a pole, with holes; the areas are those of the map."""
    classes = np.ones((40, 40), np.uint8)
    classes[18:26, 3:30] = classes[2:6, 10:12] = 2
    write(tmp_path / "map.geojson", pyproj.CRS(crs), Affine(10, 0, place[0], 0, -10, place[1]), classes)
    features = json.loads((tmp_path / "map.geojson").read_text())["features"]
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    assert sum(feature["properties"]["area_m2"] for feature in features) == pytest.approx(16e4, rel=0.08)
    for shape in shapes:
        assert shape.is_valid and np.abs(shape.bounds).max() <= 180
        for part in shapely.get_parts(shape):
            assert part.exterior.is_ccw and not any(hole.is_ccw for hole in part.interiors)
    written = geodesic_area_m2(shapes, pyproj.CRS("OGC:CRS84"))
    np.testing.assert_allclose(written, [one["properties"]["area_m2"] for one in features], rtol=2e-3)


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".fgb", ".shp", ".zip"])
def test_without_a_crs_there_are_pixels_and_no_areas(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"map{suffix}", None, Affine.identity())
    frame = gpd.read_file(tmp_path / f"map{suffix}").sort_values("id", ignore_index=True)
    assert frame["area_m2"].isna().all()
    assert frame.geometry.iloc[0].bounds == (4, 4, 10, 10)


_FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
import pyproj
from affine import Affine
from geoglot.errors import OutputError
from geoglot.geo import Grid
from geoglot.outputs.legend import Legend
from geoglot.outputs.shapes import ClassStrip, trace
from geoglot.outputs.vector_files import write_polygons
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))
classes = np.random.default_rng(0).integers(1, 3, (300, 300)).astype(np.uint8)
grid = Grid(pyproj.CRS(32616), Affine(1, 0, 5e5, 0, -1, 4e6), classes.shape)
try:
    shapes = trace([ClassStrip(0, classes, classes)], frozenset())
    write_polygons(shapes, grid, Legend(("a", "b")), 2, Path(sys.argv[1]))
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("suffix", ENDINGS)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    command = [sys.executable, "-c", _FULL, str(tmp_path / f"map{suffix}")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "free some space" in done.stdout.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(InputError, match=r"\.gpkg"):
        check_format(Path("map.dxf"))


PLACE = (pyproj.CRS(32616), Affine(10, 0, 500_000, 0, -10, 4_000_000))


def write_styled(path: Path) -> None:
    shapes = trace([ClassStrip(0, CLASSES, CONFIDENCE)], frozenset({0, 255}))
    write_polygons(shapes, Grid(*PLACE, CLASSES.shape), LEGEND, 250, path, style=make_style(LEGEND, [1, 2]))


def test_a_geopackage_holds_its_style_as_qgis_looks_for_it(tmp_path: Path) -> None:
    write_styled(tmp_path / "map.gpkg")
    with closing(sqlite3.connect(tmp_path / "map.gpkg")) as database:
        rows = database.execute(
            "SELECT s.f_table_name, s.styleQML, s.useAsDefault FROM layer_styles s JOIN gpkg_geometry_columns g "
            "ON g.table_name = s.f_table_name AND g.column_name = s.f_geometry_column"
        ).fetchall()
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert rows == [("classes", make_style(LEGEND, [1, 2]), 1)]
    assert [name for name, _ in pyogrio.list_layers(tmp_path / "map.gpkg")] == ["classes", "layer_styles"]
    assert [file.name for file in tmp_path.iterdir()] == ["map.gpkg"]


@pytest.mark.parametrize("suffix", [".geojson", ".fgb", ".parquet", ".shp", ".zip"])
def test_any_other_file_has_its_style_beside_it(tmp_path: Path, suffix: str) -> None:
    write_styled(tmp_path / f"map{suffix}")
    assert (tmp_path / "map.qml").read_text() == make_style(LEGEND, [1, 2])


def test_a_zip_holds_the_style_for_who_unpacks_it(tmp_path: Path) -> None:
    write_styled(tmp_path / "map.zip")
    with zipfile.ZipFile(tmp_path / "map.zip") as archive:
        assert sorted(archive.namelist()) == [f"map.{end}" for end in ("cpg", "dbf", "prj", "qml", "shp", "shx")]


def test_polygons_name_the_colour_of_their_class(tmp_path: Path) -> None:
    write_styled(tmp_path / "map.geojson")
    frame = gpd.read_file(tmp_path / "map.geojson")
    assert frame["colour"].tolist() == [hex_of(colour) for colour in LEGEND.colours]


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".fgb", ".parquet", ".shp"])
def test_every_format_holds_moments_and_where_there_is_none(tmp_path: Path, suffix: str) -> None:
    moments = pd.to_datetime(["2024-05-31T10:00:00Z", None], utc=True)
    boxes = [shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)]
    path = tmp_path / f"map{suffix}"
    write_frames([gpd.GeoDataFrame({"id": [1, 2], "time": moments}, geometry=boxes, crs=4326)], path, "map")
    frame = gpd.read_parquet(path) if suffix == ".parquet" else gpd.read_file(path)
    frame = frame.sort_values("id", ignore_index=True)  # FlatGeobuf orders features by place
    assert pd.Timestamp(frame["time"][0]).strftime("%Y-%m-%d") == "2024-05-31"
    assert pd.isna(frame["time"][1])


def test_tiles_show_the_polygons_where_they_lie(tmp_path: Path) -> None:
    write_styled(tmp_path / "map.pmtiles")
    frame = gpd.read_file(tmp_path / "map.pmtiles", layer="classes")
    assert sorted(set(frame["name"])) == ["forest", "water"]
    truth = shapely.box(500_040, 3_999_900, 500_100, 3_999_960)
    water = frame.loc[frame["name"] == "water"].to_crs(32616).union_all()
    assert water.symmetric_difference(truth).area < 0.01 * truth.area


def test_tiles_of_a_scene_without_a_place_are_refused_before_any_work() -> None:
    with pytest.raises(InputError, match="no CRS"):
        check_placed(Path("map.pmtiles"), None)
    check_placed(Path("map.pmtiles"), pyproj.CRS(32616))
    check_placed(Path("map.gpkg"), None)


def test_what_a_shapefile_cuts_is_said_and_cut_so(tmp_path: Path) -> None:
    long = "ä" * 200
    columns = {"perimeter_m": [1.0], "perimeter_km": [2.0], "name": [long]}
    frame = gpd.GeoDataFrame(columns, geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
    write_frames([frame], tmp_path / "map.shp", "map")
    notes = explain_format(tmp_path / "map.shp", columns, [long])
    assert len(notes) == 2 and "perimeter_m is perimeter_, perimeter_km is perimete_2" in notes[0]
    stored = gpd.read_file(tmp_path / "map.shp")
    assert stored[["perimeter_", "perimete_2"]].to_numpy().tolist() == [[1, 2]]
    assert stored["name"].tolist() == ["ä" * 127]
    assert explain_format(tmp_path / "map.fgb", columns, [long]) == () == explain_format(None)


@pytest.mark.parametrize("suffix", ENDINGS)
def test_an_ending_in_capitals_is_the_same_format(tmp_path: Path, suffix: str) -> None:
    for name in (f"map{suffix}", f"MAP{suffix.upper()}"):
        (tmp_path / name[:3]).mkdir()
        write_styled(tmp_path / name[:3] / name)
    small, large = ({path.name.lower() for path in (tmp_path / name).iterdir()} for name in ("map", "MAP"))
    assert small == large
    if suffix != ".zip":  # which GDAL knows by small letters alone
        paths = [tmp_path / "map" / f"map{suffix}", tmp_path / "MAP" / f"MAP{suffix.upper()}"]
        read = {".parquet": gpd.read_parquet, ".gpkg": partial(gpd.read_file, layer="classes")}
        first, second = map(read.get(suffix, gpd.read_file), paths)
        assert first["name"].tolist() == second["name"].tolist() and len(first)


@pytest.mark.parametrize("order", [1, -1])
def test_tiles_hold_polygons_on_both_sides_of_the_antimeridian_wherever_they_come(tmp_path: Path, order: int) -> None:
    boxes = [shapely.box(179, 0, 179.5, 0.5), shapely.box(179.8, 0, 180.2, 0.5)]
    frames = [gpd.GeoDataFrame({"name": ["a"]}, geometry=[box], crs=4326) for box in boxes[::order]]
    write_frames(frames, tmp_path / "map.pmtiles", "map")
    stored = gpd.read_file(tmp_path / "map.pmtiles", layer="map").to_crs(4326)
    assert stored.total_bounds == pytest.approx([-180, 0, 180, 0.5], abs=0.01)


@pytest.mark.parametrize("places", [[(10.0, 50.0), (70.0, -30.0)], [(179.999, 0.0), (-179.999, 0.0)]])
def test_tiles_show_small_polygons_of_scenes_far_apart_and_of_a_scene_across_the_antimeridian(
    tmp_path: Path, places: list[tuple[float, float]]
) -> None:
    frames = [
        gpd.GeoDataFrame(
            {"name": [f"{index}"]}, geometry=[shapely.Point(place).buffer(5e-5, cap_style="square")], crs=4326
        )
        for index, place in enumerate(places)
    ]
    across = places[0][0] > 170
    frames = [gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=4326)] if across else frames
    write_frames(frames, tmp_path / "map.pmtiles", "map")
    stored = gpd.read_file(tmp_path / "map.pmtiles", layer="map").to_crs(4326).dissolve("name")
    bounds = np.array([(x - 5e-5, y - 5e-5, x + 5e-5, y + 5e-5) for x, y in places])
    assert stored.bounds.to_numpy() == pytest.approx(bounds, abs=1e-5)


@pytest.mark.parametrize("suffix", [".shp", ".zip", ".fgb"])
def test_a_style_has_the_texts_that_the_file_has(tmp_path: Path, suffix: str) -> None:
    names = ("ä" * 200, 'sea & "<water>"', "roof" * 100)
    frame = gpd.GeoDataFrame({"name": names}, geometry=[shapely.box(x, 0, x + 1, 1) for x in range(3)], crs=4326)
    write_frames([frame], tmp_path / f"map{suffix}", "map", make_style(Legend(names), (1, 2, 3)))
    style = ElementTree.fromstring((tmp_path / "map.qml").read_text("utf-8").partition(">")[2])
    assert {each.get("value") for each in style.iter("category")} == set(
        gpd.read_file(tmp_path / f"map{suffix}")["name"]
    )
    assert {each.get("label") for each in style.iter("category")} == set(names)
