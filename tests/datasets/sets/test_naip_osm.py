from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer
from shapely import LineString, Polygon, box, transform

from geoglot.datasets.sets.naip_osm import NAIP_OSM, RULES, areas, classes_of
from geoglot.errors import SourceError
from worlds import write_scene

NAMES = [name for name, _, _ in RULES]
WEST, NORTH = 500_000, 4_649_000
TO_DEGREES = Transformer.from_crs(32616, 4326, always_xy=True).transform


def square(left: float, top: float, right: float, bottom: float) -> Polygon:
    """Pixels of a tile at 1 m, in degrees."""
    metres = box(WEST + left, NORTH - bottom, WEST + right, NORTH - top)
    return transform(metres, TO_DEGREES, interleaved=False)


def osm(*features: tuple[Polygon | LineString, dict[str, str]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame([tags for _, tags in features], geometry=[shape for shape, _ in features], crs=4326)


def tile(root: Path, frame: gpd.GeoDataFrame | None, crs: str | None = "EPSG:32616") -> None:
    for folder in ("images", "osm"):
        (root / folder).mkdir(exist_ok=True)
    write_scene(
        root / "images/a.tif", np.full((3, 64, 64), 99, np.uint8), crs=crs, transform=Affine(1, 0, WEST, 0, -1, NORTH)
    )
    if frame is not None:
        frame.to_file(root / "osm/a.geojson")


@pytest.mark.parametrize(
    ("tags", "classes"),
    [
        ({"leisure": "pitch", "sport": "basketball;tennis"}, ["tennis"]),
        ({"leisure": "park", "sport": "tennis"}, ["park"]),
        ({"amenity": "parking", "parking": "multi-storey"}, ["garage", "parkinglot"]),
        ({"parking": "surface"}, ["parkinglot"]),
        ({"amenity": "pharmacy"}, ["supermarket"]),
        ({"aeroway": "runway"}, []),
        ({"aeroway": "runway", "surface": "paved"}, ["airport"]),
        ({"building": "chapel"}, ["religious"]),
        ({"landuse": "residential"}, []),
        ({"landuse": "residential", "building": "yes"}, ["residential"]),
        ({"natural": "wood"}, ["forest"]),
        ({"leisure": "stadium", "sport": "soccer"}, ["soccer"]),
        ({"amenity": "restaurant"}, []),
        ({"amenity": "bank"}, ["commercialarea"]),
        ({"highway": "tertiary", "bridge": "yes"}, ["bridge", "highway"]),
        ({"highway": "residential"}, []),
        ({"waterway": "river"}, ["river"]),
    ],
)
def test_tags_are_classes_by_the_published_rules(tags: dict[str, str], classes: list[str]) -> None:
    assert classes_of(tags) == classes


def test_there_are_33_classes_and_seven_more() -> None:
    assert len(set(NAMES)) == 40
    assert NAMES[0] == "tennis" and NAMES[32] == "icerink" and NAMES[33:36] == ["commercialarea", "garden", "dam"]


def test_masks_are_built_with_the_smallest_on_top(tmp_path: Path) -> None:
    frame = osm(
        (square(20, 20, 30, 30), {"leisure": "swimming_pool"}),
        (square(10, 10, 40, 40), {"leisure": "park"}),
        (square(50, 0, 60, 10), {"highway": "service"}),
    )
    tile(tmp_path, frame)
    found = NAIP_OSM.read(tmp_path, "all")
    mask = found.masks[0]()
    wanted = np.full((64, 64), -1)
    wanted[10:40, 10:40] = NAMES.index("park")
    wanted[20:30, 20:30] = NAMES.index("swimming")
    assert (mask == wanted).mean() > 0.99  # corners of squares are not quite square in degrees
    assert [one.words[0] for one in found.classes][:2] == ["tennis court", "skate park"]


def test_lines_get_a_width_and_houses_become_one_area() -> None:
    road = LineString([(-87.0, 42.0), (-86.99, 42.0)])
    near = [square(x, 0, x + 10, 10) for x in (0, 50, 120)]
    frame = osm(
        (road, {"highway": "primary"}),
        (road, {"natural": "beach"}),
        *((shape, {"building": "house"}) for shape in near),
        (square(9_000, 0, 9_010, 10), {"building": "house"}),
    )
    found = areas(frame)
    by_class = {name: found[found["class"] == NAMES.index(name)] for name in ("highway", "beach", "residential")}
    assert {name: len(rows) for name, rows in by_class.items()} == {"highway": 1, "beach": 0, "residential": 2}
    _, south, _, north = by_class["highway"].total_bounds
    assert north - south == pytest.approx(0.00024)
    assert max(shape.area for shape in by_class["residential"].geometry) == pytest.approx(
        square(0, 0, 130, 10).area, rel=0.01
    )


def test_nothing_known_is_nothing_to_score(tmp_path: Path) -> None:
    tile(tmp_path, osm((square(0, 0, 9, 9), {"amenity": "bench"})))
    assert (NAIP_OSM.read(tmp_path, "all").masks[0]() == -1).all()


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"NAIP-OSM: tiles images/\*.tif .* not found .*not published"):
        NAIP_OSM.read(tmp_path, "all")
    tile(tmp_path, None)
    with pytest.raises(SourceError, match=r"OSM of 1 tiles, the first osm/a.geojson, not found"):
        NAIP_OSM.read(tmp_path, "all")
    (tmp_path / "osm/a.geojson").write_text("nothing")
    with pytest.raises(SourceError, match="cannot be read as OSM features"):
        NAIP_OSM.read(tmp_path, "all").masks[0]()


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_features_without_a_crs_are_told(tmp_path: Path) -> None:
    tile(tmp_path, None)
    gpd.GeoDataFrame({"building": ["house"]}, geometry=[box(0, 0, 1, 1)]).to_file(tmp_path / "osm/a.gpkg")
    samples = NAIP_OSM.read(tmp_path, "all")
    with pytest.raises(SourceError, match="has no CRS"):
        samples.masks[0]()
