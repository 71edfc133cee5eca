from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from conftest import MakeGrid
from geoglot.footprint import Footprint
from geoglot.geo import Window
from geoglot.geodesy import geodesic_area_m2

PLACES: list[tuple[Any, Affine]] = [
    (32617, Affine(10, 0, 5e5, 0, -10, 4e6)),
    (32617, Affine(10, 0, 5e5, 0, 10, 4e6)),
    (32617, Affine(9, 4, 5e5, 4, -9, 4e6)),
    (4326, Affine(1e-4, 0, 179.99, 0, -1e-4, 60)),
    (3857, Affine(10, 0, 1e6, 0, -10, 9e6)),
    (3413, Affine(10, 0, -750, 0, -10, 500)),
]


@pytest.mark.parametrize(("crs", "transform"), PLACES)
@pytest.mark.parametrize("resolution", [7.0, 90.0, 430.0])
def test_parts_of_pixels_add_up_to_the_scene(
    make_grid: MakeGrid, crs: Any, transform: Affine, resolution: float
) -> None:
    scene = make_grid(crs, transform)
    grid = scene.metric(resolution)
    pixel, footprint = grid.pixel_area_m2(), Footprint.of(scene, grid)
    assert pixel is not None and scene.crs is not None
    parts = [grid.whole, *(Window(row, 0, 1, grid.shape[1]) for row in range(grid.shape[0]))]
    sums = []
    for window in parts:
        shares = footprint.coverage(window)
        sums.append(window.height * window.width if shares is None else float(shares.sum()))
    assert sum(sums[1:]) == pytest.approx(sums[0])
    truth = geodesic_area_m2([shapely.Polygon(np.column_stack(scene.outline()))], scene.crs)[0]
    assert sums[0] * pixel == pytest.approx(truth, rel=2e-3)


def test_a_grid_that_is_filled_knows_no_parts(make_grid: MakeGrid) -> None:
    grid = make_grid()
    upside_down = make_grid(transform=Affine(10, 0, 5e5, 0, 10, 4e6))
    for footprint in (Footprint.of(grid, grid), Footprint.of(upside_down, upside_down.metric(10.0))):
        assert footprint.outline is None and footprint.coverage(grid.whole) is None


@given(st.lists(st.tuples(st.floats(-3, 12), st.floats(-3, 9)), min_size=3, max_size=8))
def test_coverage_is_that_of_each_pixel_cut_alone(points: list[tuple[float, float]]) -> None:
    shape = shapely.convex_hull(shapely.MultiPoint(points))
    if shape.area < 1e-3:
        return
    hole = shapely.affinity.scale(shape, 0.4, 0.4)
    shares = Footprint(shape.difference(hole)).coverage(Window(0, 0, 6, 9))
    pixels = [[shapely.box(col, row, col + 1, row + 1) for col in range(9)] for row in range(6)]
    expected = shapely.area(shapely.intersection(shape.difference(hole), np.array(pixels, object)))
    np.testing.assert_allclose(np.ones((6, 9)) if shares is None else shares, expected, atol=1e-6)


def test_polygons_end_where_the_scene_does(make_grid: MakeGrid) -> None:
    footprint = Footprint(shapely.box(0, 0, 10, 8))
    inside, over, beyond = shapely.box(1, 1, 2, 2), shapely.box(8, 6, 12, 9), shapely.box(20, 20, 21, 21)
    found = footprint.clip([inside, over, beyond])
    assert found[0] == inside and found[2] == beyond
    assert found[1].equals(shapely.box(8, 6, 10, 8))
