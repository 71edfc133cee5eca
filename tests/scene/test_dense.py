"""A trained segmenter as a scorer, and classes that are changed by their texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
import torch.nn.functional as F
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.errors import InputError, ModelError
from geoglot.models.segclip.class_vocabulary import with_texts
from geoglot.models.segclip.config import Fusion, Guidance, Prompts
from geoglot.models.zoo import load_model, load_segmenter, load_word_model
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import ClassDense
from geoglot.tasks.segment.segment import segment
from tinysegclip import CLASSES, OFF, stored_segmenter, tiny_segclip, tiny_segmenter

MakeGeotiff = Callable[..., Path]


def scene(make_geotiff: MakeGeotiff, rows: int = 90, cols: int = 150) -> Path:
    return make_geotiff(np.random.default_rng(0).integers(0, 255, (3, rows, cols), dtype=np.uint8))


def test_scores_do_not_depend_on_what_a_tile_is_padded_to() -> None:
    model = tiny_segmenter()
    pixels = torch.rand(1, 3, 72, 100)
    assert model(pixels).shape == (1, 7, 18, 25)
    padded = F.pad(model.prepare(pixels), (0, 0))
    assert padded.shape == (1, 3, 96, 128)
    assert padded[:, :, 72:].abs().max() == 0


def test_what_is_stored_scores_the_same(tmp_path: Path) -> None:
    folder, pixels = stored_segmenter(tmp_path / "model"), torch.rand(1, 3, 64, 64)
    loaded = load_model(folder, device="cpu")
    assert not loaded.card.reads_words and load_model("mini").card.reads_words
    torch.testing.assert_close(loaded(pixels), tiny_segmenter()(pixels))
    assert load_model(loaded) is loaded
    torch.testing.assert_close(load_segmenter(folder, device="cpu")(pixels), tiny_segmenter()(pixels))
    with pytest.raises(ModelError, match="classes of its own"):
        load_word_model(folder)
    with pytest.raises(ModelError, match="reads words"):
        load_segmenter("mini")


def test_a_raster_is_mapped_with_the_classes_of_the_model(tmp_path: Path, make_geotiff: MakeGeotiff) -> None:
    made = segment(scene(make_geotiff), None, tmp_path / "map.tif", model=tiny_segmenter())
    assert [share.name for share in made.classes] == list(CLASSES)
    with rasterio.open(made.output) as file:
        assert set(np.unique(file.read(1))) <= set(range(1, 8))
    assert json.loads(made.manifest.read_text())["run"]["windows"]["tile"] == 64


def test_classes_that_are_not_asked_for_are_other(tmp_path: Path, make_geotiff: MakeGeotiff) -> None:
    source = scene(make_geotiff)
    whole = segment(source, None, tmp_path / "whole.tif", model=tiny_segmenter())
    some = segment(source, "water, road", tmp_path / "some.tif", model=tiny_segmenter())
    with rasterio.open(whole.output) as all_classes, rasterio.open(some.output) as two:
        everything, chosen = all_classes.read(1), two.read(1)
    assert np.array_equal(chosen == 1, everything == CLASSES.index("water") + 1)
    assert np.array_equal(chosen == 2, everything == CLASSES.index("road") + 1)
    assert (chosen == 0).any()


def test_words_that_it_cannot_read_are_refused(tmp_path: Path, make_geotiff: MakeGeotiff) -> None:
    from geoglot.options import SegmentOptions

    with pytest.raises(InputError, match="no background words"):
        options = SegmentOptions(background="snow")
        segment(scene(make_geotiff), None, tmp_path / "m.tif", model=tiny_segmenter(), options=options)
    with pytest.raises(InputError, match="trained with"):
        options = SegmentOptions(templates=("a map of {}",))
        segment(scene(make_geotiff), None, tmp_path / "m.tif", model=tiny_segmenter(), options=options)
    with pytest.raises(InputError, match="--classes"):
        segment(scene(make_geotiff), None, tmp_path / "m.tif")


def test_the_command_needs_no_classes(tmp_path: Path, make_geotiff: MakeGeotiff) -> None:
    folder = stored_segmenter(tmp_path / "model")
    words = ["segment", str(scene(make_geotiff)), "-o", str(tmp_path / "m.tif"), "--model", str(folder), "--json", "-q"]
    ran = CliRunner().invoke(cli, [*words, "--flips", "all", "--scales", "1,1.5"])
    assert ran.exit_code == 0, ran.stderr
    assert len(json.loads(ran.stdout)["classes"]) == 7


def test_a_renamed_class_moves_as_its_text_does() -> None:
    model, vector = tiny_segclip().eval(), F.normalize(torch.randn(16), dim=0)
    pixels = torch.rand(1, 3, 64, 64)
    same = with_texts(model, {})
    torch.testing.assert_close(same.scores(pixels), model.scores(pixels))
    other = with_texts(model, {"water": vector})
    assert other.config.classes == CLASSES
    torch.testing.assert_close(other.table.vectors[3], vector)  # type: ignore[union-attr]
    assert (other.scores(pixels) - model.scores(pixels)).abs().max() > 1e-6


@pytest.mark.parametrize(
    "prompts", [Prompts(), Prompts(padding="blank", context=3), Prompts(on=False)], ids=["none", "blank", "off"]
)
def test_an_added_class_is_scored_by_its_text(prompts: Prompts) -> None:
    model = tiny_segclip(class_head="cosine", prompts=prompts, fusion=Fusion(on=False), guidance=Guidance(on=False))
    road = model.table.vectors[2].clone()  # type: ignore[union-attr]
    other = with_texts(model.eval(), {"motorway": road})
    assert other.config.classes == (*CLASSES, "motorway")
    head = other(torch.rand(1, 3, 64, 64))
    assert head.classes.shape == (1, 12, 9)
    torch.testing.assert_close(head.classes[..., 7], head.classes[..., 2])


def test_what_cannot_be_changed_is_told() -> None:
    with pytest.raises(ModelError, match="cosine"):
        with_texts(tiny_segclip(), {"motorway": torch.zeros(16)})
    with pytest.raises(ModelError, match="without texts"):
        with_texts(tiny_segclip(**OFF), {"water": torch.zeros(16)})
    with pytest.raises(ModelError, match="training only"):
        with_texts(tiny_segclip(prompts=Prompts(on=False), fusion=Fusion(on=False)), {"water": torch.zeros(16)})
    learned = tiny_segclip(class_head="cosine", prompts=Prompts(background="learned"))
    with pytest.raises(ModelError, match="is learned"):
        with_texts(learned, {"background": torch.zeros(16)})


def test_words_of_a_changed_class_are_read_by_the_model_of_training() -> None:
    model = tiny_segmenter(class_head="cosine", text_dim=256)
    words = (ClassWords("water", ("water",)), ClassWords("car park", ("car park",)))
    with pytest.raises(ModelError, match="texts of another mini"):
        ClassDense(model, words)
    model.card.config["texts"]["sha256"] = load_model("mini").card.sha256
    scorer = ClassDense(model, words)
    assert scorer.labels == (*CLASSES, "car park") and CLASSES[3] == "water"
    assert scorer(torch.rand(1, 3, 64, 64)).shape == (1, 8, 16, 16)
