from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from shapely.geometry.base import BaseGeometry

from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.lonlat import to_map
from geoglot.scene.area import on_grid, read_area, read_features

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


def test_what_is_no_area_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("x,y\n4.36,51.87\n")
    with pytest.raises(InputError, match="table without geometry; save it as GeoJSON"):
        read_features(tmp_path / "points.csv")
    with pytest.raises(InputError, match="holds no polygon"):
        read_area(write(tmp_path / "a.geojson", shapely.Point(4, 51)), HERE)
    with pytest.raises(InputError, match="outside the scene"):
        read_area(write(tmp_path / "b.geojson", shapely.box(-60, 1, -59, 2)), HERE)


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
    monkeypatch.setattr("geoglot.scene.area._MOST_EDGES", 10_000)
    with pytest.raises(InputError, match="cut out what is needed"):
        on_grid(features, HERE)
