from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import torch
from click.testing import CliRunner

from drawn import FIELD, NAMES, TAUGHT, points, save
from geoglot.cli.main import cli
from geoglot.errors import InputError
from geoglot.models.taught import Taught
from geoglot.models.zoo import load_model, load_word_model
from geoglot.options import FindOptions, ReadOptions, SegmentOptions
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import WordDense
from geoglot.scene.encoded_scene import encode_scene
from geoglot.scene.visible import too_small
from geoglot.tasks.ask.ask import ask
from geoglot.tasks.find.find import find
from geoglot.tasks.segment import map_run
from geoglot.tasks.segment.segment import segment
from geoglot.training.teach.labels import read_labels
from geoglot.training.teach.patches import SURVEY, scene_patches
from geoglot.training.teach.teach import TeachResult, teach
from worlds import UTM, class_field, paint, write_scene

PLAIN = SegmentOptions(overlay=False)


def right(path: Path, field: np.ndarray) -> float:
    """Share of pixels of a map whose class has the place in the alphabet that the truth says."""
    order = np.array([sorted(TAUGHT).index(name) + 1 for name in TAUGHT])
    with rasterio.open(path) as dataset:
        return float((dataset.read(1) == order[field]).mean())


def test_a_few_points_make_a_model_that_maps_another_scene(scene: Path, base: Path, tmp_path: Path) -> None:
    labels = save(points(FIELD, 8).to_crs(4326), tmp_path / "labels.gpkg")
    result = teach(scene, labels, tmp_path / "mine", model=base)
    assert (result.column, [each.name for each in result.classes]) == ("Class", sorted(TAUGHT))
    assert result.miou is not None and result.miou > 0.9 and result.patches == 24
    assert result.miou_by_words is not None and result.miou_by_words < 0.5
    other = class_field((256, 200), 3, seed=9, blob=60)
    written = write_scene(tmp_path / "other.tif", paint(other, NAMES))
    mapped = segment(written, None, tmp_path / "map.tif", model=tmp_path / "mine", options=PLAIN)
    assert right(tmp_path / "map.tif", other) > 0.9 and mapped.model == "mine"


