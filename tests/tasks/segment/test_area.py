"""A map within an area: what lies inside is as in the map of all, and what lies outside has no class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image

from geoglot.errors import InputError
from geoglot.lonlat import to_map
from geoglot.options import ReadOptions, SegmentOptions
from geoglot.outputs.legend import Legend
from geoglot.scene.encoded_scene import encode_scene
from geoglot.sources.raster import open_raster
from geoglot.tasks.segment.map_files import Outputs, SegmentResult
from geoglot.tasks.segment.map_run import segment_with
from stubs import ColourScorer
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof")
READ = ReadOptions(tile=64, overlap=16, batch=4)
BOX = shapely.box(101, 53, 180, 140)  # pixels


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", paint(class_field((333, 290), 3), NAMES))


def save(box: shapely.Geometry, scene: Path, path: Path) -> Path:
    with open_raster(scene) as raster:
        gpd.GeoDataFrame(geometry=to_map([box], raster.grid), crs=raster.grid.crs).to_file(path)
    return path


def run(scene: Path, output: Path, area: Path | None = None, overlay: bool = False) -> tuple[SegmentResult, np.ndarray]:
    options = replace(SegmentOptions(overlay=overlay), area=area)
    outputs = Outputs.of(output, output.with_suffix(".parquet"), options)
    result = segment_with(
        ColourScorer(NAMES, patch=8, halo=1), Legend(NAMES), scene, outputs, read=READ, options=options
    )
    with rasterio.open(output) as file:
        return result, file.read(1)


def test_inside_it_is_the_map_of_all_and_outside_there_is_none(scene: Path, tmp_path: Path) -> None:
    _, whole = run(scene, tmp_path / "whole.tif")
    result, part = run(scene, tmp_path / "part.tif", save(BOX, scene, tmp_path / "area.gpkg"))
    window = (slice(53, 140), slice(101, 180))
    np.testing.assert_array_equal(part[window], whole[window])
    outside = np.ones(part.shape, bool)
    outside[window] = False
    assert (part[outside] == Legend(NAMES).nodata).all()
    assert sum(share.pixels for share in result.classes) == 87 * 79
    assert gpd.read_parquet(tmp_path / "part.parquet").area_m2.sum() == pytest.approx(
        sum(share.area_m2 or 0 for share in result.classes), rel=1e-3
    )


def test_a_notebook_shows_its_outline_as_the_picture_of_the_run_does(scene: Path, tmp_path: Path) -> None:
    result, _ = run(scene, tmp_path / "part.tif", save(BOX, scene, tmp_path / "area.gpkg"), overlay=True)
    shown = np.hstack([picture.image for picture in result.draw().pictures])
    assert result.overlay is not None
    with Image.open(result.overlay) as written:
        rows, cols, _ = shown.shape
        np.testing.assert_array_equal(np.asarray(written)[:rows, :cols], shown)
    assert (shown[60:130, -290 + 101] == 0).all()  # the left edge, in black


def test_windows_outside_are_not_computed(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, call = list[int](), ColourScorer.__call__
    monkeypatch.setattr(
        ColourScorer, "__call__", lambda self, pixels: (seen.append(len(pixels)), call(self, pixels))[1]
    )
    run(scene, tmp_path / "whole.tif")
    every, _ = sum(seen), seen.clear()
    run(scene, tmp_path / "part.tif", save(BOX, scene, tmp_path / "area.gpkg"))
    assert 0 < sum(seen) < every / 2


def test_another_area_is_another_run(scene: Path, tmp_path: Path) -> None:
    area = save(BOX, scene, tmp_path / "area.gpkg")
    run(scene, tmp_path / "map.tif", area)
    save(shapely.box(10, 10, 60, 60), scene, area)
    with pytest.raises(Exception, match="overwrite"):
        run(scene, tmp_path / "map.tif", area)


def test_an_area_beside_the_scene_is_refused(scene: Path, tmp_path: Path) -> None:
    far = save(shapely.box(9000, 9000, 9100, 9100), scene, tmp_path / "far.gpkg")
    with pytest.raises(InputError, match="outside the scene"):
        run(scene, tmp_path / "map.tif", far)


def test_a_scene_that_was_encoded_is_mapped_within_it_too(scene: Path, tmp_path: Path) -> None:
    area = save(BOX, scene, tmp_path / "area.gpkg")
    scorer = ColourScorer(NAMES, patch=8)
    outputs = Outputs.of(tmp_path / "map.tif", None, options := SegmentOptions(overlay=False, area=area))
    with encode_scene(scene, scorer, read=READ) as encoded:
        result = segment_with(scorer, Legend(NAMES), encoded, outputs, read=READ, options=options)
    assert sum(share.pixels for share in result.classes) == 87 * 79
