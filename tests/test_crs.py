from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from conftest import MakeGrid
from geoglot.crs import transform
from geoglot.errors import GridError


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
def test_the_crs_of_a_metric_grid(
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


def test_no_metric_crs_for_a_hemisphere_or_a_site(make_grid: MakeGrid) -> None:
    with pytest.raises(GridError, match="hemisphere"):
        make_grid(4326, Affine(1, 0, -180, 0, -1, 90), (180, 360)).metric(1e5)
    with pytest.raises(GridError, match="rio edit-info"):
        make_grid('LOCAL_CS["site",UNIT["metre",1]]').metric(1.0)
