"""What pixels cannot show is not found, mapped or counted; every door says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from PIL import Image

from geoglot.cli.main import cli
from geoglot.models.zoo import load_word_model
from geoglot.options import FindOptions, ReadOptions
from geoglot.scene.class_words import parse_classes
from geoglot.scene.encoded_scene import encode_scene
from geoglot.scene.extents import known_extents
from geoglot.scene.visible import crowded, shown_by, too_small, unseen_notes
from geoglot.tasks.find.find import find
from worlds import write_scene

UNSEEN = {
    0.3: set[str](),
    2.0: {"car", "jeep"},
    10.0: {"car", "jeep", "pool"},
    30.0: {"car", "jeep", "pool", "plane", "road"},
}
CLASSES = {"car": ["red cars"], "jeep": ["jeep"], "pool": ["swimming pool", "pool"], "plane": ["airplanes"],
           "tree": ["trees"], "road": ["road"], "water": ["water"], "zork": ["flibbertigibbet"]}  # fmt: skip


def scene(path: Path, metres: float | None, side: int = 100) -> Path:
    """Coloured noise whose pixels measure so many metres; None without a CRS."""
    pixels = np.random.default_rng(0).integers(0, 255, (3, side, side), np.uint8)
    if metres is None:
        Image.fromarray(pixels.transpose(1, 2, 0)).save(path.with_suffix(".png"))
        return path.with_suffix(".png")
    return write_scene(path, pixels, transform=Affine(metres, 0, 500_000, 0, -metres, 5_000_000))


def run(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(
        cli, [*map(str, arguments), "--json", "-q"] if arguments[0] != "info" else [*map(str, arguments), "--json"]
    )
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize("metres", UNSEEN)
def test_a_class_shows_if_any_of_its_words_does(metres: float) -> None:
    why = too_small(load_word_model("mini"), metres, parse_classes(CLASSES))
    assert set(why) == UNSEEN[metres]
    for name in why:
        assert why[name].startswith(f"at {metres:g} m a pixel ") and why[name].endswith(" cannot be seen")


def test_a_class_with_a_word_that_nobody_knows_shows() -> None:
    mini = load_word_model("mini")
    assert too_small(mini, 10.0, parse_classes({"mixed": ["car", "flibbertigibbet"]})) == {}
    assert too_small(mini, 10.0, parse_classes({"mixed": ["car", "water"]})) == {}
    assert too_small(mini, None, parse_classes("car, water")) == {}


def test_pixels_of_the_finest_size_that_shows_a_thing_may_be_a_little_larger() -> None:
    mini, words = load_word_model("mini"), parse_classes("car")
    assert too_small(mini, 1.0004, words) == {} and set(too_small(mini, 1.2, words)) == {"car"}


@pytest.mark.parametrize("metres", [2.0, 10.0])
def test_find_gives_no_objects_and_the_reason(tmp_path: Path, metres: float) -> None:
    source, output = scene(tmp_path / "a.tif", metres), tmp_path / "a.geojson"
    code, found = run("find", source, "car", "water", "-o", output)
    assert code == 0 and set(found["why"]) == {"car"} and found["counts"]["car"] == 0 == found["areas_m2"]["car"]
    assert "cannot be seen" in found["why"]["car"] and found["why"]["car"] in found["notes"]
    assert set(found["thresholds"]) == {"water"}
    assert not any(feature["properties"]["name"] == "car" for feature in json.loads(output.read_text())["features"])
    assert json.loads(Path(found["manifest"]).read_text())["why"] == found["why"]


def test_a_scene_without_anything_to_look_for_is_not_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mini = load_word_model("mini")
    monkeypatch.setattr(type(mini), "encode_patches", lambda *_: pytest.fail("the model was asked"))
    result = find(scene(tmp_path / "a.tif", 10), "cars, pool", tmp_path / "a.gpkg", model=mini)
    assert result.objects.empty and result.counts == {"cars": 0, "pool": 0} and set(result.why) == {"cars", "pool"}


def test_a_least_score_insists(tmp_path: Path) -> None:
    source = scene(tmp_path / "a.tif", 10)
    result = find(source, "car", options=FindOptions(min_score=0.01, overlay=False))
    assert result.why == {} and set(result.thresholds) == {"car"}
    assert any("cannot be seen: it was looked for all the same" in note for note in result.notes)


def test_reading_finer_shows_no_more_and_reading_coarser_less(tmp_path: Path) -> None:
    options = FindOptions(overlay=False)
    assert find(scene(tmp_path / "a.tif", 4), "car", read=ReadOptions(resolution=0.5), options=options).why
    assert find(scene(tmp_path / "b.tif", 0.5), "car", read=ReadOptions(resolution=4.0), options=options).why
    assert not find(scene(tmp_path / "c.tif", 0.5), "car", options=options).why


def test_an_encoded_scene_knows_how_it_was_read(tmp_path: Path) -> None:
    with encode_scene(scene(tmp_path / "a.tif", None), read=ReadOptions(resolution=5.0)) as encoded:
        assert set(find(encoded, "car, water", options=FindOptions(overlay=False)).why) == {"car"}


def test_a_picture_without_a_crs_is_told_by_gsd(tmp_path: Path) -> None:
    source = scene(tmp_path / "a.tif", None)
    _, unknown = run("find", source, "car")
    assert unknown["why"] == {} and any("say it with --gsd" in note for note in unknown["notes"])
    _, coarse = run("find", source, "car", "--gsd", 5)
    assert set(coarse["why"]) == {"car"} and not any("say it with --gsd" in note for note in coarse["notes"])
    _, fine = run("find", source, "car", "--gsd", 0.01)
    assert "at 0.01 m a pixel, and mini understands" in fine["why"]["car"]


def test_segment_leaves_pixels_of_an_unseen_class_as_other(tmp_path: Path) -> None:
    source, output = scene(tmp_path / "a.tif", 10), tmp_path / "map.tif"
    code, mapped = run("segment", source, "--classes", "car, swimming pool", "-o", output)
    assert code == 0 and set(mapped["why"]) == {"car", "swimming pool"}
    assert {one["name"]: one["pixels"] for one in mapped["classes"]} == {"other": 10_000, "car": 0, "swimming pool": 0}
    with rasterio.open(output) as dataset:
        assert not dataset.read(1).any()
    assert set(mapped["why"].values()) <= set(mapped["notes"])
    _, seen = run("segment", source, "--classes", "forest, water", "-o", tmp_path / "seen.tif")
    assert seen["why"] == {} and sum(one["pixels"] for one in seen["classes"]) == 10_000


def test_classify_marks_labels_that_the_pixels_cannot_show(tmp_path: Path) -> None:
    code, labels = run("classify", scene(tmp_path / "a.tif", 5), "--classes", "car, swimming pool")
    assert code == 0 and all("cannot be seen" in one["why"] for one in labels["results"])
    assert sum("cannot be seen" in note for note in labels["notes"]) == 2
    _, fine = run("classify", scene(tmp_path / "b.tif", 0.3), "--classes", "car, swimming pool")
    assert not any("why" in one for one in fine["results"]) and "cannot be seen" not in str(fine["notes"])


def test_ask_refuses_with_the_reason(tmp_path: Path) -> None:
    source = scene(tmp_path / "a.tif", 10)
    for question in ("How many cars are there?", "Is there a red car?", "What area do swimming pools cover?"):
        code, answer = run("ask", source, question)
        assert code == 1 and answer["value"] is None and "at 10 m a pixel" in answer["text"].lower()
        assert answer["text"].endswith("cannot be seen")
    assert run("ask", source, "Is it a car or a swimming pool?")[1]["value"] is None
    assert run("ask", source, "Is there water?")[1]["value"] is not None


def test_things_that_run_together_are_mapped_and_not_counted(tmp_path: Path) -> None:
    source = scene(tmp_path / "a.tif", 10)
    assert crowded(2.0, parse_classes("house, trees")) == {} and set(crowded(10.0, parse_classes("house, car"))) == {
        "house"
    }
    everywhere = ("--min-score", "0.001")
    assert (
        "trees, about 8 m wide, run together" in run("ask", source, "How many trees are there?", *everywhere)[1]["text"]
    )
    assert run("ask", source, "What share of the scene do trees cover?", *everywhere)[1]["value"] > 0
    found = run("find", source, "tree", *everywhere)[1]
    assert found["why"] == {} and any("run together" in note for note in found["notes"])


def test_a_scene_beyond_the_reach_of_the_model_is_said_at_every_door(tmp_path: Path) -> None:
    source, said = scene(tmp_path / "a.tif", 89), "is not to be used"
    code, found = run("find", source, "lake", "forest")
    assert code == 0 and found["counts"] == {"lake": 0, "forest": 0} and said in found["why"]["lake"]
    assert sum(said in note for note in found["notes"]) == 1
    assert said in run("ask", source, "What share is forest?")[1]["text"]
    assert said in run("ask", source, "Is it a forest or a city?")[1]["text"]
    labels = run("classify", source, "--classes", "forest, city")[1]
    assert said in labels["notes"][0] and said in labels["results"][0]["why"]
    assert labels["results"][0]["present"] is None
    mapped = run("segment", source, "--classes", "forest, glacier", "-o", tmp_path / "map.tif")[1]
    assert any(said in note for note in mapped["notes"]) and mapped["why"] == {}
    assert not any("found" in note for note in mapped["notes"])  # what it says of absence is not to be used either
    assert said in run("info", source)[1]["fit"]["says"]


@pytest.mark.parametrize(("side", "small"), [(32, True), (60, True), (100, False)])
def test_a_map_of_a_tiny_picture_is_not_to_be_used(tmp_path: Path, side: int, small: bool) -> None:
    notes = run("find", scene(tmp_path / "a.tif", 1, side), "water")[1]["notes"]
    assert any(f"is read as {side} x {side} px" in note for note in notes) == small


def test_a_scene_that_is_read_far_finer_than_a_model_learned_is_beyond_its_reach(tmp_path: Path) -> None:
    found = run("find", scene(tmp_path / "a.tif", 0.3, 20), "car", "--gsd", "0.02")[1]
    assert found["counts"] == {"car": 0} and "is not to be used; leave --gsd out" in found["why"]["car"]


@pytest.mark.parametrize("value", [0, 120])
def test_a_picture_of_one_colour_shows_nothing(tmp_path: Path, value: int) -> None:
    said = "nothing to see"
    source = write_scene(tmp_path / "blank.tif", np.full((3, 96, 96), value, np.uint8))
    doors = [("find", source, "water"), ("ask", source, "Is there water?")]
    doors.append(("segment", source, "--classes", "water, grass", "-o", tmp_path / "map.tif"))
    doors += [("classify", source, "--classes", "water, grass"), ("info", source)]
    assert all(any(said in note for note in run(*door)[1]["notes"]) for door in doors)


@pytest.mark.parametrize(
    ("metres", "seen", "unseen"),
    [(0.3, "people", None), (1, "car", "people"), (10, "ship", "house"), (100, "lake", "road")],
)
def test_info_says_what_a_raster_shows(tmp_path: Path, metres: float, seen: str, unseen: str | None) -> None:
    source = scene(tmp_path / "a.tif", metres)
    shows = run("info", source)[1]["shows"]
    assert seen in shows["seen"] and (unseen in shows["unseen"] if unseen else shows["unseen"] == [])
    assert "shows     " in CliRunner().invoke(cli, ["info", str(source)]).stdout
    assert run("info", scene(tmp_path / "b.tif", None))[1]["shows"] is None and shown_by(None) is None


def test_many_names_that_cannot_be_seen_are_told_in_a_few_sentences(tmp_path: Path) -> None:
    names = [name for name, extent in known_extents().items() if extent.kind == "things" and extent.coarsest < 9][:300]
    why = too_small(load_word_model("mini"), 10.0, parse_classes(names))
    assert len(why) == 300
    *single, rest = unseen_notes(why)
    assert len(single) == 3 and all("cannot be seen" in note for note in single) and len(rest) < 1000
    assert rest.startswith(f"{names[3]}, ") and rest.endswith("more cannot be seen, either")
    assert unseen_notes(dict.fromkeys(names, "far")) == ("far",), "one reason is one sentence"


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 5)])
def test_less_than_a_patch_is_beyond_every_door(tmp_path: Path, shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, *shape), np.uint8)
    source = write_scene(tmp_path / "a.tif", pixels, transform=Affine(1, 0, 500_000, 0, -1, 5_000_000))
    code, found = run("find", source, "water")
    assert code == 0 and "less than a patch of mini" in found["why"]["water"] and found["windows"]["done"] == 0
    code, answer = run("ask", source, "Is there water?")
    assert code == 1 and answer["value"] is None and "less than a patch" in answer["text"]
    _, labels = run("classify", source, "--classes", "water, forest")
    assert all("less than a patch" in label["why"] for label in labels["results"]) and labels["results"]
    _, mapped = run("segment", source, "--classes", "water, forest", "-o", tmp_path / "map.tif")
    assert any("less than a patch of mini" in note for note in mapped["notes"])


def test_a_thin_scene_is_told_to_be_mirrored(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 30, 300), np.uint8)
    source = write_scene(tmp_path / "a.tif", pixels, transform=Affine(1, 0, 500_000, 0, -1, 5_000_000))
    for arguments in (("find", source, "water"), ("classify", source, "--classes", "water, forest"), ("info", source)):
        _, document = run(*arguments)
        assert any("300 x 30 px" in note and "mirrored" in note for note in document["notes"]), arguments[0]


def test_what_gsd_says_is_not_told_of_the_scene(tmp_path: Path) -> None:
    _, found = run("find", scene(tmp_path / "a.tif", 0.5, side=1000), "water", "--gsd", 25)
    assert found["why"]["water"].startswith("the scene was read at 25 m a pixel")
    _, finer = run("find", scene(tmp_path / "b.tif", 1.0), "car", "--gsd", 0.5)
    assert any("was read at 0.5 m, which adds no detail" in note for note in finer["notes"])


def test_a_scene_without_a_valid_pixel_ends_the_same_at_every_door(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "empty.tif", np.zeros((3, 80, 80), np.uint8), nodata=0)
    for arguments in (("find", "water"), ("ask", "Is there water?"), ("classify", "--classes", "water, forest"),
                      ("segment", "--classes", "water, forest", "-o", str(tmp_path / "map.tif"))):  # fmt: skip
        result = CliRunner().invoke(cli, [arguments[0], str(source), *arguments[1:], "-q"])
        assert result.exit_code == 1, arguments[0]
        assert "valid; check --bands and --nodata" in " ".join(result.output.lower().split()), arguments[0]
    assert "no pixel of the scene is valid; check --bands and --nodata" in run("info", source)[1]["notes"]


def test_info_describes_what_no_model_could_read(tmp_path: Path) -> None:
    code, told = run("info", scene(tmp_path / "a.tif", 5000))
    assert code == 0 and any("100 times as coarse" in note for note in told["notes"])
    pixels = np.random.default_rng(0).integers(0, 255, (3, 100, 100), np.uint8)
    oblong = write_scene(tmp_path / "b.tif", pixels, transform=Affine(0.5, 0, 500_000, 0, -5, 5_000_000))
    assert any("0.5 m wide and 5 m high" in note for note in run("info", oblong)[1]["notes"])
