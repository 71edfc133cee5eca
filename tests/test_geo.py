from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import MakeGrid
from geoglot.errors import GridError
from geoglot.geo import Grid, Window

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


@pytest.mark.parametrize(
    "transform", [Affine(1, 1, 0, 1, 1, 0), Affine(1, 0, math.nan, 0, -1, 0), Affine(1, 0, 0, 0, -1, math.inf)]
)
def test_a_transform_without_inverse_is_refused(transform: Affine) -> None:
    with pytest.raises(GridError, match="no inverse"):
        Grid(None, transform, (3, 3))


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


def test_no_metres_where_there_are_none(make_grid: MakeGrid) -> None:
    with pytest.raises(GridError, match="no CRS"):
        make_grid(None).metric(1.0)
    with pytest.raises(GridError, match="positive"):
        make_grid().metric(0.0)


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
