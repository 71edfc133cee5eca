from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio

from geoglot.errors import InputError
from geoglot.options import ChangeOptions, ReadOptions
from geoglot.tasks.change.change import change
from geoglot.tasks.change.posterior import Transitions
from stubs import ColourScorer, PooledColours
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof")
WATER, FOREST, ROOF = 1, 2, 3
PAIRS = Transitions(4)


def seer() -> ColourScorer:
    return ColourScorer(NAMES)


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        pixels: np.ndarray = dataset.read(1)
    return pixels


def plant(folder: Path, name: str, *blocks: tuple[int, int, int, int, int], seed: int = 3) -> tuple[Path, np.ndarray]:
    """A scene of classes, with blocks (state, top, left, height, width) of other ones."""
    field = class_field((320, 288), 3, seed)
    for state, top, left, height, width in blocks:
        field[top : top + height, left : left + width] = state - 1
    return write_scene(folder / name, paint(field, NAMES)), field + 1


@pytest.fixture(scope="module")
def dates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, np.ndarray, np.ndarray]:
    folder = tmp_path_factory.mktemp("dates")
    before, first = plant(folder, "a_20150629.tif")
    after, last = plant(folder, "b_20200702.tif", (ROOF, 40, 40, 48, 48), (WATER, 200, 96, 64, 80))
    return before, after, first, last


def test_the_map_is_what_was_planted(dates: tuple[Path, Path, np.ndarray, np.ndarray], tmp_path: Path) -> None:
    before, after, first, last = dates
    result = change([before, after], None, tmp_path / "change.tif", model=seer(), polygons=tmp_path / "change.gpkg")
    truth, found = PAIRS.number(first, last), read(tmp_path / "change.tif")
    assert ((found == truth) & (truth > 0)).sum() >= 0.8 * ((found > 0) | (truth > 0)).sum()
    areas = {each.name: each for each in result.classes}
    for each in areas.values():
        assert each.area_m2[1] - each.area_m2[0] == pytest.approx(each.gain_m2 - each.loss_m2, abs=0.05)
        assert each.pixels[1] - each.pixels[0] == each.gain_pixels - each.loss_pixels
    frame = gpd.read_file(tmp_path / "change.gpkg", layer="changes")
    assert frame["area_m2"].sum() == pytest.approx(sum(each.area_m2 for each in result.transitions), rel=1e-4)
    document = json.loads((tmp_path / "change.manifest.json").read_text())
    assert document["transitions"] == [each.to_json() for each in result.transitions]
    assert (tmp_path / "change.overlay.png").exists()


def test_a_scene_does_not_differ_from_itself(dates: tuple[Path, Path, np.ndarray, np.ndarray], tmp_path: Path) -> None:
    result = change([dates[0], dates[0]], None, tmp_path / "change.tif", model=seer())
    assert not result.transitions and not read(tmp_path / "change.tif").any()


def test_the_other_way_round_is_the_mirror(dates: tuple[Path, Path, np.ndarray, np.ndarray], tmp_path: Path) -> None:
    before, after, *_ = dates
    there = change([before, after], None, tmp_path / "there.tif", model=seer())
    back = change([after, before], None, tmp_path / "back.tif", model=seer())
    turned = np.array([0, *(PAIRS.number(*map(np.array, PAIRS.pair(number)[::-1])) for number in range(1, 13))])
    assert (turned[read(tmp_path / "there.tif")] == read(tmp_path / "back.tif")).all()
    for one, other in zip(there.classes, back.classes, strict=True):
        assert (one.area_m2, one.gain_m2, one.loss_m2) == (other.area_m2[::-1], other.loss_m2, other.gain_m2)


@pytest.mark.parametrize("tile", [64, 96, 320])
def test_tiled_equals_untiled(dates: tuple[Path, Path, np.ndarray, np.ndarray], tmp_path: Path, tile: int) -> None:
    before, after, *_ = dates
    change([before, after], None, tmp_path / "whole.tif", model=seer())
    read_as = ReadOptions(tile=tile, batch=2)
    change([before, after], None, tmp_path / "tiled.tif", model=seer(), read=read_as)
    assert (read(tmp_path / "whole.tif") == read(tmp_path / "tiled.tif")).all()


def test_what_is_too_small_is_no_change(dates: tuple[Path, Path, np.ndarray, np.ndarray], tmp_path: Path) -> None:
    before, after, *_ = dates
    limit = ChangeOptions(min_area=700.0)  # the roofs have at most 48 * 48 px of 0.25 m²
    result = change([before, after], None, tmp_path / "change.tif", model=seer(), options=limit)
    pixels = {name: sum(each.pixels for each in result.transitions if each.target == name) for name in NAMES}
    assert pixels["water"] > 3000 and pixels["roof"] < 20


def test_one_date_is_refused(dates: tuple[Path, Path, np.ndarray, np.ndarray]) -> None:
    with pytest.raises(InputError, match="two or more dates"):
        change([dates[0]], None, model=seer())


def test_several_words_compete_and_a_scene_without_a_pixel_is_told_of_no_absent_class(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((96, 96), 3), NAMES))
    options = ChangeOptions(background="sand, road", overlay=False)
    notes = [change([source, source], names, model=PooledColours(), options=options).notes for names in NAMES[:2]]
    several = change([source, source], NAMES[:2], model=PooledColours(), options=options).notes
    assert any("find and ask compare" in note for note in several) and "find and ask compare" not in str(notes)
    empty = write_scene(tmp_path / "empty.tif", np.zeros((3, 96, 96), np.uint8), nodata=0)
    told = change([empty, empty], NAMES[:2], model=PooledColours(), options=options).notes
    assert any("no pixel of the scene is valid" in note for note in told) and "found" not in str(told)
