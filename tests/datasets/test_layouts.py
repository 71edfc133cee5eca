"""Sets of one's own in the layouts and under the names that people have: what belongs together, what is left out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np
import pytest
from PIL import Image

from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.check import check_once, check_set, check_splits
from geoglot.datasets.dataset import Mapped
from geoglot.datasets.pairing import find_files, pair
from geoglot.errors import SourceError
from labelled import write_folder
from published import save

FOLDER = dataset_of("folder")
SIDE = 8


def picture(path: Path, seed: int = 0) -> Path:
    return save(path, np.random.default_rng(seed).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8))


def mask(path: Path, value: int = 1) -> Path:
    return save(path, np.eye(SIDE, dtype=np.uint8) * value)


def table(root: Path, names: Sequence[str] = ("background", "house")) -> None:
    root.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{index},{name}\n" for index, name in enumerate(names))
    (root / "classes.csv").write_text(f"id,name\n{rows}", encoding="utf-8")


def stems(found: Mapped, root: Path) -> list[str]:
    return [image.relative_to(root).as_posix() for image in found.images]


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("train/images/{}.png", "train/masks/{}.png"),
        ("train/Images/{}.PNG", "train/Labels/{}.PNG"),
        ("train/images/{}.jpeg", "train/masks/{}.TIFF"),
        ("train/images/{}.webp", "train/masks/{}_mask.png"),
        ("train/images/{}.tif", "train/masks/mask_{}.png"),
        ("train/images/img_{}.png", "train/gt/gt_{}.png"),
        ("train/images/{}_sat.jpg", "train/masks/{}_mask.png"),
        ("train/images/{}.jpg", "train/masks/{}.jpg.png"),
        ("train/images/north/{}.png", "train/masks/north/{}-label.png"),
        ("img_dir/train/{}.png", "ann_dir/train/{}.png"),
        ("images/training/{}.png", "annotations/training/{}.png"),
        ("train/{}.jpg", "train/{}_mask.png"),
        ("train/images/{}_sat.jpg", "train/images/{}_mask.png"),
    ],
)
def test_images_and_masks_belong_together_whatever_they_are_called(tmp_path: Path, images: str, masks: str) -> None:
    table(tmp_path)
    names = ("a", "März [1] (copy)", "c_1")
    for index, name in enumerate(names):
        picture(tmp_path / images.format(name), index)
        mask(tmp_path / masks.format(name))
    found = FOLDER.read(tmp_path, "train")
    assert stems(found, tmp_path) == sorted(images.format(name) for name in names)
    assert all((read() == np.eye(SIDE)).all() for read in found.masks)
    assert found.notes == ()


def test_pairing_looks_up_each_file_a_few_times_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups, number, hash_of = [0], 200, PurePath.__hash__
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for index in range(number):
            (tmp_path / folder / f"{index}.png").touch()

    def counting(path: PurePath) -> int:
        lookups[0] += 1
        return hash_of(path)

    monkeypatch.setattr(PurePath, "__hash__", counting)
    assert len(pair(tmp_path / "images", [tmp_path / "masks"]).images) == number
    assert lookups[0] < 20 * number


def test_letters_of_a_mac_are_those_of_others(tmp_path: Path) -> None:
    table(tmp_path)
    picture(tmp_path / "train/images/Ma\u0308rz.png")
    mask(tmp_path / "train/masks/M\u00e4rz.png")
    assert len(FOLDER.read(tmp_path, "train")) == 1


def test_folders_below_are_read_and_what_a_system_keeps_is_passed_over(tmp_path: Path) -> None:
    root = write_folder(tmp_path, train=1)
    for kind in ("images", "masks"):
        shutil.copytree(root / "train" / kind, root / "train" / kind / "south")
        for name in ("._0.png", ".DS_Store", "Thumbs.db", "0.png.aux.xml", ".ipynb_checkpoints/0.png"):
            path = root / "train" / kind / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"\0\5\x16\7")
    found = FOLDER.read(root, "train")
    assert stems(found, root) == ["train/images/0.png", "train/images/south/0.png"]
    assert found.notes == ()


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    root = write_folder(tmp_path, train=1)
    (root / "train/images/b.bmp").write_bytes(b"BM")
    mask(root / "train/masks/9.png")
    picture(root / "test/images/0.png")
    notes = check_set(FOLDER, root, "train").notes
    assert [note.partition(",")[0] for note in notes if "left out" in note] == [
        f"1 file is left out of {root / 'train/images'}",
        "1 label file is left out because no image has such a name",
        "the split test has no labels and is left out; geoglot segment maps its images",
    ]


@pytest.mark.parametrize(
    ("images", "masks", "told"),
    [
        (
            ["a.png", "b.png", "c.png"],
            ["a.png", "x.png"],
            r"b\.png and 1 more images have no mask: .*b\.png.*there is .*x\.png",
        ),
        (["a.png"], ["a_houses.png"], r"a\.png has no mask: .*there is .*a_houses\.png"),
        (["a.png"], ["a.png", "a.tif"], "two label files"),
        (["a.png"], ["a_mask.png", "mask_a.png"], "two label files"),
        (["a.png", "a_sat.png"], ["a_mask.png"], r"a_mask\.png may belong to"),
        (["a.png", "a.jpg"], ["a.png"], "two images in .* are called a"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_is_there(
    tmp_path: Path, images: list[str], masks: list[str], told: str
) -> None:
    table(tmp_path)
    for name in images:
        picture(tmp_path / "train/images" / name)
    for name in masks:
        mask(tmp_path / "train/masks" / name)
    with pytest.raises(SourceError, match=told):
        FOLDER.read(tmp_path, "train")


def test_splits_that_are_not_there_or_have_no_masks_are_told(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    picture(root / "test/images/0.png")
    assert FOLDER.splits_of(root) == ("val", "train")
    with pytest.raises(SourceError, match=r"the split test .* has images but no masks .* geoglot segment maps images"):
        FOLDER.read(root, "test")
    with pytest.raises(SourceError, match=r"the splits of .* are val, train, test"):
        FOLDER.read(root, "tset")
    (root / "val").rename(root / "valid")
    assert len(FOLDER.read(root, "val")) == 2


def test_a_set_without_splits_is_one(tmp_path: Path) -> None:
    table(tmp_path)
    picture(tmp_path / "images/north/a.png")
    mask(tmp_path / "masks/north/a.png")
    assert FOLDER.splits_of(tmp_path) == ("all",)
    assert len(FOLDER.read(tmp_path, "all")) == 1


def test_splits_that_are_lists(tmp_path: Path) -> None:
    table(tmp_path)
    for name in "abc":
        picture(tmp_path / f"JPEGImages/{name}.jpg")
    for name in "ab":
        mask(tmp_path / f"SegmentationClass/{name}.png")
    (tmp_path / "ImageSets/Segmentation").mkdir(parents=True)
    for name, listed in (("train", "a\r\n"), ("val", "b\n\n")):
        (tmp_path / f"ImageSets/Segmentation/{name}.txt").write_text(listed)
    assert FOLDER.splits_of(tmp_path) == ("val", "train")
    assert stems(FOLDER.read(tmp_path, "val"), tmp_path) == ["JPEGImages/b.jpg"]
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("b\nz\n")
    with pytest.raises(SourceError, match=r"names 1 images that are not in .*, the first z"):
        FOLDER.read(tmp_path, "val")


def test_texts_of_yolo_among_the_images(tmp_path: Path) -> None:
    table(tmp_path, ["car"])
    for name in "ab":
        picture(tmp_path / f"train/{name}.jpg")
    (tmp_path / "train/a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    found = FOLDER.read(tmp_path, "train")
    assert [(read() == 1).sum() for read in found.masks] == [16, 0]
    assert [one.name for one in found.classes] == ["background", "car"]
    assert found.notes == ()


def test_a_folder_in_no_layout_is_told(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    picture(root / "more/a.png")
    assert any(f"the folder {root / 'more'} holds images" in note for note in FOLDER.read(root, "train").notes)


@pytest.mark.parametrize("layout", ["images/{}", "{}/images"])
def test_yolo_in_both_layouts(tmp_path: Path, layout: str) -> None:
    for split in ("train", "valid"):
        for name in "ab":
            picture(tmp_path / layout.format(split) / f"{name}.jpg")
        path = tmp_path / layout.replace("images", "labels").format(split) / "a.txt"
        path.parent.mkdir(parents=True)
        path.write_text("0 0.5 0.5 0.5 0.5\n")
        (path.parent / "classes.txt").write_text("car\n")
    (tmp_path / "data.yaml").write_text(
        "path: /content/x\ntrain: ../train/images\nval: ../valid/images\nnames: [car]\n"
    )
    assert FOLDER.splits_of(tmp_path) == ("valid", "train")
    found = FOLDER.read(tmp_path, "val")
    assert [one.name for one in found.classes] == ["background", "car"]
    assert [(read() == 1).sum() for read in found.masks] == [16, 0]
    assert len(check_set(FOLDER, tmp_path, "train").notes) == 2  # boxes, and an image without a text
    (tmp_path / "data.yaml").unlink()
    with pytest.raises(SourceError, match=r"neither data\.yaml .* nor classes\.csv"):
        FOLDER.read(tmp_path, "val")
    table(tmp_path, ["car"])
    assert [one.name for one in FOLDER.read(tmp_path, "val").classes] == ["background", "car"]


@pytest.mark.parametrize(
    ("images", "annotations"),
    [
        ("train/{}.jpg", "train/_annotations.coco.json"),
        ("train2017/{}.jpg", "annotations/instances_train2017.json"),
        ("images/train/{}.jpg", "annotations/train.json"),
        ("train/{}.jpg", "train.json"),
        ("train/images/{}.jpg", "train/annotations.json"),
    ],
)
def test_coco_in_its_layouts(tmp_path: Path, images: str, annotations: str) -> None:
    for name in "ab":
        picture(tmp_path / images.format(name))
    rows = [
        {"id": number, "file_name": f"{name}.jpg", "height": SIDE, "width": SIDE} for number, name in enumerate("abc")
    ]
    thing = {"image_id": 1, "category_id": 7, "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4]], "bbox": [0, 0, 4, 4]}
    path = tmp_path / annotations
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"images": rows, "annotations": [thing], "categories": [{"id": 7, "name": "car"}]}))
    assert FOLDER.splits_of(tmp_path) == ("train",)
    found = FOLDER.read(tmp_path, "train")
    assert [one.name for one in found.classes] == ["background", "car"]
    assert [(read() == 1).sum() for read in found.masks] == [0, 16]
    assert "1 images of" in found.notes[0] and "c.jpg" in found.notes[0]
    assert check_set(FOLDER, tmp_path, "train").faults == ()
    picture(tmp_path / images.format("c"))
    assert FOLDER.read(tmp_path, "train").notes == ()
    picture(tmp_path / images.format("d"))
    assert [note[:10] for note in FOLDER.read(tmp_path, "train").notes] == ["1 images i"]


@pytest.mark.parametrize("name", ["background", "Background", "BACKGROUND"])
@pytest.mark.parametrize("kind", ["yolo", "coco"])
def test_ground_outside_all_objects_is_the_background_however_it_is_spelled(
    tmp_path: Path, kind: str, name: str
) -> None:
    picture(tmp_path / "train/images/a.png")
    table(tmp_path, [name, "car"])
    labels = tmp_path / "train/labels/a.txt"
    if kind == "yolo":
        content = "1 0.25 0.25 0.5 0.5\n"
    else:
        labels = tmp_path / "train/annotations.json"
        thing = {"id": 1, "image_id": 0, "category_id": 7, "bbox": [0, 0, 4, 4]}
        image = {"id": 0, "file_name": "a.png", "height": SIDE, "width": SIDE}
        content = json.dumps({"images": [image], "annotations": [thing], "categories": [{"id": 7, "name": "car"}]})
    labels.parent.mkdir(exist_ok=True)
    labels.write_text(content)
    ids = FOLDER.read(tmp_path, "train").masks[0]()
    assert (ids == 1).sum() == 16 and (ids == 0).sum() == SIDE**2 - 16


def test_black_and_white_masks_are_told_with_what_to_do(tmp_path: Path) -> None:
    table(tmp_path)
    for split, seed in (("train", 0), ("val", 1)):
        picture(tmp_path / split / "images/a.png", seed)
        mask(tmp_path / split / "masks/a.png", 255)
    checked = check_set(FOLDER, tmp_path, "train")
    assert "that counts is background" in checked.faults[0] and "masks of 0 and 255" in checked.faults[0]
    with pytest.raises(SourceError, match="masks of 0 and 255"):
        check_once(FOLDER, tmp_path, "train", tmp_path / "stamp.json")
    (tmp_path / "classes.csv").write_text("id;name;color\n0;background;#000000\n1;house;255 255 255\n")
    checked = check_set(FOLDER, tmp_path, "train")
    assert checked.is_whole and checked.pixels == {"background": SIDE * (SIDE - 1), "house": SIDE}


def test_a_class_that_train_never_shows_is_not_whole(tmp_path: Path) -> None:
    table(tmp_path, ["background", "house", "lake"])
    for split, seed in (("train", 0), ("val", 1)):
        picture(tmp_path / split / "images/a.png", seed)
        mask(tmp_path / split / "masks/a.png")
    val, train = check_splits(FOLDER, tmp_path, ["val", "train"])
    assert (val.is_whole, train.is_whole, train.unseen) == (True, False, ("lake",))
    assert check_once(FOLDER, tmp_path, "train", tmp_path / "stamp.json").notes == ("no pixel of train is lake",)
    assert check_once(FOLDER, tmp_path, "train", tmp_path / "stamp.json").notes == ("no pixel of train is lake",)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_images_of_val_that_are_in_train_too_are_told(tmp_path: Path, suffix: str) -> None:
    """Byte for byte, or packed anew."""
    root = write_folder(tmp_path)
    Image.open(root / "train/images/2.png").save(root / f"val/images/copy.{suffix}")
    shutil.copy(root / "train/masks/2.png", root / "val/masks/copy.png")
    val, train = check_splits(FOLDER, root, ["val", "train"])
    assert train.faults == ()
    assert val.faults[0].startswith(
        f"1 of 3 images of val is also in train (the first is {root}/val/images/copy.{suffix}"
    )


def test_one_damaged_file_does_not_hide_the_others(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    for kind, name in (("images", "0"), ("masks", "1")):
        path = root / "train" / kind / f"{name}.png"
        path.write_bytes(path.read_bytes()[:-20])
    faults = check_set(FOLDER, root, "train").faults
    assert ["images/0.png" in faults[0], "masks/1.png" in faults[1], len(faults)] == [True, True, 2]


def test_a_link_that_leads_back_is_followed_once(tmp_path: Path) -> None:
    picture(tmp_path / "a/1.png")
    (tmp_path / "a/again").symlink_to(tmp_path / "a")
    assert len(find_files(tmp_path / "a", {".png"}).files) == 1


BOX = "0 0.5 0.5 0.5 0.5\n"


def yolo(root: Path, facts: str, *images: str) -> Path:
    for index, name in enumerate(images):
        picture(root / name, index)
        label = root / name.replace("images", "labels").replace(".png", ".TXT" if index % 2 else ".txt")
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text(BOX)
    (root / "data.yaml").write_text(f"names: [house]\n{facts}\n")
    return root


def test_splits_are_those_of_data_yaml(tmp_path: Path) -> None:
    facts = "train: [north/images]\nval: /elsewhere/images\ntest: ../south/images"
    root = yolo(tmp_path, facts, "north/images/a.png", "south/images/b.png", "south/images/c.png")
    assert FOLDER.splits_of(root) == ("train", "test")
    assert stems(FOLDER.read(root, "test"), root) == ["south/images/b.png", "south/images/c.png"]


def test_splits_are_the_lists_of_data_yaml(tmp_path: Path) -> None:
    root = yolo(tmp_path, "train: t.txt\nval: v.txt", "images/a.png", "images/b.png", "images/c.png")
    (root / "t.txt").write_text("./images/a.png\n./images/b.png\n")
    (root / "v.txt").write_text("/home/me/images/c.png\n")
    assert FOLDER.splits_of(root) == ("val", "train")
    assert stems(FOLDER.read(root, "train"), root) == ["images/a.png", "images/b.png"]
    assert stems(FOLDER.read(root, "val"), root) == ["images/c.png"]


def test_one_folder_for_two_splits_is_told(tmp_path: Path) -> None:
    root = yolo(tmp_path, "train: train/images\nval: train/images", "train/images/a.png")
    faults = [fault for checked in check_splits(FOLDER, root, ("train", "val")) for fault in checked.faults]
    assert len(faults) == 1 and "also in train" in faults[0]
    root = yolo(tmp_path / "many", "train: [a/images, b/images]", "a/images/a.png", "b/images/b.png")
    assert any("several folders for train" in note for note in check_set(FOLDER, root, "a").notes)


def test_annotations_among_labels_are_of_coco(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    thing = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4]}
    whole = {"annotations": [thing], "categories": [{"id": 1, "name": "house"}]}
    whole["images"] = [{"id": 1, "file_name": "a.png", "height": SIDE, "width": SIDE}]
    path = tmp_path / "annotations" / "instances_default.json"
    path.parent.mkdir()
    path.write_text(json.dumps(whole))
    assert check_set(FOLDER, tmp_path, "all").pixels == {"background": 48, "house": 16}
    path.write_text(
        json.dumps(whole | {"images": [whole["images"][0], whole["images"][0] | {"id": 2, "file_name": "/x/a.png"}]})
    )
    with pytest.raises(SourceError, match="twice"):
        FOLDER.read(tmp_path, "all")
    path.write_text(json.dumps(whole | {"images": [], "annotations": []}))
    with pytest.raises(SourceError, match="names no images"):
        FOLDER.read(tmp_path, "all")
