from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import Asked
from geoglot.errors import InputError, SourceError


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((16, 16, 3), 99, np.uint8)).save(path)


def write_rsvqa(data: Path, prefix: str, folder: str) -> None:
    """Two active images of three, and one question that is not active."""
    images = [{"id": number, "active": number != 1, "questions_ids": []} for number in (0, 1, 2)]
    rows: list[tuple[int, str, str, str, bool]] = [
        (0, "presence", "Is there a road?", "yes", True),
        (0, "count", "How many roads are there?", "3", True),
        (2, "rural_urban", "Is it a rural or an urban area", "rural", True),
        (2, "comp", "Are there more roads than buildings?", "no", False),
    ]
    questions: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for number, (image, kind, text, answer, active) in enumerate(rows):
        questions.append({"id": number, "img_id": image, "type": kind, "question": text, "answers_ids": [10 + number],
                          "active": active})  # fmt: skip
        answers.append({"id": 10 + number, "question_id": number, "answer": answer, "active": active})
    for name, entries in (("images", images), ("questions", questions), ("answers", answers)):
        (data / f"{prefix}_split_test_{name}.json").write_text(json.dumps({name: entries}))
    for number in (0, 2):
        picture(data / folder / f"{number}.tif")


@pytest.mark.parametrize(("name", "prefix", "folder"), [("rsvqa-lr", "LR", "Images_LR"), ("rsvqa-hr", "USGS", "Data")])
def test_rsvqa(tmp_path: Path, name: str, prefix: str, folder: str) -> None:
    write_rsvqa(tmp_path, prefix, folder)
    asked = dataset_of(name).read(tmp_path, "test")
    assert isinstance(asked, Asked)
    assert [path.name for path in asked.images] == ["0.tif", "2.tif"]
    assert [(one.image, one.kind, one.answer) for one in asked.questions] == [
        (0, "presence", "yes"), (0, "count", "3"), (1, "rural_urban", "rural"),
    ]  # fmt: skip
    assert [one.image for one in asked.take([1]).questions] == [0]
    (tmp_path / folder / "2.tif").unlink()
    with pytest.raises(SourceError, match=r"1 images, the first .*2\.tif"):
        dataset_of(name).read(tmp_path, "test")
    with pytest.raises(SourceError, match="zenodo"):
        dataset_of(name).read(tmp_path, "val")


@pytest.mark.parametrize("lines", ["HRRSD/opt_val_vqa.txt", "RSIVQA/HRRSD/opt_val_vqa.txt", "hrrsd.txt"])
def test_rsivqa(tmp_path: Path, lines: str) -> None:
    path = tmp_path / lines
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("00297: does this picture contain ship?no\n00297: How many ships are there in this picture?0\n"
                    "2.tif:what is the theme of this picture?golf course\n")  # fmt: skip
    folder = path.with_suffix("") if lines == "hrrsd.txt" else path.parent / "images"
    picture(folder / "00297.jpg")
    picture(folder / "2.png")
    asked = dataset_of("rsivqa").read(tmp_path, "hrrsd")
    assert isinstance(asked, Asked)
    assert [(one.image, one.kind, one.answer) for one in asked.questions] == [
        (0, "presence", "no"), (0, "count", "0"), (1, "theme", "golf course"),
    ]  # fmt: skip
    path.write_text("00297 does this picture contain ship\n")
    with pytest.raises(SourceError, match="line 1"):
        dataset_of("rsivqa").read(tmp_path, "hrrsd")


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "test.csv").write_text("image,question,answer\nimages/a.png,Is there a ship?,yes\n")
    asked = dataset_of("questions").read(tmp_path, "test")
    assert isinstance(asked, Asked)
    assert [(one.text, one.kind) for one in asked.questions] == [("Is there a ship?", "all")]
    (tmp_path / "test.csv").write_text("image,question\nimages/a.png,Is there a ship?\n")
    with pytest.raises(SourceError, match="columns"):
        dataset_of("questions").read(tmp_path, "test")
    with pytest.raises(InputError, match="vqa"):
        dataset_of("questions").check("segmentation", "test")


@pytest.mark.parametrize(("key", "value"), [("question", None), ("type", 5)])
def test_what_is_no_text_is_told(tmp_path: Path, key: str, value: object) -> None:
    write_rsvqa(tmp_path, "LR", "Images_LR")
    path = tmp_path / "LR_split_test_questions.json"
    questions = json.loads(path.read_text())["questions"]
    path.write_text(json.dumps({"questions": [question | {key: value} for question in questions]}))
    with pytest.raises(SourceError, match="must be a text"):
        dataset_of("rsvqa-lr").read(tmp_path, "test")


def test_a_sample_of_rsvqa_is_one_file(tmp_path: Path) -> None:
    rows = [
        {"img": 7, "split": "train", "type": "count", "q": "How many roads are there?", "a": "3"},
        {"img": 9, "split": "test", "type": "presence", "q": "Is a road present?", "a": "yes"},
        {"img": 7, "split": "train", "type": "presence", "q": "Is a building present?", "a": "no"},
    ]
    (tmp_path / "LR_qa.json").write_text(json.dumps(rows))
    for number in (7, 9):
        picture(tmp_path / "LR" / f"{number}.tif")
    asked = dataset_of("rsvqa-sample").read(tmp_path, "all")
    assert isinstance(asked, Asked) and [path.name for path in asked.images] == ["7.tif", "9.tif"]
    assert [(one.image, one.answer) for one in asked.questions] == [(0, "3"), (1, "yes"), (0, "no")]
    (tmp_path / "LR_qa.json").write_text('[{"img": 7}]')
    with pytest.raises(SourceError, match="is not a list of questions"):
        dataset_of("rsvqa-sample").read(tmp_path, "all")