def test_taught_classes_are_found_and_asked_for_and_other_words_are_read(
    scene: Path, base: Path, tmp_path: Path
) -> None:
    teach(scene, save(points(FIELD, 8), tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    mine = load_model(tmp_path / "mine")
    names = {"Sheds": ["Sheds"], "water": ["water"]}
    options = FindOptions(overlay=False, background="forest,roof")
    found = find(scene, names, model=mine, options=options)
    for name, kind in (("Sheds", 2), ("water", 0)):
        truth = float((kind == FIELD).sum()) / 4  # m²
        assert found.areas_m2[name] == pytest.approx(truth, rel=0.2)
    answer = ask(scene, "how much of the scene is sheds?", model=mine)
    assert answer.value == pytest.approx(float((FIELD == 2).mean() * 100), rel=0.2)


def test_a_map_has_other_words_beside_taught_classes(base: Path, scene: Path, tmp_path: Path) -> None:
    labels = points(FIELD, 8)
    drawn = save(labels[labels["Class"] != "shed"], tmp_path / "labels.gpkg")
    teach(scene, drawn, tmp_path / "mine", model=base)
    result = segment(scene, "lagoon, roof", tmp_path / "map.tif", model=tmp_path / "mine", options=PLAIN)
    shares = {share.name: share.share for share in result.classes}
    assert shares["roof"] == pytest.approx((FIELD == 2).mean(), rel=0.15)
    assert shares["lagoon"] == pytest.approx((FIELD == 0).mean(), rel=0.15)  # the thicket is "other"


def test_a_class_that_was_taught_under_its_name_is_what_it_was_taught_whatever_its_words(
    base: Path, scene: Path, tmp_path: Path
) -> None:
    teach(scene, save(points(FIELD, 8), tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    mine, mapped, found = load_model(tmp_path / "mine"), [], []
    for at, words in enumerate(([], ["shelter", "forest"])):
        classes = {"Sheds": words, "lagoon": ["water"]}
        mapped.append(segment(scene, classes, tmp_path / f"{at}.tif", model=mine, options=PLAIN).classes)
        options = FindOptions(overlay=False, background="forest,roof")
        found.append(find(scene, classes, model=mine, options=options).areas_m2)
    assert mapped[0] == mapped[1] and found[0] == found[1]
    assert isinstance(mine, Taught)  # such pixels show no car, and a shed was learned from them
    assert too_small(mine, 30.0, (ClassWords("Sheds", ("car",)), ClassWords("cars", ("car",)))).keys() == {"cars"}
    assert {share.name: share.share for share in mapped[0]}["Sheds"] == pytest.approx((FIELD == 2).mean(), rel=0.15)


def test_many_other_words_are_bounded_as_for_any_model(
    base: Path, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(scene, save(points(FIELD, 8), tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    many = {"lagoon": ["lagoon"], "stuff": [f"stuff {index}" for index in range(1001)]}
    flipped = SegmentOptions(overlay=False, flips="all")
    with pytest.raises(InputError, match="at most 1,000 words"):
        segment(scene, many, tmp_path / "many.tif", model=tmp_path / "mine", options=flipped)
    few = {"lagoon": ["lagoon"], "stuff": ["sand", "gravel", "chalk", "roof"]}  # grey but for the last
    shares = list[list[int]]()
    for most in (1000, 3):
        monkeypatch.setattr(map_run, "MANY", most)
        result = segment(scene, few, tmp_path / f"{most}.tif", model=tmp_path / "mine", options=PLAIN)
        shares.append([share.pixels for share in result.classes])
        assert ("blended" in json.loads(result.manifest.read_text())["run"]) == (most == 3)
    assert np.abs(np.subtract(*shares)).max() < 0.05 * FIELD.size


def test_an_encoded_scene_is_mapped_by_the_taught_head(base: Path, scene: Path, tmp_path: Path) -> None:
    teach(scene, save(points(FIELD, 8), tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    with encode_scene(scene, tmp_path / "mine") as encoded:
        segment(encoded, None, tmp_path / "encoded.tif", options=PLAIN)
    assert right(tmp_path / "encoded.tif", FIELD) > 0.9


def test_taught_again_only_new_patches_are_encoded_and_the_model_is_the_same(
    scene: Path, base: Path, tmp_path: Path
) -> None:
    few = save(points(FIELD, 4), tmp_path / "few.gpkg")
    more = save(points(FIELD, 2, seed=1), tmp_path / "more.gpkg")
    first = teach(scene, few, tmp_path / "mine", model=base)
    again = teach(scene, [few, more], tmp_path / "mine", model=base)
    assert first.encoded > 400 and 0 < again.encoded <= 6
    assert teach(scene, [few, more], tmp_path / "mine", model=base).encoded == 0
    teach(scene, [few, more], tmp_path / "anew", model=base)
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("mine", "anew")]
    assert weights[0] == weights[1]
    (kept,) = (tmp_path / "mine" / "vectors").glob("*.safetensors")
    kept.write_bytes(b"damaged")
    assert teach(scene, [few, more], tmp_path / "mine", model=base).encoded > 400


def test_a_loaded_model_teaches_as_its_folder_does(scene: Path, base: Path, tmp_path: Path) -> None:
    labels = save(points(FIELD, 3), tmp_path / "labels.gpkg")
    loaded = load_word_model(base)
    for name, model in (("by-folder", base), ("loaded", loaded)):
        teach(scene, labels, tmp_path / name, model=model)
    first, second = (load_model(tmp_path / name) for name in ("by-folder", "loaded"))
    assert first.card.config == second.card.config
    assert isinstance(first, Taught) and isinstance(second, Taught)
    assert torch.equal(first.weight, second.weight) and torch.equal(first.words, second.words)
    loaded.place = ""  # made, not loaded: what is taught could not find it again
    with pytest.raises(InputError, match="load_model"):
        teach(scene, labels, tmp_path / "no", model=loaded)
    assert not (tmp_path / "no").exists()


def test_kept_vectors_are_those_of_the_whole_scene(scene: Path, base: Path, tmp_path: Path) -> None:
    model = load_model(base)
    assert not isinstance(model, Taught)
    dense = WordDense(model)  # type: ignore[arg-type]
    drawn = read_labels([save(points(FIELD, 3), tmp_path / "labels.gpkg")])
    part = scene_patches(scene, drawn, dense, ReadOptions(), tmp_path, None)
    assert part is not None
    with encode_scene(scene, dense) as encoded:
        (block,) = encoded.blocks()
        values = encoded.values(block)
    assert np.abs(part.vectors - values[:, part.cells[:, 0], part.cells[:, 1]].T).max() < 1e-3
    assert (part.label != SURVEY).sum() == 9 and part.free.sum() > 400


def test_one_class_competes_with_what_has_no_label(scene: Path, base: Path, tmp_path: Path) -> None:
    labels = points(FIELD, 8)
    sheds = save(labels[labels["Class"] == "shed"], tmp_path / "sheds.gpkg")
    result = teach(scene, sheds, tmp_path / "mine", model=base)
    assert [each.name for each in result.classes] == ["shed", "other"]
    mapped = segment(scene, None, tmp_path / "map.tif", model=tmp_path / "mine", options=PLAIN)
    assert {share.name: share.share for share in mapped.classes}["shed"] == pytest.approx((FIELD == 2).mean(), rel=0.25)


def test_labels_of_nothing_in_particular_are_other(scene: Path, base: Path, tmp_path: Path) -> None:
    labels = points(FIELD, 6, names=("background", "Background", "shed"))
    result = teach(scene, save(labels, tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    assert {each.name: each.labels for each in result.classes} == {"shed": 6, "other": 12}
    assert load_model(tmp_path / "mine").classes == ("shed",)  # type: ignore[union-attr]


@pytest.mark.parametrize("column", ["class", "Category", "land_cover", "cover", "labels"])
def test_a_column_with_a_usual_name_holds_the_classes_beside_other_texts(column: str, tmp_path: Path) -> None:
    labels = points(FIELD, 2).rename(columns={"Class": column}).assign(author="somebody")
    assert read_labels([save(labels, tmp_path / "labels.gpkg")]).column == column


def test_boxes_lines_and_specks_have_patches(scene: Path, base: Path, tmp_path: Path) -> None:
    def at(row: float, col: float) -> tuple[float, float]:
        x, y = UTM["transform"] @ (col, row)
        return x, y

    shapes = {
        "box": shapely.Polygon([at(0, 0), at(0, 32), at(16, 32), at(16, 0)]),
        "speck": shapely.Polygon([at(41, 41), at(41, 42), at(42, 42)]),
        "line": shapely.LineString([at(100, 0), at(100, 79)]),
        "outside": shapely.Point(*at(-50, 10)),
    }
    table = gpd.GeoDataFrame({"label": [*shapes]}, geometry=[*shapes.values()], crs=UTM["crs"])
    result = teach(scene, save(table, tmp_path / "labels.geojson"), tmp_path / "mine", model=base)
    patches = {each.name: each.patches for each in result.classes}
    assert patches.pop("line") in (10, 11) and patches == {"box": 8, "speck": 1}


def test_labels_of_several_scenes(base: Path, tmp_path: Path) -> None:
    east = UTM["transform"] @ UTM["transform"].translation(320, 0)
    first = write_scene(tmp_path / "west.tif", paint(FIELD, NAMES))
    second = write_scene(tmp_path / "east.tif", paint(FIELD, NAMES), transform=east)
    labels = points(FIELD, 5)
    labels.loc[labels["Class"] == "shed", "geometry"] = labels.geometry[labels["Class"] == "shed"].translate(160)
    result = teach([first, second], save(labels, tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    assert result.scenes == 2 and result.patches == 15
    segment(first, None, tmp_path / "map.tif", model=tmp_path / "mine", options=PLAIN)
    assert right(tmp_path / "map.tif", FIELD) > 0.9
    only = labels.assign(source="west.tif")
    assert teach([first, second], save(only, tmp_path / "only.gpkg"), tmp_path / "less", model=base).scenes == 1


def test_the_command_prints_what_was_learned(scene: Path, base: Path, tmp_path: Path) -> None:
    labels = points(FIELD, 5).assign(id=range(15))
    labels.loc[0, "Class"] = None
    drawn = str(save(labels, tmp_path / "labels.gpkg"))
    command = ["teach", str(scene), "--labels", drawn, "-o", str(tmp_path / "mine"), "--model", str(base), "-q"]
    told = CliRunner().invoke(cli, command)
    assert told.exit_code == 0, told.output
    assert "column 'Class'" in told.output and "1 label without a class passed over" in told.output
    document = json.loads(CliRunner().invoke(cli, [*command, "--json"]).output)
    assert document["encoded"] == 0 and document["patches"] == 14
    assert TeachResult.__dataclass_fields__.keys() == document.keys()
    assert torch.is_tensor(load_model(tmp_path / "mine").weight)  # type: ignore[union-attr]


def test_labels_outside_the_area_teach_nothing(scene: Path, base: Path, tmp_path: Path) -> None:
    labels = points(FIELD, 8)
    left, _, right_, _ = labels.total_bounds
    middle = (left + right_) / 2
    half = gpd.GeoDataFrame(geometry=[shapely.box(left - 50, 5_747_000, middle, 5_748_000)], crs=UTM["crs"])
    half.to_crs(4326).to_file(tmp_path / "half.gpkg")
    result = teach(
        scene, save(labels, tmp_path / "all.gpkg"), tmp_path / "part", model=base, area=tmp_path / "half.gpkg"
    )
    inside = labels[labels.geometry.x <= middle]
    assert 0 < sum(each.labels for each in result.classes) == len(inside) < len(labels)
    cut = teach(scene, save(inside, tmp_path / "cut.gpkg"), tmp_path / "cut", model=base, area=tmp_path / "half.gpkg")
    assert (tmp_path / "cut/weights.safetensors").read_bytes() == (tmp_path / "part/weights.safetensors").read_bytes()
    assert cut.patches == result.patches
    half.translate(yoff=1e5).to_file(tmp_path / "far.gpkg")
    with pytest.raises(InputError, match=r"in the area of .*far.gpkg"):
        teach(scene, tmp_path / "all.gpkg", tmp_path / "none", model=base, area=tmp_path / "far.gpkg")


def test_scenes_may_be_a_folder(scene: Path, base: Path, tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    scene.rename(tmp_path / "scenes/scene.tif")
    labels = save(points(FIELD, 4), tmp_path / "labels.gpkg")
    for given in (tmp_path / "scenes", tmp_path / "sc*/*.tif"):
        assert teach(given, labels, tmp_path / "mine", model=base).scenes == 1
