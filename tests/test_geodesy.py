from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
import shapely.affinity

from geoglot.geodesy import geodesic_area_m2


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


@pytest.mark.parametrize(
    ("crs", "corner", "side"), [(32617, (4e5, 4e6), 1.0), (3035, (4.3e6, 3.2e6), 30.0), (4326, (10.0, 80.0), 1e-4)]
)
def test_areas_of_pixels_add_up_to_the_area_of_all(crs: int, corner: tuple[float, float], side: float) -> None:
    x, y = (corner[axis] + side * np.arange(13) for axis in (0, 1))
    pixels = shapely.box(*(each.ravel() for each in (*np.meshgrid(x[:-1], y[:-1]), *np.meshgrid(x[1:], y[1:]))))
    system = pyproj.CRS(crs)
    whole = geodesic_area_m2([shapely.box(x[0], y[0], x[-1], y[-1])], system)[0]
    assert geodesic_area_m2(pixels, system).sum() == pytest.approx(whole, rel=1e-8)
