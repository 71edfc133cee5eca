"""An encoded scene is mapped, labelled and asked without its model."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from torch import Tensor

from geoglot.errors import InputError
from geoglot.lonlat import to_map
from geoglot.options import ClassifyOptions, FindOptions, ReadOptions, SegmentOptions
from geoglot.scene.encoded_scene import encode_scene
from geoglot.sources.raster import open_raster
from geoglot.tasks.ask.ask import ask
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.classify import classify
from geoglot.tasks.segment.segment import segment
from stubs import PooledColours
from tinysegclip import tiny_segmenter
from worlds import class_field, paint, write_scene

NAMES = ["water", "forest", "roof"]
READ = ReadOptions(tile=64, overlap=16)


class Counting(PooledColours):
    calls = 0

    def encode_patches(self, pixels: Tensor) -> Tensor:
        type(self).calls += 1
        return super().encode_patches(pixels)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Its windows end where it does: beyond its border pixels are filled otherwise for `find`."""
    return write_scene(tmp_path / "scene.tif", paint(class_field((208, 256), 3), tuple(NAMES)))


def pixels(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        layers: np.ndarray = dataset.read()
    return layers


def test_the_map_is_the_one_of_the_raster(scene: Path, tmp_path: Path) -> None:
    options = SegmentOptions(overlay=False, scores=True)
    straight = segment(scene, NAMES, tmp_path / "straight.tif", model=Counting(), read=READ, options=options)
    with encode_scene(scene, Counting(), read=READ) as encoded:
        before, looks = Counting.calls, AskOptions(FindOptions(background="sand, forest", overlay=False))
        made = segment(encoded, NAMES, tmp_path / "encoded.tif", options=options)
        assert classify(encoded, NAMES).results
        assert ask(encoded, "Is there a roof?", options=looks).value is True
        assert Counting.calls == before
        with pytest.raises(InputError, match="scales"):
            segment(encoded, NAMES, tmp_path / "x.tif", options=SegmentOptions(scales=(1.0, 2.0)))
        with pytest.raises(InputError, match="tile is decided"):
            segment(encoded, NAMES, tmp_path / "x.tif", read=ReadOptions(tile=32))
    assert (pixels(tmp_path / "encoded.tif") == pixels(tmp_path / "straight.tif")).mean() > 0.999
    np.testing.assert_allclose(
        pixels(tmp_path / "encoded.scores.tif"), pixels(tmp_path / "straight.scores.tif"), atol=5e-3
    )
    assert [share.name for share in made.classes] == [share.name for share in straight.classes]


def test_what_was_encoded_for_an_area_is_answered_within_it_by_every_door(scene: Path, tmp_path: Path) -> None:
    def save(name: str, box: shapely.Polygon) -> Path:
        with open_raster(scene) as raster:
            gpd.GeoDataFrame(geometry=to_map([box], raster.grid), crs=raster.grid.crs).to_file(tmp_path / name)
        return tmp_path / name

    area, wider = save("area.gpkg", shapely.box(64, 64, 128, 160)), save("wider.gpkg", shapely.box(64, 64, 200, 160))
    options = SegmentOptions(overlay=False)
    asked = AskOptions(FindOptions(background="sand, forest", overlay=False))
    beyond = replace(asked, find=replace(asked.find, area=wider))
    question = "What share of the scene is roof?"
    straight = segment(
        scene, NAMES, tmp_path / "straight.tif", model=Counting(), read=READ, options=replace(options, area=area)
    )
    share = ask(
        scene, question, model=Counting(), read=READ, options=replace(asked, find=replace(asked.find, area=area))
    )
    labels = classify(scene, NAMES, model=Counting(), read=READ, options=ClassifyOptions(area=area))
    with encode_scene(scene, Counting(), read=READ, area=area) as encoded:
        made = segment(encoded, NAMES, tmp_path / "encoded.tif", options=options)
        assert sum(each.pixels for each in made.classes) == sum(each.pixels for each in straight.classes) == 64 * 96
        assert ask(encoded, question, options=asked).value == pytest.approx(share.value, rel=1e-3)
        told = classify(encoded, NAMES, read=READ)
        assert [each.window for each in told.results] == [each.window for each in labels.results]
        with pytest.raises(InputError, match="beyond the one"):
            segment(encoded, NAMES, tmp_path / "x.tif", options=replace(options, area=wider))
        with pytest.raises(InputError, match="beyond the one"):
            classify(encoded, NAMES, options=ClassifyOptions(area=wider))
        with pytest.raises(InputError, match="beyond the one"):
            ask(encoded, question, options=beyond)


def test_dates_that_were_encoded_for_an_area_are_compared_within_it(tmp_path: Path) -> None:
    field = class_field((208, 256), 2)
    later = field.copy()
    for place in (np.s_[80:150, 80:150], np.s_[0:60, 180:256]):  # the first is in the area
        later[place] = NAMES.index("roof")
    dates = [
        write_scene(tmp_path / f"{year}.tif", paint(each, tuple(NAMES))) for year, each in ((1, field), (2, later))
    ]
    with open_raster(dates[0]) as raster:
        box = to_map([shapely.box(64, 64, 160, 176)], raster.grid)
        gpd.GeoDataFrame(geometry=box, crs=raster.grid.crs).to_file(area := tmp_path / "area.gpkg")
    asked, question = FindOptions(background="sand, forest", overlay=False), "How much did the roofs grow?"
    within = AskOptions(replace(asked, area=area))
    straight = ask(dates[0], question, after=dates[1], model=Counting(), read=READ, options=within)
    with ExitStack() as stack:
        one, two = (stack.enter_context(encode_scene(each, Counting(), read=READ, area=area)) for each in dates)
        encoded = ask(one, question, after=two, read=READ, options=AskOptions(asked))
    assert straight.value > 0
    assert encoded.value == pytest.approx(straight.value, rel=1e-3)


def test_a_scene_of_a_segmenter_has_its_own_classes(scene: Path, tmp_path: Path) -> None:
    options, model = SegmentOptions(overlay=False), tiny_segmenter()
    segment(scene, "water, road", tmp_path / "straight.tif", model=model, options=options)
    with encode_scene(scene, model) as encoded:
        segment(encoded, "water, road", tmp_path / "encoded.tif", options=options)
        segment(encoded, None, tmp_path / "all.tif", options=options)
    assert np.array_equal(pixels(tmp_path / "encoded.tif"), pixels(tmp_path / "straight.tif"))
