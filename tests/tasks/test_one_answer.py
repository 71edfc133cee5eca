"""The same question through every door: one area, and the true one."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from geoglot.demo import SCENE
from geoglot.errors import OutputError
from geoglot.models.zoo import load_word_model
from geoglot.options import FindOptions, ReadOptions, SegmentOptions
from geoglot.tasks.ask.ask import ask
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.find.find import find
from geoglot.tasks.segment.segment import segment
from stubs import PooledColours
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof")


@pytest.mark.parametrize("index", range(3))
def test_segment_find_and_ask_agree_on_an_area(tmp_path: Path, index: int) -> None:
    field, name = class_field((330, 290), 3, blob=80), NAMES[index]
    source, model = write_scene(tmp_path / "scene.tif", paint(field, NAMES)), PooledColours()
    background = tuple(other for other in NAMES if other != name)
    options = SegmentOptions(background=background, overlay=False)
    mapped = segment(source, [name], tmp_path / "map.tif", model=model, options=options)
    searched = FindOptions(background=background, overlay=False)
    found = find(source, name, model=model, options=searched)
    answer = ask(source, f"How much area does {name} cover?", model=model, options=AskOptions(find=searched))
    truth = float((field == index).sum()) / 4
    areas = [next(share.area_m2 for share in mapped.classes if share.name == name), found.areas_m2[name]]
    assert areas == pytest.approx([truth, truth], rel=0.03)
    assert areas[0] == pytest.approx(areas[1], rel=0.02)
    assert answer.unit == "m²" and answer.value == pytest.approx(areas[1], rel=0.005)
    assert found.thresholds[name].low >= 0.5


def test_one_class_is_mapped_where_it_is_found_though_windows_disagree(tmp_path: Path) -> None:
    with rasterio.open(SCENE) as dataset:
        pixels = dataset.read((1, 2, 3), window=((0, 100), (0, 400))) / 16
    source = write_scene(tmp_path / "scene.tif", pixels.clip(1, 255).astype(np.uint8))
    background = ("grass", "building", "trees")
    options = SegmentOptions(background=background, overlay=False)
    mapped = segment(source, ["road"], tmp_path / "map.tif", options=options)
    found = find(source, "road", options=FindOptions(background=background, overlay=False))
    area = next(share.area_m2 for share in mapped.classes if share.name == "road")
    assert area and area == pytest.approx(found.areas_m2["road"], rel=0.005)


def test_a_map_of_several_classes_says_why_its_areas_may_differ(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((120, 100), 3), NAMES))
    options = SegmentOptions(overlay=False)
    result = segment(source, NAMES, tmp_path / "map.tif", model=PooledColours(), options=options)
    assert any("find and ask compare" in note for note in result.notes)


@pytest.mark.parametrize(("name", "background"), [("bare soil", "water, road"), ("water", "grass, field")])
def test_bands_beside_words_keep_the_doors_together(tmp_path: Path, name: str, background: str) -> None:
    rng, side = np.random.default_rng(0), 320
    lake = np.arange(side) < 100
    colours = np.where(lake, [[60], [70], [55], [15]], [[150], [120], [90], [170]])[:, None]
    noise = np.concatenate([np.repeat(rng.normal(0, 12, (1, side, side)), 3, 0), rng.normal(0, 5, (1, side, side))])
    pixels = (colours + noise).clip(1, 255).astype(np.uint8)
    place = rasterio.Affine(1, 0, 500_000, 0, -1, 5_000_000)
    source = write_scene(tmp_path / "scene.tif", pixels, photometric="minisblack", transform=place)
    with rasterio.open(source, "r+") as dataset:
        dataset.descriptions = ("red", "green", "blue", "nir")
    options = SegmentOptions(background=background, overlay=False)
    mapped = segment(source, [name], tmp_path / "map.tif", options=options)
    found = find(source, name, options=FindOptions(background=background, overlay=False))
    area = next(share.area_m2 for share in mapped.classes if share.name == name)
    assert area is not None and area > 200
    assert any("NDWI" in note for note in mapped.notes) and any("NDWI" in note for note in found.notes)
    assert area == pytest.approx(found.areas_m2[name], rel=0.02, abs=20)


def test_another_calibration_is_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((120, 100), 3), NAMES))
    mini = load_word_model("mini")
    options = SegmentOptions(overlay=False), FindOptions(overlay=False)
    for sense in (mini.sense, None):
        monkeypatch.setattr(mini, "sense", sense)
        if sense:
            segment(source, ["elephant", "water"], tmp_path / "map.tif", model=mini, options=options[0])
            find(source, "elephant", tmp_path / "found.gpkg", model=mini, options=options[1])
            continue
        with pytest.raises(OutputError, match="another run"):
            segment(source, ["elephant", "water"], tmp_path / "map.tif", model=mini, options=options[0])
        with pytest.raises(OutputError, match="another run"):
            find(source, "elephant", tmp_path / "found.gpkg", model=mini, options=options[1])


def test_another_tile_is_the_same_run(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((120, 100), 3), NAMES))
    segment(source, "water, grass", tmp_path / "map.tif", options=SegmentOptions(overlay=False))
    read = ReadOptions(tile=224)
    again = segment(source, "water, grass", tmp_path / "map.tif", read=read, options=SegmentOptions(overlay=False))
    assert again.output == tmp_path / "map.tif"
    with pytest.raises(OutputError, match="another run"):
        segment(source, "water, grass", tmp_path / "map.tif", read=ReadOptions(tile=224, overlap=32))


def test_absent_classes_are_told_of_averaged_maps_too(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((120, 100), 3), NAMES))
    for flips in ("none", "horizontal"):
        options = SegmentOptions(overlay=False, flips=flips)
        notes = segment(source, "grass, algebra", tmp_path / f"{flips}.tif", options=options).notes
        assert any("no algebra found" in note for note in notes)


def test_names_that_are_not_looked_for_need_no_window(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((120, 100), 3), NAMES))
    document = find(source, "manhole", options=FindOptions(overlay=False)).to_json()
    assert document["windows"] == {"total": 0, "done": 0, "failed": []}
    assert "manhole" in document["why"] and document["thresholds"] == document["presence"] == {}


def test_a_background_that_pixels_cannot_show_is_told(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((120, 100), 3), NAMES))
    options = SegmentOptions(overlay=False, background="grass, manhole")
    notes = segment(source, "water", tmp_path / "map.tif", options=options).notes
    notes += find(source, "water", options=FindOptions(overlay=False, background="grass, manhole")).notes
    assert sum("a manhole" in note and "no background" in note for note in notes) == 2
