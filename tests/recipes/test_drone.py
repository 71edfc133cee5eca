"""The recipes of the drone photos: laid out by place, and compared at equal steps."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import compare
import lay_out
import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from PIL import Image

from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import Mapped

FOLDER = Path(__file__).parents[2] / "recipes" / "drone"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos of the published names, each with a colour and a class of its own."""
    for kind in ("images", "masks"):
        (tmp_path / "published" / kind).mkdir(parents=True)
    for number, name in enumerate(lay_out.read_places()):
        colour = Image.new("RGB", (8, 8), (number, 255 - number, 9))
        colour.save(tmp_path / "published" / "images" / f"{name}.jpg")
        Image.fromarray(np.full((8, 8), number % 27, np.uint8)).save(tmp_path / "published" / "masks" / f"{name}.png")
    names = {str(index): f"class-{index}" for index in range(27)}
    (tmp_path / "published" / "classes.json").write_text(json.dumps(names))
    return tmp_path / "published"


def test_whole_places_are_held_out(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lay_out, "_SIDE", 16)
    ran = CliRunner().invoke(lay_out.command, [str(photos), str(tmp_path / "set")])
    assert ran.exit_code == 0, ran.output
    train, val = (dataset_of("folder").read(tmp_path / "set", split) for split in ("train", "val"))
    assert isinstance(train, Mapped) and isinstance(val, Mapped)
    places = lay_out.read_places()
    seen, unseen = ({places[image.stem] for image in split.images} for split in (train, val))
    assert not seen & unseen and unseen == lay_out.HELD_OUT
    assert len(train) + len(val) == len(places) == 200
    assert [words.name for words in val.classes] == [f"class {index}" for index in range(1, 23)]
    with rasterio.open(tmp_path / "set" / "mosaic.tif") as mosaic:
        assert mosaic.shape == (96, 96) and mosaic.count == 3


def test_what_is_unlabelled_or_unknown_does_not_count() -> None:
    assert lay_out.renumber(np.array([0, 1, 22, 23, 255])).tolist() == [255, 0, 21, 255, 255]


def test_models_differ_in_their_parts_alone() -> None:
    ours, mask2former, pixelwise = (compare.recipe_of(model, 5) for model in compare.MODELS)
    assert ours.model.prompts.on and ours.model.fusion.on and ours.model.guidance.on
    assert not (mask2former.model.prompts.on or mask2former.model.fusion.on or mask2former.model.guidance.on)
    assert ours.upernet.backbone == ours.model.backbone and pixelwise.architecture == "upernet"
    assert ours.fit.seed == ours.crops.seed == 5
    for other in (mask2former, pixelwise):
        assert (other.fit, other.crops, other.data, other.backbone) == (ours.fit, ours.crops, ours.data, ours.backbone)


def test_every_photo_has_a_place() -> None:
    with (FOLDER / "places.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["photo"] for row in rows}) == len(rows) == 200
