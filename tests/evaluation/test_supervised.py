"""Trained segmenters on data sets: figures, and archives for servers."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score, MulticlassJaccardIndex

from geoglot.cli.main import cli
from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.layout import MaskedImages
from geoglot.errors import InputError, SourceError
from geoglot.evaluation.evaluate import evaluate
from geoglot.evaluation.metrics import confusion
from geoglot.evaluation.submit import check_archive, write_submission
from geoglot.models.segmenter import Segmenter
from geoglot.training.mask_objective import segmentation_metrics
from labelled import NAMES, write_folder
from published import save
from tinysegclip import stored_segmenter, tiny_segmenter

LOVEDA, UAVID = dataset_of("loveda"), dataset_of("uavid-8")


def test_figures_are_those_of_torchmetrics_with_pixels_to_ignore() -> None:
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(-1, 7, (4, 40, 50)), rng.integers(0, 7, (4, 40, 50))
    figures = segmentation_metrics(
        sum(confusion(one, other, 7) for one, other in zip(truth, guess, strict=True)), list(NAMES)
    )  # type: ignore[arg-type]
    seen, wanted = torch.from_numpy(guess), torch.from_numpy(truth)
    for name, metric in {
        "miou": MulticlassJaccardIndex(7, ignore_index=-1),
        "mean_f1": MulticlassF1Score(7, average="macro", ignore_index=-1),
        "overall_accuracy": MulticlassAccuracy(7, average="micro", ignore_index=-1),
    }.items():
        assert figures[name] == pytest.approx(float(metric(seen, wanted)), abs=1e-6)
    each = MulticlassJaccardIndex(7, average="none", ignore_index=-1)(seen, wanted).tolist()
    assert [figures[f"iou/{name}"] for name in NAMES] == pytest.approx(each, abs=1e-6)


class RedSegmenter(Segmenter):
    """Knows the set of `labelled`: a class is as red as its number says."""

    def __init__(self) -> None:
        made = tiny_segmenter()
        super().__init__(made.card, made.network)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        reds = torch.arange(7).view(1, 7, 1, 1) * 36 / 255
        mean = torch.nn.functional.avg_pool2d(pixels[:, :1], 4)
        return -100 * (mean - reds).abs()


def test_a_segmenter_that_knows_has_full_marks(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    card = evaluate("segmentation", "folder", root, model=RedSegmenter())
    assert card.protocol["name"] == "supervised" and card.samples == 2
    assert card.metrics["miou"].value > 0.99
    assert set(card.metrics) >= {f"iou/{name}" for name in NAMES}


def test_labelled_pixels_without_data_count_as_wrong_and_are_told(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    whole = evaluate("segmentation", "folder", root, model=RedSegmenter())
    assert not any("no data" in note for note in whole.notes)
    shown = sum(int((read() >= 0).sum()) for read in dataset_of("folder").read(root, "val").masks)
    first = sorted((root / "val/images").iterdir())[0]
    with Image.open(first) as opened:
        picture = opened.convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, picture.width // 2, picture.height))
    picture.save(first)
    labels = dataset_of("folder").read(root, "val").masks[0]()
    hidden = int((labels[:, : picture.width // 2] >= 0).sum())
    card = evaluate("segmentation", "folder", root, model=RedSegmenter())
    assert card.metrics["overall_accuracy"].value == pytest.approx(1 - hidden / shown, abs=0.01)
    [note] = [note for note in card.notes if "no data" in note]
    assert note.startswith(f"{hidden / shown:.1%} of the labelled pixels count as wrong")


def test_a_segmenter_of_other_classes_is_refused(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    (root / "classes.csv").write_text("id,name\n" + "".join(f"{i},class {i}\n" for i in range(7)))
    with pytest.raises(InputError, match="measure it on a set of its own classes"):
        evaluate("segmentation", "folder", root, model=tiny_segmenter())
    from published import folders

    folders(tmp_path / "AID", ["Airport"], each=1)
    with pytest.raises(InputError, match="only be measured at segmentation"):
        evaluate("classification", "aid", _aid(tmp_path / "aid"), model=tiny_segmenter())


def _aid(root: Path) -> Path:
    from geoglot.datasets.sets.class_folders import AID
    from published import folders

    folders(root / "AID", list(AID.words), each=1)
    return root


def test_the_command_scores_a_checkpoint(tmp_path: Path) -> None:
    folder, root = stored_segmenter(tmp_path / "model"), write_folder(tmp_path / "set")
    words = ["evaluate", "segmentation", "folder", "--data", str(root), "--model", str(folder), "--flips", "all"]
    ran = CliRunner().invoke(cli, [*words, "--json", "-q"])
    assert ran.exit_code == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["protocol"]["flips"] == "all" and 0 <= told["metrics"]["miou"]["value"] <= 1
    assert told["protocol"]["window_px"] == [64]
    assert ", windows of 64 px" in CliRunner().invoke(cli, [*words, "-q"]).stdout.splitlines()[0]


def loveda_test(root: Path) -> list[Path]:
    rng = np.random.default_rng(1)
    return [
        save(root / f"Test/{kind}/images_png/{name}.png", rng.integers(0, 255, (64, 96, 3), dtype=np.uint8))
        for kind, name in (("Urban", 4191), ("Rural", 5000))
    ]


def test_an_archive_for_loveda_holds_ids_at_its_root(tmp_path: Path) -> None:
    loveda_test(tmp_path)
    made = write_submission("loveda", tmp_path, tmp_path / "maps.zip", model=tiny_segmenter())
    assert made.images == 2
    with zipfile.ZipFile(made.path) as archive:
        assert sorted(archive.namelist()) == ["4191.png", "5000.png"]
        with archive.open("5000.png") as file, Image.open(file) as stored:
            assert (stored.mode, stored.size) == ("L", (96, 64))
            assert np.asarray(stored).max() <= 6


def test_an_archive_for_uavid_holds_colours_by_sequence(tmp_path: Path) -> None:
    save(tmp_path / "uavid_test/seq21/Images/000100.png", np.zeros((64, 64, 3), np.uint8))
    assert isinstance(UAVID, MaskedImages)
    names = tuple(one.name for one in UAVID.classes)
    model = _with_classes(names)
    made = write_submission("uavid-8", tmp_path, tmp_path / "maps.zip", model=model)
    palette = {value for one in UAVID.classes for value in one.values}
    with zipfile.ZipFile(made.path) as archive, archive.open("seq21/Labels/000100.png") as file:
        pixels = np.asarray(Image.open(file))
    assert {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()} <= palette


def _with_classes(names: tuple[str, ...]) -> Segmenter:
    from geoglot.models.segclip.segclip import SegClip
    from tinysegclip import tiny_config

    network = SegClip(dataclasses.replace(tiny_config(queries=20), classes=names))
    made = tiny_segmenter()
    card = dataclasses.replace(made.card, config={**made.card.config, "classes": names})
    return Segmenter(card, network).eval()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("missing", "lacks 1 maps"),
        ("folder", "lacks 2 maps"),
        ("more", "which is no map"),
        ("size", "px; the image is"),
        ("ids", "one band of ids 0..6"),
        ("colours", "one band of ids 0..6"),
    ],
)
def test_archives_that_a_server_would_not_take_are_told(tmp_path: Path, change: str, said: str) -> None:
    images = loveda_test(tmp_path)
    shape = (64, 64) if change == "size" else (64, 96, 3) if change == "colours" else (64, 96)
    png = save(tmp_path / "a.png", np.full(shape, 7 if change == "ids" else 3, np.uint8)).read_bytes()
    path = tmp_path / "maps.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for image in images[: 1 if change == "missing" else 2]:
            archive.writestr(f"maps/{image.name}" if change == "folder" else image.name, png)
        if change == "more":
            archive.writestr("notes.txt", "hello")
    assert isinstance(LOVEDA, MaskedImages)
    with pytest.raises(SourceError, match=said):
        check_archive(path, LOVEDA, images)


def test_wishes_that_no_server_has_are_told(tmp_path: Path) -> None:
    for dataset, output, said in (
        ("isaid", "m.zip", "no server takes"),
        ("loveda", "m.tar", r"must be a \.zip"),
        ("aid", "m.zip", "no server takes"),
    ):
        loveda_test(tmp_path)
        with pytest.raises(InputError, match=said):
            write_submission(dataset, tmp_path, tmp_path / output, model=tiny_segmenter())
