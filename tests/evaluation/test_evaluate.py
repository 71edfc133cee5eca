from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geoglot.datasets.catalogue import DATASETS
from geoglot.datasets.layout import FolderPerClass
from geoglot.errors import GeoglotError, InputError, SourceError
from geoglot.evaluation.evaluate import evaluate
from geoglot.models.card import read_card
from geoglot.models.stored import find_model
from geoglot.options import EvaluateOptions
from labelled import write_folder
from published import Painter, colours, flat, folders, save

EUROSAT = DATASETS["eurosat"]
assert isinstance(EUROSAT, FolderPerClass)
CALIBRATED = EvaluateOptions(calibrate=True)


@pytest.fixture
def eurosat(tmp_path: Path) -> Path:
    """Three flat pictures a class."""
    assert isinstance(EUROSAT, FolderPerClass)
    folders(tmp_path / "2750", list(EUROSAT.words), each=3)
    return tmp_path


def painter(keys: bool = False) -> Painter:
    assert isinstance(EUROSAT, FolderPerClass)
    return Painter(list(EUROSAT.words if keys else EUROSAT.words.values()))


def test_a_model_that_knows_the_colours_is_always_right(eurosat: Path) -> None:
    model = painter()
    card = evaluate("classification", "eurosat", eurosat, model=model, protocol="a")
    assert card.samples == 30
    assert card.metrics["top1"].value == card.metrics["mean_class_accuracy"].value == 1
    assert card.metrics["top1"].low == pytest.approx(0.8865, abs=1e-4)
    assert model.asked == [f"a satellite photo of a {word}." for word in model.words]
    assert card.notes == ("30 images are here, 27,000 are published: the scores do not compare with others",)


def test_the_document_is_that_of_the_design(eurosat: Path) -> None:
    document = evaluate("classification", "EuroSAT", eurosat, model=painter()).to_json()
    assert list(document) == ["task", "dataset", "model", "protocol", "samples", "metrics", "notes"]
    assert document["metrics"]["top1"] == {"value": 1.0, "low": pytest.approx(0.886487), "high": 1.0}
    protocol = document["protocol"]
    assert (protocol["name"], protocol["split"], protocol["fit"]) == ("default", "all", "mirror")
    assert protocol["classes"]["SeaLake"] == ["sea or lake"]
    assert not any(protocol[option] for option in ("ensemble", "calibrate", "transductive", "limit"))
    json.dumps(document, allow_nan=False)


def test_the_protocol_of_graft_takes_its_own_split_names_and_padding(eurosat: Path) -> None:
    (eurosat / "eurosat-val.txt").write_text("\n".join(f"{key}_2.jpg" for key in painter(keys=True).words))
    model = painter(keys=True)
    card = evaluate("classification", "eurosat", eurosat, model=model, protocol="graft")
    assert (card.samples, card.metrics["top1"].value) == (10, 1)
    assert model.asked[0] == "A satellite image of AnnualCrop"
    assert (card.protocol["split"], card.protocol["fit"]) == ("val", "black")


def test_options_are_off_by_default_and_named_when_on(eurosat: Path) -> None:
    model = painter()
    options = EvaluateOptions(ensemble=True, calibrate=True, transductive=True, limit=20, batch=7)
    card = evaluate("classification", "eurosat", eurosat, model=model, protocol="a", options=options)
    assert card.protocol["limit"] == 20
    assert all(card.protocol[name] for name in ("ensemble", "calibrate", "transductive"))
    assert card.samples == 20 and len(card.protocol["templates"]) == 106 == len(model.asked) / 10
    assert {name for name, one in card.metrics.items() if one.value is None} == set()
    assert "20 of 30 images were measured" in card.notes


def test_retrieval_by_class_and_by_caption(eurosat: Path) -> None:
    card = evaluate("retrieval", "eurosat", eurosat, model=painter())
    assert card.metrics["map@20"].value == card.metrics["map@100"].value == 1
    words = [f"place {index}x" for index in range(8)]
    rows = []
    for word, colour in zip(words, colours(8), strict=True):
        flat(eurosat / "RSICD_images" / f"{word}.png", colour)
        rows.append({"filename": f"{word}.png", "split": "test", "sentences": [{"raw": word}, {"raw": f"a {word} ."}]})
    (eurosat / "dataset_rsicd.json").write_text(json.dumps({"images": rows}))
    card = evaluate("retrieval", "rsicd", eurosat, model=Painter(words))
    assert card.metrics["mean_recall"].value == 1
    assert card.protocol["templates"] == ["{}"] and card.protocol["classes"] == {}


