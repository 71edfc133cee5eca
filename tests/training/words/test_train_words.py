"""Words and unlabelled scenes become a segmenter: what comes out, and how a run goes on."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import torch
from affine import Affine

from conftest import MakeGeotiff
from geoglot.errors import ClassesError, InputError, OutputError, OutsideError
from geoglot.geo import Window
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.zoo import load_segmenter, load_word_model
from geoglot.options import ReadOptions, WordsOptions
from geoglot.recipe import read_recipe
from geoglot.scene.encoded_scene import encode_scene
from geoglot.tasks.segment.segment import segment
from geoglot.training.loop import Fit
from geoglot.training.words.looks import Looks
from geoglot.training.words.soft_crops import SoftSampling
from geoglot.training.words.train_words import teaching_words, train_words
from geoglot.training.words.votes import Cell, Source, Taught
from geoglot.training.words.words_recipe import Student, Teaching, WordsRecipe, recipe_beside
from stubs import ColourScorer

HALF_METRE = Affine(0.5, 0, 500_000, 0, -0.5, 4_000_000)
FIT = Fit(steps=4, rate=1e-3, evaluate_every=1, checkpoint_every=1, average=0.5)


def colours(bands: int = 3, side: int = 192) -> np.ndarray:
    """Blue beside green, which any teacher tells apart."""
    image = np.zeros((bands, side, side), np.uint8)
    rng = np.random.default_rng(0)
    image[:3, :, : side // 2] = np.array([20, 60, 110])[:, None, None]
    image[:3, :, side // 2 :] = np.array([60, 130, 40])[:, None, None]
    image[3:, :, side // 2 :] = 200
    return np.clip(image + rng.integers(0, 20, image.shape), 0, 255).astype(np.uint8)


def tiny(tmp_path: Path, scene: Path, **changes: object) -> WordsRecipe:
    recipe = WordsRecipe(
        name="tiny", output=tmp_path / "run", scenes=(str(scene),),
        classes={"water": ("water",), "grass": ("grass", "meadow")}, voters=2,
        teacher=Teaching(flips="none", scales=(1.0,)), fit=FIT,
        crops=SoftSampling(batch=2, side=32, scales=(1.0, 1.0)),
    )  # fmt: skip
    return replace(recipe, **changes)  # type: ignore[arg-type]


@pytest.fixture
def scene(make_geotiff: MakeGeotiff) -> Path:
    return make_geotiff(colours(), transform=HALF_METRE)


def test_words_become_a_model_that_maps(tmp_path: Path, scene: Path) -> None:
    made = train_words(tiny(tmp_path, scene), "cpu")
    model = load_segmenter(made.model, device="cpu")
    assert model.classes == ("water", "grass")
    assert sum(parameter.numel() for parameter in model.parameters()) <= 12_000_000
    result = segment(scene, None, tmp_path / "map.tif", model=made.model)
    assert {share.name for share in result.classes} >= {"water", "grass"}
    facts = json.loads((tmp_path / "run/taught.json").read_text())
    assert [part["voters"] for part in facts["rounds"]] == [0, 2]
    text = (tmp_path / "run/taught.md").read_text()
    assert "| water |" in text and "That is no accuracy" in text
    with pytest.raises(OutputError, match="complete"):
        train_words(tiny(tmp_path, scene), "cpu")


def test_a_stopped_run_goes_on_to_the_same_bytes_and_maps_meanwhile(tmp_path: Path, scene: Path) -> None:
    whole = train_words(tiny(tmp_path, scene), "cpu").model
    stopped = tiny(tmp_path, scene, output=tmp_path / "stopped")

    def stop(step: int, steps: int, figures: object) -> None:
        if step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_words(stopped, "cpu", stop)
    assert load_segmenter(tmp_path / "stopped/model", device="cpu").classes == ("water", "grass")
    again = train_words(stopped, "cpu").model
    assert (again / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()


def test_bands_that_the_teacher_never_saw_reach_the_student(tmp_path: Path, make_geotiff: MakeGeotiff) -> None:
    path = make_geotiff(colours(4), transform=HALF_METRE)
    recipe = tiny(tmp_path, path, read=ReadOptions(bands=(1, 2, 3, 4)), rounds=1, fit=replace(FIT, rate=1e-2))
    model = load_segmenter(train_words(recipe, "cpu").model, device="cpu")
    assert model.card.bands == 4
    pixels = torch.rand(1, 4, 32, 32)
    dark = torch.cat([pixels[:, :3], torch.zeros(1, 1, 32, 32)], 1)
    assert not torch.equal(model(pixels), model(dark))
    with pytest.raises(InputError, match="sees 4 bands"):
        segment(path, None, tmp_path / "map.tif", model=model)
    segment(path, None, tmp_path / "map.tif", model=model, read=recipe.read)


def test_a_segclip_student_takes_other_words(tmp_path: Path, scene: Path) -> None:
    small = SegClipConfig(
        backbone={"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "layer_type": "basic"},
        queries=20, width=32, heads=4, feed_forward=32, layers=3, encoder_layers=1, encoder_feed_forward=32,
        class_head="cosine",
    )  # fmt: skip
    student = Student(architecture="segclip", segclip=small)
    crops = SoftSampling(batch=2, side=64, scales=(1.0, 1.0))  # 32 px are one pixel at its coarsest stride
    made = train_words(tiny(tmp_path, scene, student=student, rounds=1, crops=crops), "cpu")
    classes = {"lake": ["lake"], "water": ["sea"]}
    result = segment(scene, classes, tmp_path / "map.tif", model=made.model)
    assert {"lake", "water"} <= {share.name for share in result.classes}


def test_words_that_the_teacher_cannot_tell_apart_are_refused(tmp_path: Path, scene: Path) -> None:
    asked = tiny(tmp_path, scene, classes={"water": ("water",), "Water": ("Water",)})
    with pytest.raises(ClassesError, match="'water' and 'Water' are the same to mini"):
        train_words(asked, "cpu")
    assert not asked.output.exists()


def test_the_recipe_names_the_teacher_that_the_command_means(
    tmp_path: Path, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("mini", "mine"):
        (tmp_path / folder).mkdir()
    for number, (teacher, named) in enumerate({"mini": "mini", "mine": "../mine"}.items()):
        output = Path("runs") / f"run{number}"
        output.parent.mkdir(exist_ok=True)
        with recipe_beside(output, (str(scene),), "water, grass", WordsOptions(teacher=teacher)) as path:
            assert read_recipe(path, WordsRecipe).teacher.model == named


def test_the_recipe_lies_beside_the_run_and_may_be_edited(tmp_path: Path, scene: Path) -> None:
    scenes, read = (str(scene),), ReadOptions(bands=(3, "2", 1))
    with recipe_beside(tmp_path / "run", scenes, "water, grass", read=read) as path:
        recipe = read_recipe(path, WordsRecipe)
    assert path == tmp_path / "run.toml" and recipe.output == tmp_path / "run"
    assert recipe.read.bands == (3, "2", 1)
    assert recipe.classes == {"water": ("water",), "grass": ("grass",)}
    path.write_text(path.read_text().replace("keep = 0.6", "keep = 0.5"))
    with recipe_beside(tmp_path / "run", scenes, "water, grass") as again:
        assert again == path
    assert read_recipe(path, WordsRecipe).teacher.keep == 0.5
    with pytest.raises(InputError, match="other classes"), recipe_beside(tmp_path / "run", scenes, "water"):
        pass
    for other, chosen in {
        "teacher.model": WordsOptions(teacher=str(tmp_path)),
        "student.architecture": WordsOptions(student="segclip"),
    }.items():
        with (
            pytest.raises(InputError, match=f"has other {other}; go on with it by"),
            recipe_beside(tmp_path / "run", scenes, "water, grass", chosen),
        ):
            pass
    with pytest.raises(InputError, match="no use"), recipe_beside(tmp_path / "run", scenes, "water, grass"):
        raise InputError("no use")
    assert path.exists()  # an edited recipe stays


def test_one_class_competes_with_general_words() -> None:
    teacher = load_word_model("mini", device="cpu")
    recipe = WordsRecipe(name="one", output=Path("one"), scenes=("a.tif",), classes={"road": ()})
    own, rest = teaching_words(recipe, teacher)
    assert own.words == ("road",) and rest.name == "background"
    assert "grass" in rest.words and "road" not in rest.words


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scenes": ()}, "needs scenes and classes"),
        ({"background": ("sky",), "classes": {"background": ()}}, "name of the rest"),
        ({"student": Student(architecture="segclip"), "read": ReadOptions(bands=(1, 2, 3, 4))}, "sees red, green"),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tiny(tmp_path, Path("a.tif"), **changes)


def test_a_folder_of_somebody_is_left_alone(tmp_path: Path, scene: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="not made by a run"):
        train_words(tiny(tmp_path, scene), "cpu")


def test_ground_outside_the_area_has_no_votes(tmp_path: Path, scene: Path) -> None:
    west = gpd.GeoDataFrame(geometry=[shapely.box(499_990, 3_999_800, 500_040, 4_000_100)], crs=32617)
    west.to_crs(4326).to_file(tmp_path / "west.gpkg")  # the first 80 columns
    looks = Looks([ColourScorer(("water", "forest"))], "none", (1.0,), [])
    with encode_scene(scene, looks, area=tmp_path / "west.gpkg") as seen:
        taught = Taught((Source([seen], 1),), ReadOptions(), (0.5, 0.5))
        votes = taught.votes(Cell(0, Window(0, 0, 192, 192)))
        taught.close()
    known = ~votes.agreement.isnan()
    assert known[:, :20].all() and not known[:, 20:].any()


def test_a_run_keeps_to_the_area(tmp_path: Path, scene: Path) -> None:
    gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=32617).to_file(tmp_path / "far.gpkg")
    with pytest.raises(OutsideError, match="outside the scene"):
        train_words(tiny(tmp_path, scene, area=tmp_path / "far.gpkg"), "cpu")
    assert not (tmp_path / "run").exists()


def test_the_recipe_of_a_command_names_the_area(tmp_path: Path, scene: Path) -> None:
    area, chosen = tmp_path / "area.gpkg", WordsOptions(area=tmp_path / "area.gpkg")
    with recipe_beside(tmp_path / "run", (str(scene),), "water, grass", chosen) as path:
        assert 'area = "area.gpkg"' in path.read_text() and read_recipe(path, WordsRecipe).area == area
        with recipe_beside(tmp_path / "run", (str(scene),), "water, grass", chosen):
            pass
        with (
            pytest.raises(InputError, match="another area"),
            recipe_beside(tmp_path / "run", (str(scene),), "water, grass"),
        ):
            pass


def test_scenes_without_data_teach_nothing_and_leave_no_model(tmp_path: Path, make_geotiff: MakeGeotiff) -> None:
    empty = make_geotiff(np.zeros_like(colours()), transform=HALF_METRE, nodata=0)
    with pytest.raises(InputError, match="no data that the teacher can see"):
        train_words(tiny(tmp_path, empty), "cpu")
    assert not (tmp_path / "run/model").exists()


def test_parts_that_cannot_be_read_count_nowhere_and_do_not_end_the_run(tmp_path: Path) -> None:
    """GeoTIFFs with rows as blocks, whose last rows are cut off."""
    large = np.tile(colours(), (1, 5, 1))
    with rasterio.open(tmp_path / "cut.tif", "w", **_profile(large)) as dataset:
        dataset.write(large)
    size = (tmp_path / "cut.tif").stat().st_size
    os.truncate(tmp_path / "cut.tif", size // 2)
    made = train_words(tiny(tmp_path, tmp_path / "cut.tif", rounds=1), "cpu")
    assert any("could not be read" in note for note in made.notes)


def _profile(image: np.ndarray) -> dict[str, object]:
    bands, height, width = image.shape
    return {"driver": "GTiff", "dtype": "uint8", "count": bands, "height": height, "width": width,
            "crs": "EPSG:32631", "transform": HALF_METRE}  # fmt: skip
