from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from shapely.geometry.base import BaseGeometry

from geoglot.errors import InputError, OutsideError
from geoglot.geo import Grid
from geoglot.lonlat import lonlat_bounds, to_map
from geoglot.scene.area import read_area
from geoglot.scene.vector_features import on_grid, read_features, read_lonlat_area

#: By the sea in the Netherlands, north of the polar circle, across the antimeridian
HERE, NORTH, DATE_LINE = (
    Grid(pyproj.CRS(code), Affine(10, 0, x, 0, -10, y), (600, 800))
    for code, x, y in ((32631, 593_270, 5_747_657), (32633, 500_000, 8_800_000), (32601, 162_000, 7_400_000))
)
WHOLE = shapely.box(0, 0, 800, 600)


def write(path: Path, geometry: BaseGeometry, crs: int = 4326) -> Path:
    gpd.GeoDataFrame(geometry=[geometry], crs=crs).to_file(path)
    return path


@pytest.mark.parametrize("grid", [HERE, NORTH, DATE_LINE], ids=["here", "north", "date line"])
@pytest.mark.parametrize("geometry", [shapely.box(-180, -90, 180, 90), shapely.box(-180, 40, 180, 89)])
def test_an_area_may_be_as_large_as_the_world(tmp_path: Path, grid: Grid, geometry: BaseGeometry) -> None:
    assert read_area(write(tmp_path / "a.geojson", geometry), grid).covers(WHOLE)


@pytest.mark.parametrize("grid", [HERE, NORTH, DATE_LINE], ids=["here", "north", "date line"])
@pytest.mark.parametrize("crs", [4326, 3857, 4269])
def test_an_area_is_where_it_was_drawn(tmp_path: Path, grid: Grid, crs: int) -> None:
    """In degrees across the antimeridian too, where a file made by a program goes the long way round."""
    drawn = shapely.box(100, 50, 500, 400)
    own = gpd.GeoSeries(to_map([shapely.segmentize(drawn, 10)], grid), crs=grid.crs)
    area = read_area(write(tmp_path / "a.gpkg", own.to_crs(crs).iloc[0], crs), grid)
    if grid is DATE_LINE and crs == 3857:  # in which the two sides are 40,000 km apart
        return
    assert area.symmetric_difference(drawn).area < 0.01 * drawn.area


def test_a_parallel_stays_one(tmp_path: Path) -> None:
    """The straight edge of a box in degrees is a curve in UTM, kilometres off its ends."""
    _, north = HERE.to_lonlat(300, 400)
    area = read_area(write(tmp_path / "a.geojson", shapely.box(0, 0, 8, float(north))), HERE)
    cols = np.linspace(0, 800, 9)
    edge = [area.intersection(shapely.LineString([(col, 0), (col, 600)])).bounds[1] for col in cols]
    rows, _ = HERE.from_lonlat(HERE.to_lonlat(np.full(9, 300.0), cols)[0], np.full(9, float(north)))
    np.testing.assert_allclose(edge, rows, atol=0.5)


def test_features_far_away_are_kept_without_a_place(tmp_path: Path) -> None:
    lon, lat = HERE.to_lonlat(np.array([300.0]), np.array([400.0]))
    points = [shapely.Point(lon[0], lat[0]), shapely.Point(-90, 1), shapely.Point(0, -90)]
    found = on_grid(gpd.GeoDataFrame({"name": list("abc")}, geometry=points, crs=4326), HERE)
    assert found["name"].tolist() == ["a", "b", "c"]
    assert found.geometry.is_empty.tolist() == [False, True, True]
    assert shapely.get_coordinates(found.geometry[0])[0] == pytest.approx([400, 300], abs=1e-3)


def test_a_bow_tie_is_two_triangles(tmp_path: Path) -> None:
    x, y = HERE.to_map(np.array([100, 300, 100, 300]), np.array([100, 300, 300, 100]))
    area = read_area(write(tmp_path / "a.gpkg", shapely.Polygon(np.column_stack([x, y])), 32631), HERE)
    assert area.area == pytest.approx(200 * 200 / 2)


