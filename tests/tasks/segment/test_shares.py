from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine

from conftest import MakeGeotiff
from geoglot.geodesy import geodesic_area_m2
from geoglot.options import FindOptions, ReadOptions, SegmentOptions
from geoglot.outputs.legend import Legend
from geoglot.sources.raster import open_raster
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.scenes import RasterScene, SceneOptions
from geoglot.tasks.find.find import find
from geoglot.tasks.segment.map_files import Outputs
from geoglot.tasks.segment.map_run import segment_with
from stubs import COLOURS, ColourScorer, PooledColours

PLACES: list[tuple[str, Affine]] = [
    ("EPSG:32617", Affine(0.5, 0, 5e5, 0, -0.5, 4e6)),
    ("EPSG:32617", Affine(0.4, 0.3, 5e5, 0.3, -0.4, 4e6)),
    ("EPSG:4326", Affine(7e-6, 0, 10, 0, -4.5e-6, 50)),
]
NAMES = ("roof", "water")
coarse = pytest.mark.parametrize("resolution", [33.0, 70.0, 100.0])
places = pytest.mark.parametrize(("crs", "transform"), PLACES)


class Wide(ColourScorer):
    resolution = (0.1, 500.0)


def painted(make: MakeGeotiff, crs: str, transform: Affine, names: Sequence[str] = NAMES) -> tuple[Path, float]:
    """A scene of 160 x 160 m, half in one colour and half in another, and its area."""
    pixels = np.empty((3, 320, 320), np.uint8)
    for name, part in zip(names, (np.s_[:, :160], np.s_[:, 160:]), strict=True):
        pixels[part] = (np.array(COLOURS[name]) * 255)[:, None, None]
    path = make(pixels, crs, transform)
    with open_raster(path) as raster:
        grid = raster.native
    assert grid.crs is not None
    return path, float(geodesic_area_m2([shapely.Polygon(np.column_stack(grid.outline()))], grid.crs)[0])


@places
@coarse
def test_classes_and_their_polygons_cover_the_scene_and_no_more(
    make_geotiff: MakeGeotiff, tmp_path: Path, crs: str, transform: Affine, resolution: float
) -> None:
    path, area = painted(make_geotiff, crs, transform)
    read = ReadOptions(resolution=resolution)
    options = SegmentOptions(overlay=False)
    files = Outputs.of(tmp_path / "map.tif", tmp_path / "map.gpkg", options)
    result = segment_with(Wide(NAMES), Legend(NAMES), path, files, read=read, options=options)
    total = sum(share.area_m2 or 0 for share in result.classes)
    aligned = transform.b == 0 and crs != "EPSG:4326"
    assert total == pytest.approx(area, rel=1e-3 if aligned else 0.1) and total <= area * 1.001
    frame = gpd.read_file(tmp_path / "map.gpkg", layer="classes")
    assert frame["area_m2"].sum() == pytest.approx(total, rel=2e-3)
    assert geodesic_area_m2(frame.geometry.to_numpy(), frame.crs).sum() == pytest.approx(total, rel=2e-3)


@places
@coarse
def test_objects_lie_within_the_scene(
    make_geotiff: MakeGeotiff, crs: str, transform: Affine, resolution: float
) -> None:
    path, area = painted(make_geotiff, crs, transform, ("roof", "roof"))
    read = ReadOptions(resolution=resolution)
    options = FindOptions(overlay=False, min_score=0.4, background=("water",))
    result = find(path, "roof", model=PooledColours(), read=read, options=options)
    assert result.counts == {"roof": 1}
    found = result.areas_m2["roof"]
    assert found is not None and 0.7 * area < found <= area * 1.001
    options = replace(options, min_area=area * 1.01)
    assert not find(path, "roof", model=PooledColours(), read=read, options=options).counts["roof"]


def test_answers_measure_the_scene(make_geotiff: MakeGeotiff) -> None:
    path, area = painted(make_geotiff, *PLACES[0], ("roof", "roof"))
    options = SceneOptions(
        ReadOptions(resolution=100.0), FindOptions(overlay=False, min_score=0.4, background=("water",))
    )
    with RasterScene(path, PooledColours(), options) as scene, Asker(scene) as asker:
        covered = asker.ask("What area do roofs cover?").value
        share = asker.ask("Which share of the scene is covered by roofs?").value
    assert covered == pytest.approx(area, rel=1e-3)
    assert share == pytest.approx(1.0, abs=1e-6) or share == pytest.approx(100.0, abs=1e-3)
