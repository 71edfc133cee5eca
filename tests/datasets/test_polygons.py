"""Polygons of any reference system, with holes and parts, or why they are refused."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pytest
from affine import Affine
from PIL import Image
from shapely import affinity
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from geoglot.datasets.polygons import Polygons
from geoglot.errors import SourceError

pytestmark = pytest.mark.filterwarnings("ignore:'crs' was not provided")
WEST, NORTH, SIDE = 500_000, 5_700_000, 40
NAMES = {"house": 0, "road": 1}


def ring(col: float, row: float) -> Polygon:
    """10 px wide, with a hole of 4 px, at a place in pixels of the image."""
    west, north = WEST + col, NORTH - row
    return box(west, north - 10, west + 10, north).difference(box(west + 3, north - 7, west + 7, north - 3))


def labels(folder: Path, frame: geopandas.GeoDataFrame, name: str = "a.gpkg", placed: bool = True) -> Polygons:
    image = folder / ("a.tif" if placed else "a.png")
    if placed:
        import rasterio

        with rasterio.open(
            image, "w", driver="GTiff", count=3, height=SIDE, width=SIDE, dtype="uint8", crs="EPSG:32631",
            transform=Affine(1, 0, WEST, 0, -1, NORTH),
        ) as file:  # fmt: skip
            file.write(np.ones((3, SIDE, SIDE), np.uint8))
    else:
        Image.fromarray(np.ones((SIDE, SIDE, 3), np.uint8)).save(image)
    path = folder / name
    frame.to_parquet(path) if name.endswith("parquet") else frame.to_file(path)
    return Polygons(image, path, NAMES)


def frame(shapes: list[object], crs: int | None = 32631, names: list[object] | None = None) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"class": names or ["house"] * len(shapes)}, geometry=shapes, crs=crs)


@pytest.mark.parametrize("crs", [32631, 3857, 4326])
@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp", "a.parquet"])
def test_holes_and_parts_in_any_format_and_reference_system(tmp_path: Path, name: str, crs: int) -> None:
    shapes = frame([MultiPolygon([ring(0, 0), ring(20, 20)])])
    ids = labels(tmp_path, shapes.to_crs(crs), name)()
    assert (ids == 0).sum() == pytest.approx(2 * (100 - 16), rel=0.03)
    assert ids[5, 5] == ids[25, 25] == -1
    assert ids[1, 1] == ids[21, 21] == 0


def test_lines_points_and_crossed_polygons_are_told(tmp_path: Path) -> None:
    bow = affinity.translate(Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]), WEST + 20, NORTH - 10)
    line, point = LineString([(WEST, NORTH), (WEST + 9, NORTH - 9)]), Point(WEST + 1, NORTH - 1)
    away = affinity.translate(ring(0, 0), 500, 0)
    made = labels(
        tmp_path, frame([ring(0, 0), line, point, bow, away], names=["house", "road", "road", "road", "house"])
    )
    found = made.read()
    assert sorted(found.remarks.items()) == [
        ("lines or points passed over: only polygons are labels", 2),
        ("polygons outside their image", 1),
        ("polygons that cross themselves, mended", 1),
    ]
    assert (found.ids == 0).sum() == 84
    assert 40 <= (found.ids == 1).sum() <= 60


@pytest.mark.parametrize(
    ("shapes", "placed", "told"),
    [
        (frame([box(3, 5, 13, 15)], 4326), False, r"is in WGS 84, but .*a\.png does not say where on Earth"),
        (frame([box(3, 51, 4, 52)], 32631), True, "none of the 1 polygons of .* lies on"),
        (frame([box(3, 5, 13, 15)], None), True, "none of the 1 polygons"),
        (frame([ring(0, 0)], names=["barn"]), True, "'barn', which the class table does not have"),
        (frame([ring(0, 0)]).rename(columns={"class": "kind"}), True, "no attribute class; it has kind"),
        (frame([ring(0, 0)], names=[None]), True, "1 polygons whose attribute class is empty"),
    ],
)
def test_what_does_not_lie_on_its_image_is_refused(
    tmp_path: Path, shapes: geopandas.GeoDataFrame, placed: bool, told: str
) -> None:
    with pytest.raises(SourceError, match=told):
        labels(tmp_path, shapes, placed=placed)()


def test_polygons_in_pixels_lie_on_pictures_without_a_place(tmp_path: Path) -> None:
    ids = labels(tmp_path, frame([box(3, 5, 13, 15)], None), placed=False)()
    assert (ids[5:15, 3:13] == 0).all() and (ids == 0).sum() == 100


def test_polygons_that_lost_their_reference_system_are_taken_in_that_of_the_image(tmp_path: Path) -> None:
    shapes = frame([ring(0, 0)]).set_crs(None, allow_override=True)
    assert (labels(tmp_path, shapes)() == 0).sum() == 84


def test_a_class_may_be_a_number_and_the_attribute_in_capitals(tmp_path: Path) -> None:
    shapes = frame([ring(0, 0)], names=[2.0]).rename(columns={"class": "CLASS"})
    made = labels(tmp_path, shapes, "a.shp")
    assert (Polygons(made.image, made.path, {"2": 1})() == 1).sum() == 84


def test_no_polygons_are_an_image_of_the_rest(tmp_path: Path) -> None:
    made = labels(tmp_path, frame([ring(0, 0)]).iloc[:0])
    assert (Polygons(made.image, made.path, NAMES, rest=5)() == 5).all()
    bare = made.path.with_suffix(".geojson")
    bare.write_text('{"type": "FeatureCollection", "features": []}')
    assert (Polygons(made.image, bare, NAMES, rest=5)() == 5).all()
