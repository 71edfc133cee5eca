"""Folders of images and labels of strangers: tables, masks, polygons, COCO, YOLO, lists."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fuzz.changes import contents, documents, texts
from fuzz.conftest import Copy
from fuzz.oracle import ends_well, examples
from geoglot.datasets.check import check_splits
from geoglot.datasets.sets.folder import FOLDER
from labelled import write_folder
from published import save

TABLE = 'id,name,colour\n0,background,#000000\n1,building,"rgb(255, 136, 0)"\n2,road,200 10 10\n'
COCO = {
    "info": {"year": 2024}, "licenses": [],
    "images": [{"id": 1, "file_name": "0.png", "height": 64, "width": 64}],
    "categories": [{"id": 1, "name": "building", "supercategory": "thing"}, {"id": 2, "name": "road"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 20, 1, 20, 20, 1, 20]], "bbox": [1, 1, 19, 19], "area": 361, "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 2, "segmentation": {"size": [64, 64], "counts": [100, 200, 3796]}, "bbox": [1, 1, 3, 3], "iscrowd": 1},
        {"id": 3, "image_id": 1, "category_id": 2, "segmentation": {"size": [64, 64], "counts": "dP2S1l0"}, "bbox": [1, 1, 3, 3], "iscrowd": 0},
        {"id": 4, "image_id": 1, "category_id": 2, "bbox": [30, 30, 10, 10], "iscrowd": 0},
    ],
}  # fmt: skip
YOLO = "0 0.5 0.5 0.2 0.1\n1 0.1 0.1 0.4 0.1 0.4 0.4 0.1 0.4\n"
VOC = "0\n"
YAML = {"path": "../data", "train": "images/train", "val": "images/val", "names": {0: "building", 1: "road"}, "nc": 2}


def use(data: Path) -> None:
    FOLDER.resolution_of(data)
    check_splits(FOLDER, data, FOLDER.splits_of(data))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with masks, one with COCO labels, one with YOLO labels, one with lists of images."""
    root = tmp_path_factory.mktemp("sets")
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    write_folder(root / "masks", train=1, val=1)
    (root / "masks" / "set.toml").write_text("resolution = [0.3, 0.5]\n")
    for name in ("coco/val", "yolo/images/val", "yolo/images/train", "voc/JPEGImages"):
        save(root / name / "0.png", image)
    (root / "coco" / "val" / "_annotations.coco.json").write_text(json.dumps(COCO))
    for split in ("val", "train"):
        (root / "yolo" / "labels" / split).mkdir(parents=True)
        (root / "yolo" / "labels" / split / "0.txt").write_text(YOLO)
    (root / "yolo" / "data.yaml").write_text(yaml.safe_dump(YAML))
    save(root / "voc" / "SegmentationClass" / "0.png", (image[..., 0] % 3))
    (root / "voc" / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "voc" / "ImageSets" / "Segmentation" / "val.txt").write_text(VOC)
    (root / "voc" / "classes.csv").write_text(TABLE)
    return {name: root / name for name in ("masks", "coco", "yolo", "voc")}


def test_the_seeds_are_good(sets: dict[str, Path]) -> None:
    for data in sets.values():
        use(data)


@pytest.mark.parametrize(
    ("kind", "file", "seed"),
    [
        ("masks", "classes.csv", "id,name\n0,background\n1,building\n"),
        ("masks", "set.toml", "resolution = [0.3, 0.5]\n"),
        ("voc", "classes.csv", TABLE),
        ("voc", "ImageSets/Segmentation/val.txt", VOC),
        ("yolo", "labels/val/0.txt", YOLO),
        ("yolo", "data.yaml", yaml.safe_dump(YAML)),
    ],
)
def test_texts(kind: str, file: str, seed: str, sets: dict[str, Path], changed_copy: Copy) -> None:
    as_bytes = texts(seed).map(lambda text: text.encode("utf-8", "surrogatepass"))

    @examples(8)
    @given(st.one_of(as_bytes, as_bytes, contents(seed.encode())))
    def check(body: bytes) -> None:
        data = changed_copy(sets[kind], **{file: body})
        ends_well(lambda: use(data))

    check()


def test_coco(sets: dict[str, Path], changed_copy: Copy) -> None:
    @examples(20)
    @given(documents(COCO))
    def check(document: str) -> None:
        data = changed_copy(sets["coco"], **{"val/_annotations.coco.json": document})
        ends_well(lambda: use(data))

    check()


def test_masks(sets: dict[str, Path], changed_copy: Copy) -> None:
    name = "val/masks/0.png"

    @examples(8)
    @given(contents((sets["masks"] / name).read_bytes(), head=80))
    def check(content: bytes) -> None:
        data = changed_copy(sets["masks"], **{name: content})
        ends_well(lambda: use(data))

    check()
