from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
import shapely
import shapely.affinity
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import MakeGrid
from geoglot.crs import transform
from geoglot.errors import GridError
from geoglot.geo import Grid, Window
from geoglot.geodesy import geodesic_area_m2
from geoglot.lonlat import lonlat_bounds, split_at_antimeridian

SIZES = st.floats(0.01, 1000.0)
PLACES = st.floats(-1e7, 1e7)


@st.composite
def transforms(draw: st.DrawFn) -> Affine:
    """North-up, bottom-up, mirrored, rotated; square or not."""
    angle = math.radians(draw(st.floats(-180, 180)))
    width, height = draw(SIZES), draw(SIZES) * draw(st.sampled_from([-1, 1]))
    cos, sin = math.cos(angle), math.sin(angle)
    return Affine(width * cos, -height * sin, draw(PLACES), width * sin, height * cos, draw(PLACES))


@given(transforms(), st.floats(-1e4, 1e5), st.floats(-1e4, 1e5))
def test_pixel_to_map_to_pixel_is_identity(affine: Affine, row: float, col: float) -> None:
    grid = Grid(None, affine, (10, 10))
    back = grid.to_pixel(*grid.to_map(row, col))
    smallest = math.sqrt(min(affine.a**2 + affine.d**2, affine.b**2 + affine.e**2))
    np.testing.assert_allclose(back, (row, col), atol=1e-7 + 1e-8 / smallest, rtol=1e-9)


@given(transforms(), st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 9))
def test_windows_and_coarser_grids_keep_their_place(affine: Affine, row: int, col: int, factor: int) -> None:
    grid = Grid(None, affine, (40, 60))
    part = grid.window(Window(row, col, 5, 7))
    assert part.shape == (5, 7)
    np.testing.assert_allclose(part.to_map(2.5, 3.5), grid.to_map(row + 2.5, col + 3.5), rtol=1e-9, atol=1e-6)
    coarse = grid.coarser(factor)
    assert coarse.shape == (math.ceil(40 / factor), math.ceil(60 / factor))
    np.testing.assert_allclose(coarse.to_map(2, 3), grid.to_map(2 * factor, 3 * factor), rtol=1e-9, atol=1e-6)


def test_intersection_of_windows() -> None:
    assert Window(0, 0, 10, 10).intersection(Window(-3, 8, 6, 6)) == Window(0, 8, 3, 2)
    assert Window(0, 0, 10, 10).intersection(Window(10, 0, 5, 5)) is None


def test_a_window_seen_from_another_and_its_rims() -> None:
    whole = np.arange(12 * 9).reshape(12, 9)
    frame, part = Window(2, 1, 8, 7), Window(4, 2, 3, 5)
    assert (whole[frame.slices][part.within(frame).slices] == whole[part.slices]).all()
    assert np.pad(whole[part.slices], frame.rims(part)).shape == (8, 7)
    assert frame.rims(part) == ((2, 3), (1, 1))


def test_a_transform_without_inverse_is_refused() -> None:
    with pytest.raises(GridError, match="no inverse"):
        Grid(None, Affine(1, 1, 0, 1, 1, 0), (3, 3))


def test_resolution_is_metres_on_the_ground(make_grid: MakeGrid) -> None:
    assert make_grid().resolution_m == pytest.approx(10, rel=1e-3)
    mercator = make_grid(3857, Affine(10, 0, 0, 0, -10, 8_399_737.9))  # 60 degrees north: half as large on the ground
    assert mercator.resolution_m == pytest.approx(5, rel=5e-3)
    feet = make_grid(2263, Affine(10, 0, 1e6, 0, -10, 2e5))  # New York, US survey feet
    assert feet.resolution_m == pytest.approx(10 * 1200 / 3937, rel=1e-3)
    assert not feet.is_metric
    assert make_grid(None).resolution_m is None


def test_a_grid_that_fits_is_its_own_metric_grid(make_grid: MakeGrid) -> None:
    grid = make_grid()
    assert grid.metric(10.0) is grid
    assert grid.metric(10.05) is grid
    finer = grid.metric(2.5)
    assert (finer.shape, finer.bounds, finer.crs) == ((400, 600), grid.bounds, grid.crs)