def test_pins_and_paths_beside_polygons_are_no_area(tmp_path: Path) -> None:
    """Neither as features of their own nor in a collection, and neither in pixels nor in degrees."""
    drawn = to_map([shapely.box(100, 50, 500, 400)], HERE)[0]
    beside = to_map([shapely.Point(700, 500), shapely.LineString([(600, 20), (780, 20)])], HERE)
    for name, shapes in (("a", [drawn, *beside]), ("b", [shapely.GeometryCollection([drawn, *beside])])):
        gpd.GeoDataFrame(geometry=shapes, crs=HERE.crs).to_file(tmp_path / f"{name}.gpkg")
        assert read_area(tmp_path / f"{name}.gpkg", HERE).bounds == pytest.approx((100, 50, 500, 400))
        alone = gpd.GeoSeries([drawn], crs=HERE.crs).to_crs(4326).total_bounds
        assert read_lonlat_area(tmp_path / f"{name}.gpkg").bounds == pytest.approx(alone, abs=1e-4)


def test_what_is_no_area_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("x,y\n4.36,51.87\n")
    with pytest.raises(InputError, match="table without geometry; save it as GeoJSON"):
        read_features(tmp_path / "points.csv")
    with pytest.raises(InputError, match="holds no polygon"):
        read_area(write(tmp_path / "a.geojson", shapely.Point(4, 51)), HERE)
    far = write(tmp_path / "b.geojson", shapely.box(-60, 1, -59, 2))
    west, south, *_ = lonlat_bounds(HERE)
    with pytest.raises(InputError, match=f"outside the scene at {west:.4f}, {south:.4f} to .* degrees; draw the area"):
        read_area(far, HERE)
    with pytest.raises(InputError, match="draw the area in pixels"):
        read_area(far, replace(HERE, crs=None))


def test_degrees_are_no_pixels_of_a_scene_without_a_crs(tmp_path: Path) -> None:
    """But programs write EPSG:4326 for what was drawn on a plain picture too."""
    picture = Grid(None, Affine.identity(), (600, 800))
    with pytest.raises(InputError, match="within one pixel: if these are in WGS 84, give the scene its CRS"):
        read_area(write(tmp_path / "degrees.gpkg", shapely.box(4.47, 51.9, 4.48, 51.91)), picture)
    drawn = shapely.box(10, 20, 60, 80)
    assert read_area(write(tmp_path / "drawn.gpkg", drawn), picture).equals(drawn)


def test_an_area_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text("<OGRVRTDataSource><OGRVRTLayer name='b'/></OGRVRTDataSource>")
    for read in (read_features, lambda path: read_area(path, HERE)):
        with pytest.raises(InputError, match="virtual file"):
            read(tmp_path / "a.geojson")


def test_an_area_in_the_same_metres_with_axes_in_another_order_is_where_it_was_drawn(tmp_path: Path) -> None:
    grid = Grid(pyproj.CRS(32661), Affine(10, 0, 2_100_000, 0, -10, 2_300_000), (600, 800))
    drawn = shapely.box(2_101_000, 2_298_000, 2_102_000, 2_299_000)
    area = read_area(write(tmp_path / "a.gpkg", drawn, 5041), grid)
    assert area.bounds == pytest.approx((100, 100, 200, 200))


def test_outlines_that_would_fill_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lon, lat = HERE.to_lonlat(np.array([0.0, 600.0]), np.array([0.0, 800.0]))
    features = gpd.GeoDataFrame(geometry=[shapely.box(lon[0], lat[1], lon[1], lat[0])] * 50, crs=4326)
    assert len(on_grid(features, HERE)) == 50
    monkeypatch.setattr("geoglot.scene.vector_features._MOST_EDGES", 10_000)
    with pytest.raises(InputError, match="cut out what is needed"):
        on_grid(features, HERE)


WORLD, BELT = shapely.box(-180, -90, 180, 90), shapely.box(-180, -10, 180, 10)
METRES = shapely.box(593_000, 5_740_000, 594_000, 5_750_000)
LAKE = shapely.box(4.0001, 51.3, 9.7, 52.20001) - shapely.box(5, 51.5, 6.5, 52)


