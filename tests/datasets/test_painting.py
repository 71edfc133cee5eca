"""Boxes, outlines and run lengths of YOLO and COCO on an image's pixels."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from geoglot.datasets.coco import CocoLabels, find_image, looks_like_coco, read_coco
from geoglot.datasets.painting import BOXES, CROSSED, CUT, FLAT
from geoglot.datasets.yolo import YoloFile, find_yaml, read_yaml
from geoglot.errors import SourceError
from published import save

ROWS, COLS = 20, 40


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save(tmp_path / "a.png", np.zeros((ROWS, COLS, 3), np.uint8))


def _yolo(image: Path, text: str) -> YoloFile:
    path = image.with_suffix(".txt")
    path.write_text(text, encoding="utf-8-sig")
    return YoloFile(image, path, {0: 1, 3: 2}, 0)


def test_boxes_and_outlines_are_painted_and_boxes_told(image: Path) -> None:
    found = _yolo(image, "0 0.25 0.5 0.25 0.5\n\n3 0.75 0 1 0 1 0.5 0.75 0.5\r\n").read()
    truth = np.zeros((ROWS, COLS), int)
    truth[5:15, 5:15] = 1
    truth[:10, 30:] = 2
    assert (found.ids == truth).all()
    assert found.remarks == {BOXES: 1}


def test_no_text_is_an_image_without_things(image: Path) -> None:
    found = YoloFile(image, None, {}, 0).read()
    assert (found.ids == 0).all()
    assert [number for what, number in found.remarks.items() if "without a label file" in what] == [1]
    assert (_yolo(image, "").read().ids == 0).all()


def test_a_turned_picture_has_its_labels_as_it_is_looked_at(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 6
    Image.fromarray(np.zeros((ROWS, COLS, 3), np.uint8)).save(tmp_path / "a.jpg", exif=tags)
    ids = _yolo(tmp_path / "a.jpg", "0 0.5 0.125 1 0.25\n")()  # the upper quarter, which is stored at the left
    assert (ids[:, :10] == 1).all() and (ids[:, 10:] == 0).all()


def test_what_is_done_to_outlines_is_told(image: Path) -> None:
    crossed = "0 0 0 1 1 1 0 0 1\n"  # two triangles, whose areas would cancel each other
    found = _yolo(image, crossed).read()
    assert found.remarks == {CROSSED: 1} and found.ids.mean() == pytest.approx(0.5, abs=0.1)
    assert _yolo(image, "0 0.5 0.5 0 0.1\n3 0.1 0.1 0.5 0.5 0.9 0.9\n").read().remarks == {BOXES: 1, FLAT: 2}
    things = [{"segmentation": [[0, 0, COLS + 5, 0, COLS + 5, 5, 0, 5]]}, {"segmentation": [[1, 1, 2, 2]]}]
    assert _coco(image, things).read().remarks == {CUT: 1, FLAT: 1}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("7 0.5 0.5 0.1 0.1", "line 1 has the class 7"),
        ("0 0.5 0.5 0.1 0.1 0.9", "5 numbers after the class"),
        ("0 0.5 0.5", "2 numbers after the class"),
        ("0 12 15 4 4", "fractions of the image's sides.*pixels"),
        ("0 nan 0.5 0.1 0.1", "fractions of the image's sides"),
        ("car 0.5 0.5 0.1 0.1", "must be numbers"),
    ],
)
def test_lines_that_are_no_labels_are_told(image: Path, line: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        _yolo(image, line)()


@pytest.mark.parametrize("names", ["[car, tree]", "{0: car, 1: tree}", "\n  0: car\n  1: tree"])
def test_names_of_data_yaml_in_any_form(tmp_path: Path, names: str) -> None:
    (tmp_path / "other.yaml").write_text("a: 1")
    (tmp_path / "data.yaml").write_text(f"train: ../train/images\nval: [a, b]\nnc: 2\nnames: {names}\n")
    path = find_yaml(tmp_path)
    assert path is not None
    facts = read_yaml(path)
    assert facts.names == {0: "car", 1: "tree"}
    assert facts.splits == {"train": "../train/images"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("names: 3", "a list, or numbers"),
        ("names: [a, a]", "must differ"),
        ("names: [a\n", "cannot be read as YAML"),
        ("nc: 3\nnames: [a, b]", "nc: 3, but names 2"),
    ],
)
def test_names_that_are_none_are_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(SourceError, match=told):
        read_yaml(tmp_path / "data.yaml")


def packed(mask: np.ndarray) -> str:
    """COCO's letters of a mask's run lengths, written the other way round from what reads them."""
    flat = np.concatenate([[0], mask.flatten("F").astype(int), [2]])
    runs = np.diff(np.flatnonzero(np.diff(flat)), prepend=0).tolist()
    letters = ""
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        while True:
            bits, value = value & 31, value >> 5
            is_last = (value == 0 and not bits & 16) or (value == -1 and bits & 16)
            letters += chr(48 + bits + (0 if is_last else 32))
            if is_last:
                break
    return letters


def _coco(image: Path, things: list[dict[str, Any]], **size: int) -> CocoLabels:
    path = image.with_suffix(".json")
    facts = {"id": 5, "file_name": image.name, "height": ROWS, "width": COLS} | size
    categories = [{"id": 9, "name": "car", "supercategory": "all"}, {"id": 4, "name": "tree"}, {"id": 0, "name": "all"}]
    rows = [{"image_id": 5, "category_id": 9} | thing for thing in things]
    path.write_text(json.dumps({"images": [facts], "annotations": rows, "categories": categories}))
    file = read_coco(path)
    assert file.names == {4: "tree", 9: "car"}
    shape = (facts["height"], facts["width"])
    return CocoLabels(image, path, shape, file.annotations[5], {4: 1, 9: 2}, 0)


def test_outlines_boxes_and_crowds_of_coco(image: Path) -> None:
    parts = [[0, 0, 10, 0, 10, 5, 0, 5], [20, 10, 30, 10, 30, 15, 20, 15]]
    crowd = np.zeros((ROWS, COLS), bool)
    crowd[15:] = True
    runs = {"size": [ROWS, COLS], "counts": packed(crowd)}
    things = [
        {"segmentation": parts},
        {"segmentation": [], "bbox": [30, 0, 10, 5], "category_id": 4},
        {"segmentation": runs, "iscrowd": 1},
    ]
    found = _coco(image, things).read()
    truth = np.zeros((ROWS, COLS), int)
    truth[:5, :10] = truth[10:15, 20:30] = 2
    truth[:5, 30:] = 1
    truth[15:] = -1
    assert (found.ids == truth).all()
    assert found.remarks == {BOXES: 1}


@pytest.mark.parametrize("seed", range(3))
def test_run_lengths_of_coco(image: Path, seed: int) -> None:
    mask = np.random.default_rng(seed).random((ROWS, COLS)) < (0.5, 0.02, 0.98)[seed]
    flat = np.concatenate([[0], mask.flatten("F").astype(int), [2]])
    plain = np.diff(np.flatnonzero(np.diff(flat)), prepend=0).tolist()
    for counts in (packed(mask), plain):
        ids = _coco(image, [{"segmentation": {"size": [ROWS, COLS], "counts": counts}}])()
        assert (ids == mask * 2).all()


@pytest.mark.parametrize(
    ("thing", "size", "told"),
    [
        ({"bbox": [100, 0, 10, 5]}, {}, r"a shape from 100\.0, 0\.0 to 110\.0, 5\.0 px, outside"),
        ({"bbox": [0, 0, 10, 5]}, {"width": 80}, "has 20 x 40 px, but .* says 20 x 80"),
        ({"bbox": [0, 0, 10]}, {}, "invalid annotation"),
        ({"bbox": [float("nan"), 0, 10, 5]}, {}, "corners that are not numbers"),
        ({"segmentation": [[float("nan"), 0, 10, 5, 3, 3]]}, {}, "corners that are not numbers"),
        ({}, {}, "invalid annotation"),
        ({"segmentation": {"size": [ROWS, COLS], "counts": [5, 5]}}, {}, "run lengths"),
    ],
)
def test_annotations_that_do_not_fit_are_told(
    image: Path, thing: dict[str, Any], size: dict[str, int], told: str
) -> None:
    with pytest.raises(SourceError, match=told):
        _coco(image, [thing], **size)()


def test_files_that_are_no_coco_are_told(tmp_path: Path) -> None:
    for text in ("{", "[]", '{"images": [], "annotations": [], "categories": 3}'):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(SourceError, match="is not a COCO file"):
            read_coco(tmp_path / "a.json")


def test_annotations_of_nothing_are_told(tmp_path: Path) -> None:
    image, thing = {"id": 1, "file_name": "a.png", "height": 4, "width": 4}, {"image_id": 1, "category_id": 1}
    whole = {"images": [image], "annotations": [thing, thing | {"image_id": 2}], "categories": [{"id": 1, "name": "a"}]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(whole))
    assert read_coco(path).strays == 1
    changes: list[dict[str, Any]] = [
        {"images": [image | {"id": "1"}]},
        {"images": [image, image | {"file_name": "b.png"}]},
        {"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]},
    ]
    for change, told in zip(changes, ("no annotation of", "one id for two", "one id for two"), strict=True):
        path.write_text(json.dumps(whole | change))
        with pytest.raises(SourceError, match=told):
            read_coco(path)


def test_an_image_is_found_by_the_paths_of_other_machines(tmp_path: Path) -> None:
    folders = (tmp_path / "train", tmp_path)
    image = save(tmp_path / "train" / "north" / "a.png", np.zeros((2, 2, 3), np.uint8))
    other = save(tmp_path / "train" / "b.png", np.zeros((2, 2, 3), np.uint8))
    for name in ("north/a.png", "north\\a.png", "train/north/a.png"):
        assert find_image(name, folders, tmp_path) == image
    for name in ("b.png", "C:\\data\\b.png", "/home/me/b.png"):
        assert find_image(name, folders, tmp_path) == other
    for name in ("c.png", "", "c" * 5000, "a\0"):
        assert find_image(name, folders, tmp_path) is None
    assert find_image(str(image), folders, tmp_path / "val") is None


def test_yaml_that_multiplies_itself_is_refused(tmp_path: Path) -> None:
    lines = ["a: &a [x, x, x]", *(f"{after}: &{after} [*{this}, *{this}]" for this, after in pairwise("abcdef"))]
    (tmp_path / "data.yaml").write_text("\n".join([*lines, "names: *f"]))
    with pytest.raises(SourceError, match="aliases"):
        read_yaml(tmp_path / "data.yaml")


def test_run_lengths_and_outlines_that_never_end_are_refused(image: Path) -> None:
    with Image.open(image) as picture:
        size = list(picture.size[::-1])
    for outline in ({"size": size, "counts": "o" * 1_000_000}, {"size": size, "counts": [10**30]}, [[1e400] * 6]):
        labels = CocoLabels(image, image, tuple(size), [{"category_id": 1, "segmentation": outline}], {1: 1}, 0)
        with pytest.raises(SourceError, match="invalid annotation"):
            labels.read()


def test_a_pipe_is_no_annotation_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    assert not looks_like_coco(tmp_path / "a.json")