def test_a_bottom_up_grid_is_turned_over_in_place(make_grid: MakeGrid) -> None:
    grid = make_grid(transform=Affine(10, 0, 5e5, 0, 10, 4e6))
    turned = grid.metric(10.004)
    assert turned.is_north_up
    assert (turned.shape, turned.bounds) == (grid.shape, grid.bounds)


@pytest.mark.parametrize(
    ("crs", "corner", "size", "expected"),
    [
        (4326, (10, 50), 1e-4, 32632),
        (4326, (10, -50), 1e-4, 32732),
        (4326, (179.995, 10), 1e-4, 32660),
        (4326, (-180.005, 10), 1e-4, 32660),
        (4326, (10, 89), 1e-3, 32661),
        (4326, (10, -88), 1e-3, 32761),
        (3857, (1e6, 6e6), 10.0, 32632),
        (2263, (1e6, 2e5), 3.0, 32618),
        (5041, (2.1e6, 2.2e6), 3.0, 32661),
        (5042, (2.1e6, 2.2e6), 3.0, 32761),
    ],
)
def test_metric_grid_of_what_is_not(
    make_grid: MakeGrid, crs: int, corner: tuple[float, float], size: float, expected: int
) -> None:
    grid = make_grid(crs, Affine(size, 0, corner[0], 0, -size, corner[1]))
    metric = grid.metric(5.0)
    assert metric.crs is not None and metric.crs.to_epsg() in (expected, expected - 59)  # zone 60 or its neighbour 1
    assert metric.resolution_m == pytest.approx(5, rel=7e-3)  # UPS has a scale of 0.994 at the pole
    x, y = grid.to_map(np.array([0, 0, 100, 100, 50]), np.array([0, 150, 0, 150, 75]))
    assert grid.crs is not None
    rows, cols = metric.to_pixel(*transform(x, y, grid.crs, metric.crs))
    assert rows.min() > -0.01 and rows.max() < metric.shape[0] + 0.01
    assert cols.min() > -0.01 and cols.max() < metric.shape[1] + 0.01


def test_no_metres_where_there_are_none(make_grid: MakeGrid) -> None:
    with pytest.raises(GridError, match="no CRS"):
        make_grid(None).metric(1.0)
    with pytest.raises(GridError, match="rio edit-info"):
        make_grid('LOCAL_CS["site",UNIT["metre",1]]').metric(1.0)
    with pytest.raises(GridError, match="hemisphere"):
        make_grid(4326, Affine(1, 0, -180, 0, -1, 90), (180, 360)).metric(1e5)
    with pytest.raises(GridError, match="positive"):
        make_grid().metric(0.0)


def test_lonlat_bounds(make_grid: MakeGrid) -> None:
    def degrees(west: float, north: float, size: float = 0.1) -> Grid:
        return make_grid(4326, Affine(size, 0, west, 0, -size, north), (10, 20))

    assert lonlat_bounds(degrees(10, 50)) == pytest.approx((10, 49, 12, 50))
    assert lonlat_bounds(degrees(179, 50)) == pytest.approx((179, 49, -179, 50))
    assert lonlat_bounds(degrees(-181, 50)) == pytest.approx((179, 49, -179, 50))
    world = make_grid(4326, Affine(1, 0, -180, 0, -1, 90), (180, 360))
    assert lonlat_bounds(world) == pytest.approx((-180, -90, 180, 90))
    pole = make_grid(3413, Affine(1000, 0, -5e5, 0, -1000, 5e5), (1000, 1000))
    assert lonlat_bounds(pole) == pytest.approx((-180, 83.5, 180, 90), abs=0.1)


def densely(geometry: shapely.Polygon, crs: pyproj.CRS) -> float:
    """Reference: every edge in about 1000 pieces, each vertex on the ellipsoid, ring by ring."""
    geod, total = pyproj.Geod(ellps="WGS84"), 0.0
    for ring, sign in [(geometry.exterior, 1), *((hole, -1) for hole in geometry.interiors)]:
        dense = shapely.get_coordinates(shapely.segmentize(ring, ring.length / 4_000))
        lon, lat = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(*dense.T)
        total += sign * abs(geod.polygon_area_perimeter(lon, lat)[0])
    return total


