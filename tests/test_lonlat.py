from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from shapely.geometry.base import BaseGeometry

from conftest import MakeGrid
from geoglot.geo import Grid
from geoglot.geodesy import geodesic_area_m2
from geoglot.lonlat import (
    bound_boxes,
    bound_geometries,
    bound_in_lonlat,
    lonlat_bounds,
    project_to_lonlat,
    split_at_antimeridian,
    width_of,
)

DEGREES = pyproj.CRS("OGC:CRS84")
POLAR = [(3413, 0), (32661, 33), (6931, 33), (3031, 0), (6932, 33)]
RING = shapely.Point(0, 0).buffer(900).difference(shapely.Point(0, 0).buffer(300))
SHAPES = {
    "around": shapely.box(-1600, -1600, 1600, 1600),
    "corner": shapely.box(0, 0, 1600, 900),
    "edge": shapely.box(-700, 0, 400, 900),
    "beside": shapely.box(300, -200, 900, 500),
    "ring": RING,
    "hole beside": shapely.box(-1600, -1600, 1600, 1600).difference(shapely.box(200, 300, 500, 600)),
    "hole at the corner": shapely.box(-1600, -1600, 1600, 1600).difference(shapely.box(0, 0, 500, 600)),
    "two": shapely.MultiPolygon([shapely.box(-900, -900, -100, 900), shapely.box(100, -900, 900, 900)]),
    "far around": shapely.Point(0, 0).buffer(3e6).difference(shapely.Point(0, 0).buffer(2.5e6)),
}


def is_rfc(geometry: BaseGeometry) -> bool:
    """Within range, wound right, valid, and no edge over half the globe except along a pole."""
    west, south, east, north = geometry.bounds
    parts = shapely.get_parts(geometry)
    wound = all(part.exterior.is_ccw and not any(hole.is_ccw for hole in part.interiors) for part in parts)
    return bool(geometry.is_valid and wound and west >= -180 and east <= 180 and south >= -90 and north <= 90)


def holds(geometry: BaseGeometry, crs: pyproj.CRS, shape: BaseGeometry) -> np.ndarray:
    """Whether points of a map lie in a geometry of degrees when they lie in a shape of the map."""
    rng = np.random.default_rng(0)
    left, bottom, right, top = shape.bounds
    x, y = rng.uniform(left - 9, right + 9, 4000), rng.uniform(bottom - 9, top + 9, 4000)
    clear = ~shapely.dwithin(shape.boundary, shapely.points(x, y), (right - left) / 500)
    lon, lat = pyproj.Transformer.from_crs(crs, DEGREES, always_xy=True).transform(x, y)
    same: np.ndarray = shapely.contains_xy(geometry, lon, lat) == shapely.contains_xy(shape, x, y)
    return same[clear]


@pytest.mark.parametrize(("code", "turned"), POLAR)
@pytest.mark.parametrize("name", SHAPES)
def test_a_pole_in_degrees(code: int, turned: float, name: str) -> None:
    crs = pyproj.CRS(code)
    south = crs.area_of_use is not None and crs.area_of_use.north <= 0
    pole = pyproj.Transformer.from_crs(DEGREES, crs, always_xy=True).transform(0, -90 if south else 90)
    shape = shapely.affinity.translate(shapely.affinity.rotate(SHAPES[name], turned, origin=(0, 0)), *pole)
    (found,) = project_to_lonlat([shape], crs)
    assert is_rfc(found)
    assert holds(found, crs, shape).all()
    area = geodesic_area_m2([shape], crs)[0]
    assert geodesic_area_m2([found], DEGREES)[0] == pytest.approx(area, rel=1e-3)
    scale = shapely.area(shape) / area  # of the map, near the pole
    assert 0.5 < scale < 1.5
    (box,) = bound_in_lonlat([shape], crs)
    if name in ("around", "hole beside"):
        assert (box[0], box[2]) == (-180, 180) and 90 in (-box[1], box[3])
        assert found.geom_type == "Polygon"