@pytest.mark.parametrize(
    ("drawn", "crs"),
    [(LAKE, 4326), (LAKE, 4269), (WORLD, 4326), (BELT, 4326), (shapely.box(30, 0, 179, 1), 4326)],
    ids=["degrees", "degrees of North America", "world", "belt", "long"],
)
def test_polygons_in_degrees_keep_their_corners(tmp_path: Path, drawn: shapely.Polygon, crs: int) -> None:
    path = write(tmp_path / "a.gpkg", drawn, crs)
    area = read_lonlat_area(path)
    assert area.symmetric_difference(drawn).area < 1e-9 * drawn.area
    assert shapely.get_num_coordinates(area) == shapely.get_num_coordinates(drawn)
    grid = Grid(pyproj.CRS(4326), Affine(0.01, 0, 4, 0, -0.01, 52.5), (200, 600))
    on_scene = read_area(write(tmp_path / "b.gpkg", LAKE, crs), grid)
    assert shapely.get_num_coordinates(on_scene) == shapely.get_num_coordinates(LAKE)


def test_an_edge_of_metres_stays_on_its_course_in_degrees(tmp_path: Path) -> None:
    """With its two ends alone, it would leave its course by kilometres."""
    drawn = shapely.box(2_500_000, 2_000_000, 5_500_000, 4_000_000)
    area = read_lonlat_area(write(tmp_path / "a.gpkg", drawn, 3035))
    middle = gpd.GeoSeries([shapely.Point(4_000_000, 2_000_000)], crs=3035).to_crs(4326)[0]
    assert shapely.distance(area.boundary, middle) < 1e-4


@pytest.mark.parametrize("crs", [4326, 3857])
def test_the_world_in_any_projection_is_no_line(tmp_path: Path, crs: int) -> None:
    world = gpd.GeoSeries([shapely.box(-180, -80, 180, 80)], crs=4326).to_crs(crs)[0]
    assert read_lonlat_area(write(tmp_path / "a.gpkg", world, crs)).area == pytest.approx(360 * 160, rel=1e-3)


@pytest.mark.parametrize(
    "drawn",
    [shapely.box(179, 0, 181, 1), shapely.box(-181, 0, -179, 1), shapely.box(-179, 0, 179, 1)],
    ids=["beyond 180", "beyond -180", "the long way round"],
)
def test_an_area_across_the_antimeridian_is_cut_there(tmp_path: Path, drawn: shapely.Polygon) -> None:
    area = read_lonlat_area(write(tmp_path / "a.gpkg", drawn))
    assert shapely.equals(area, shapely.MultiPolygon([shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1)]))


@pytest.mark.parametrize("read", [read_lonlat_area, lambda path: read_area(path, HERE)], ids=["archive", "scene"])
@pytest.mark.parametrize("drawn", [METRES, shapely.box(0, 80, 10, 95), shapely.box(900, 1, 901, 2)])
def test_degrees_that_are_nowhere_on_the_globe_are_refused(
    tmp_path: Path, drawn: shapely.Polygon, read: Callable[[Path], BaseGeometry]
) -> None:
    """An area outside the scene is no mistake in a batch of many scenes; this is one."""
    for name, crs in (("a.geojson", 4326), ("b.gpkg", 4269)):
        with pytest.raises(InputError, match=r"must hold longitudes and latitudes.*-a_srs") as raised:
            read(write(tmp_path / name, drawn, crs))
        assert not isinstance(raised.value, OutsideError)


def test_metres_without_a_crs_and_beyond_their_crs_are_no_area_in_degrees(tmp_path: Path) -> None:
    write(tmp_path / "a.shp", METRES, 32631).with_suffix(".prj").unlink()
    with pytest.raises(InputError, match="must hold longitudes and latitudes"):
        read_lonlat_area(tmp_path / "a.shp")
    with pytest.raises(InputError, match="nowhere on the globe; is their CRS right"):
        read_lonlat_area(write(tmp_path / "b.gpkg", shapely.box(5e8, 0, 6e8, 1e8), 32631))


def test_pixels_of_a_scene_without_a_crs_may_lie_in_a_geojson(tmp_path: Path) -> None:
    """A GeoJSON is always in degrees for whoever reads it, but a scene that lies nowhere has pixels only."""
    nowhere = replace(HERE, crs=None)
    drawn = shapely.box(*nowhere.bounds).buffer(-1)
    assert read_area(write(tmp_path / "a.geojson", drawn, 4326), nowhere).area > 0