@pytest.mark.parametrize(
    ("crs", "corner", "side"),
    [
        (32617, (4e5, 4e6), 60_000.0),
        (3857, (1e6, 9e6), 60_000.0),
        (4326, (10.0, 60.0), 0.8),
        (4326, (179.6, -17.0), 0.8),
        (3035, (4.3e6, 3.2e6), 60_000.0),
        (3413, (-3e4, -3e4), 60_000.0),
        (32660, (8e5, 5e5), 60_000.0),
    ],
)
@pytest.mark.parametrize("width", [1.0, 1e-3])
def test_geodesic_area(crs: int, corner: tuple[float, float], side: float, width: float) -> None:
    left, bottom = corner
    box = shapely.affinity.rotate(shapely.box(left, bottom, left + side, bottom + side * width), 20, origin="center")
    hole = shapely.affinity.scale(box, 0.3, 0.3)
    ring = shapely.Polygon(box.exterior, [hole.exterior])
    system = pyproj.CRS(crs)
    areas = geodesic_area_m2([box, ring, shapely.MultiPolygon([ring, hole]), shapely.Polygon()], system)
    expected = [densely(box, system), densely(ring, system), densely(box, system), 0]
    np.testing.assert_allclose(areas, expected, rtol=1e-4)


def test_area_of_a_polygon_in_wrapped_degrees() -> None:
    wrapped = shapely.Polygon([(179, 10), (-179, 10), (-179, 12), (179, 12)])
    areas = geodesic_area_m2([wrapped, shapely.box(-1, 10, 1, 12)], pyproj.CRS(4326))
    assert areas[0] == pytest.approx(areas[1], rel=1e-9)


def test_pixel_area_is_the_mean_of_its_window(make_grid: MakeGrid) -> None:
    grid = make_grid(3857, Affine(1000, 0, 0, 0, -1000, 9e6), (200, 100))
    north, south, whole = (
        grid.pixel_area_m2(window) for window in (Window(0, 0, 100, 100), Window(100, 0, 100, 100), None)
    )
    assert north is not None and south is not None and whole is not None
    assert north < whole < south
    assert whole == pytest.approx((north + south) / 2, rel=1e-6)
    assert make_grid().pixel_area_m2() == pytest.approx(100, rel=1e-3)
    assert make_grid(None).pixel_area_m2() is None


def test_split_at_the_antimeridian() -> None:
    across, wrapped, plain = split_at_antimeridian(
        [
            shapely.box(179, 10, 181, 12),
            shapely.Polygon([(179, 10), (-179, 10), (-179, 12), (179, 12)]),
            shapely.box(1, 1, 2, 2),
        ]
    )
    expected = shapely.MultiPolygon([shapely.box(179, 10, 180, 12), shapely.box(-180, 10, -179, 12)])
    assert across.equals(expected) and wrapped.equals(expected)
    assert plain.equals(shapely.box(1, 1, 2, 2))


@given(st.floats(-180, 180), st.floats(-70, 70), st.sampled_from([1.0, 10.0]), st.floats(-50, 500), st.floats(-50, 500))
@settings(max_examples=100)
def test_pixel_to_degrees_and_back(lon: float, lat: float, resolution: float, row: float, col: float) -> None:
    """At 1 m and 10 m between 70 S and 70 N, in the UTM zone of the place: to less than a hundredth of a pixel."""
    zone = pyproj.CRS.from_epsg((32600 if lat >= 0 else 32700) + min(60, int((lon + 180) // 6) + 1))
    x, y = _place(lon, lat, zone)
    grid = Grid(zone, Affine(resolution, 0, x, 0, -resolution, y), (467, 467))
    back = grid.from_lonlat(*grid.to_lonlat(row, col))
    assert abs(back[0] - row) < 0.01 and abs(back[1] - col) < 0.01
    lon, lat = grid.to_lonlat(row, col)
    there = pyproj.Geod(ellps="WGS84").inv(*grid.to_lonlat(row, col + 100), lon, lat)[2]
    # UTM stretches by a thousandth at the edge of a zone; 0.01 degrees for 112 px would be wrong by a tenth.
    assert there == pytest.approx(100 * resolution, rel=2e-3)


def _place(lon: float, lat: float, crs: pyproj.CRS) -> tuple[float, float]:
    x, y = pyproj.Transformer.from_crs("OGC:CRS84", crs, always_xy=True).transform(lon, lat)
    return float(x), float(y)


def test_without_a_crs_there_are_no_degrees() -> None:
    with pytest.raises(GridError, match="no CRS"):
        Grid(None, Affine.identity(), (3, 3)).to_lonlat(0, 0)