@pytest.mark.parametrize(("crs", "x", "y"), [(32601, 3e5, 8.1e6), (3832, 29.9e6 - 1e7, -2e6), (4326, 179.99, -17)])
def test_what_crosses_180_is_cut_and_wound(crs: int, x: float, y: float) -> None:
    place = pyproj.CRS(crs)
    size = 0.05 if crs == 4326 else 5e3
    if crs != 4326:
        x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(180, y and 10)
    shape = shapely.box(x - size, y - size, x + size, y + size).difference(
        shapely.box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)
    )
    (found,) = project_to_lonlat([shape], place)
    assert found.geom_type == "MultiPolygon" and is_rfc(found)
    assert geodesic_area_m2([found], DEGREES)[0] == pytest.approx(geodesic_area_m2([shape], place)[0], rel=1e-6)
    west, south, east, north = bound_in_lonlat([shape], place)[0]
    assert west > 179 and east < -179 and south < north


def test_holes_and_shells_away_from_all_that() -> None:
    shape = shapely.box(4e5, 4e6, 5e5, 4.1e6).difference(shapely.box(4.2e5, 4.02e6, 4.4e5, 4.04e6))
    for given in (shape, shapely.reverse(shape)):
        (found,) = project_to_lonlat([given], pyproj.CRS(32617))
        assert is_rfc(found) and len(found.interiors) == 1
    assert not len(project_to_lonlat([], pyproj.CRS(32617)))


@pytest.mark.parametrize("code", [3413, 3031])
def test_a_box_is_that_of_its_grid(code: int) -> None:
    grid = Grid(pyproj.CRS(code), Affine(100, 0, 2e4, 0, -100, 5e4), (700, 900))
    assert grid.crs is not None
    outline = shapely.Polygon(np.column_stack(grid.outline()))
    assert bound_in_lonlat([outline], grid.crs)[0] == pytest.approx(lonlat_bounds(grid), abs=0.02)


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


def test_what_crosses_180_is_cut_whatever_its_coordinates_round_to(rng: np.random.Generator) -> None:
    sides, middles = rng.uniform(0.001, 3, 300), rng.uniform(-0.0005, 0.0005, 300)
    corners = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]]) + rng.normal(0, 0.1, (300, 4, 2))
    whole = corners * sides[:, None, None] + np.array([180, -17]) + np.stack([middles, middles], 1)[:, None]
    turned = np.stack([(whole[..., 0] + 180) % 360 - 180, whole[..., 1]], axis=-1)
    cut = split_at_antimeridian(shapely.polygons(turned))
    assert shapely.is_valid(cut).all() and (abs(shapely.bounds(cut)[:, [0, 2]]) == 180).all()
    np.testing.assert_allclose(shapely.area(cut), shapely.area(shapely.polygons(whole)), rtol=1e-6)


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


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(2, 45, 3, 46), (5, 44, 6, 45)], (2, 44, 6, 46)),
        ([(170, -1, 180, 0), (-180, 0, -170, 1)], (170, -1, -170, 1)),
        ([(170, -1, -170, 0), (-160, 0, -150, 1)], (170, -1, -150, 1)),
        ([(170, 0, -100, 1), (-179, 0, -178, 1), (-50, 0, 100, 1)], (170, 0, 100, 1)),
        ([(100, 0, -100, 1), (-90, 0, 20, 1)], (100, 0, 20, 1)),
        ([(170, 0, -180, 1)], (170, 0, 180, 1)),
        ([(-180, 60, 0, 90), (0, 60, 180, 90)], (-180, 60, 180, 90)),
        ([(-180, -90, 180, 90)], (-180, -90, 180, 90)),
    ],
)
def test_bounds_of_boxes_go_the_shortest_way_around(boxes: list[tuple[int, ...]], expected: tuple[int, ...]) -> None:
    assert bound_boxes(np.array(boxes, float)) == expected
    assert bound_boxes(np.array(boxes[::-1], float)) == expected


def test_bounds_of_geometries_that_are_cut_at_the_antimeridian() -> None:
    crossing = split_at_antimeridian([shapely.box(179.9, 0, 180.1, 1)])[0]
    west, south, east, north = bound_geometries([None, crossing, shapely.box(179, -1, 179.5, 0)]) or ()
    assert (west, south, north) == (179, -1, 1) and east == pytest.approx(-179.9)
    assert bound_geometries([None, shapely.Polygon()]) is None


def test_degrees_from_west_to_east_are_counted_across_the_antimeridian() -> None:
    assert (width_of(-10.0, 20.0), width_of(170.0, -170.0), width_of(-180.0, 180.0)) == (30, 20, 360)
    assert width_of(np.array([0.0, 179.0]), np.array([1.0, -179.0])).tolist() == [1, 2]