def test_segmentation_on_windows(tmp_path: Path) -> None:
    """Halves of two classes, at another ground resolution than the model's, with a strip that does not count."""
    words = ["background", "building", "roof", "house", "road", "water", "barren", "forest", "agricultural"]
    model, shades = Painter(words), colours(len(words))
    truth = np.repeat([[4] * 40 + [6] * 40], 64, axis=0)
    truth[:8] = 0
    pixels = np.where((truth == 6)[..., None], shades[7], shades[5]).astype(np.uint8)
    pixels[:8] = shades[5]
    save(tmp_path / "Val/Rural/images_png/1.png", pixels)
    save(tmp_path / "Val/Rural/masks_png/1.png", truth.astype(np.uint8))
    card = evaluate("segmentation", "loveda", tmp_path, model=model, protocol="graft")
    assert card.samples == 1
    for name in ("iou/water", "iou/forest", "miou", "mean_f1", "overall_accuracy"):
        assert card.metrics[name].value == pytest.approx(1, abs=0.01)
    assert card.metrics["iou/road"].value is None and card.metrics["miou"].low is None
    assert card.protocol["classes"]["building"] == ["building", "roof", "house"]
    assert "A satellite image of roof" in model.asked
    assert "iou/road -" in " ".join(card.table().split())


@pytest.mark.parametrize(
    ("error", "match", "change"),
    [
        (InputError, "no data set is called 'mars'", {"dataset": "mars"}),
        (InputError, "no protocol is called 'x'", {"protocol": "x"}),
        (InputError, "eurosat is for classification and retrieval", {"task": "segmentation"}),
        (InputError, "no split 'x'", {"options": EvaluateOptions(split="x")}),
        (InputError, "for classification, not for retrieval", {"options": CALIBRATED, "task": "retrieval"}),
        (InputError, "no ensemble", {"protocol": "graft", "options": EvaluateOptions(ensemble=True)}),
        (SourceError, "there is no folder nowhere; put EuroSAT there, from https", {"data": "nowhere"}),
        (SourceError, "the class folders", {}),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_before_a_model_is_loaded(
    tmp_path: Path, error: type[GeoglotError], match: str, change: dict[str, object]
) -> None:
    given: dict[str, object] = {"task": "classification", "dataset": "eurosat", "data": tmp_path} | change
    with pytest.raises(error, match=match):
        evaluate(**given, model="a model that does not exist")  # type: ignore[arg-type]


def test_a_limit_is_at_least_one_image() -> None:
    with pytest.raises(InputError, match="limit must be at least 1, got 0"):
        EvaluateOptions(limit=0)


def test_a_model_of_more_bands_is_told_that_sets_have_three(eurosat: Path) -> None:
    model = painter()
    model.card = replace(model.card, config={"extra_bands": 1})
    with pytest.raises(InputError, match="pooled colours sees 4 bands; data sets are read as red, green, blue"):
        evaluate("classification", "eurosat", eurosat, model=model)


def test_intervals_hold_what_a_half_blind_model_gets(eurosat: Path) -> None:
    assert isinstance(EUROSAT, FolderPerClass)
    words = list(EUROSAT.words.values())
    model = Painter([*words[5:], *words[:5]])
    card = evaluate("classification", "eurosat", eurosat, model=model)
    for one in card.metrics.values():
        assert one.value is not None and one.low is not None and one.high is not None
        assert 0 <= one.low <= one.value + 1e-9 and one.value <= one.high + 1e-9
    assert card.metrics["top1"].value == 0


def test_a_set_of_ones_own_says_what_its_pixels_measure(tmp_path: Path) -> None:
    root = write_folder(tmp_path, val=1)
    metres = read_card(find_model("mini")).resolution[0] / 4
    (root / "set.toml").write_text(f"resolution = [{metres}, {metres}]\n")
    card = evaluate("segmentation", "folder", root, model="mini")
    assert card.protocol["resolution_m"] == (metres, metres)
    assert card.protocol["coarser"] == pytest.approx(4)  # the finest that mini sees


def test_a_pixel_level_model_retrieves_by_its_best_patch(eurosat: Path) -> None:
    model = painter()
    model.card = replace(model.card, level="pixel")
    card = evaluate("retrieval", "eurosat", eurosat, model=model)
    assert card.protocol["image"] == "best patch" and card.protocol["level"] == "pixel"
    assert card.metrics["map@100"].value == 1
    assert "image" not in evaluate("retrieval", "eurosat", eurosat, model=painter()).protocol
