from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geoglot.datasets.catalogue import DATASETS
from geoglot.datasets.dataset import Scenes
from geoglot.datasets.layout import FolderPerClass
from geoglot.errors import InputError, SourceError
from published import flat, folders

SETS = {name: one for name, one in DATASETS.items() if isinstance(one, FolderPerClass)}
#: Classes, images and root of the archives, as the papers and archives have them
PUBLISHED = {
    "eurosat": (10, 27_000, "2750"),
    "resisc45": (45, 31_500, "NWPU-RESISC45"),
    "aid": (30, 10_000, "AID"),
    "ucmerced": (21, 2_100, "UCMerced_LandUse/Images"),
    "patternnet": (38, 30_400, "PatternNet/images"),
}


def read(name: str, data: Path, split: str = "all") -> Scenes:
    return SETS[name].read(data, split)


def test_all_are_here() -> None:
    assert set(SETS) == set(PUBLISHED)


@pytest.mark.parametrize("name", SETS)
def test_each_reads_its_layout(name: str, tmp_path: Path) -> None:
    classes, images, root = PUBLISHED[name]
    assert SETS[name].splits["all"] == images
    folders(tmp_path / root, list(SETS[name].words), suffix=".tif" if name == "ucmerced" else ".png")
    (tmp_path / root / next(iter(SETS[name].words)) / "Thumbs.db").write_bytes(b"no image")
    scenes = read(name, tmp_path)
    assert len(scenes) == 2 * classes == 2 * len(scenes.classes)
    assert (scenes.shows == np.repeat(np.eye(classes, dtype=bool), 2, axis=0)).all()
    assert scenes.pictures[0]().shape == (3, 32, 32)
    assert all(word == word.lower() and "_" not in word for word in SETS[name].words.values())


def test_the_archive_may_be_unpacked_without_its_top_folder(tmp_path: Path) -> None:
    folders(tmp_path, list(SETS["aid"].words), each=1)
    assert len(read("aid", tmp_path)) == 30


def test_what_is_missing_is_said_with_where_to_get_it(tmp_path: Path) -> None:
    wanted = (
        r"^EuroSAT: the class folders AnnualCrop, Forest \.\.\. in 2750 or EuroSAT_RGB or \. not found .* from https:"
    )
    with pytest.raises(SourceError, match=wanted):
        read("eurosat", tmp_path)
    folders(tmp_path / "2750", list(SETS["eurosat"].words)[:5], each=1)
    with pytest.raises(SourceError, match=r"class folders Pasture, PermanentCrop, Residential \.\.\. not found"):
        read("eurosat", tmp_path)


def test_a_split_is_a_list_of_names(tmp_path: Path) -> None:
    folders(tmp_path / "2750", list(SETS["eurosat"].words))
    with pytest.raises(SourceError, match=r"the list eurosat-val.txt of its split 'val' not found .* torchgeo"):
        read("eurosat", tmp_path, "val")
    with pytest.raises(SourceError, match=r"the list eurosat_img_txt_pairs_test.csv .*SkyScript"):
        read("eurosat", tmp_path, "skyscript")
    (tmp_path / "eurosat-val.txt").write_text("Forest_2.jpg\nSeaLake_1.jpg\n")
    scenes = read("eurosat", tmp_path, "val")
    assert [scenes.classes[index].key for index in scenes.shows.argmax(1)] == ["Forest", "SeaLake"]
    (tmp_path / "eurosat-val.txt").write_text("Other_1.jpg\n")
    with pytest.raises(SourceError, match="images of the split 'val' not found"):
        read("eurosat", tmp_path, "val")


@pytest.mark.parametrize("label", [("brushland or shrubland", "lake or sea"), ("1", "0"), ("²", "9" * 5000)])
def test_skyscript_lists_bring_their_own_class_names(tmp_path: Path, label: tuple[str, str]) -> None:
    folders(tmp_path / "2750", list(SETS["eurosat"].words))
    rows = f"filepath,label\nimg/HerbaceousVegetation_1.jpg,{label[0]}\nimg/SeaLake_2.jpg,{label[1]}\n"
    (tmp_path / "eurosat_img_txt_pairs_test.csv").write_text(rows)
    (tmp_path / "classnames.txt").write_text("lake or sea\nbrushland or shrubland\n")
    scenes = read("eurosat", tmp_path, "skyscript")
    words = [scenes.classes[index].word for index in scenes.shows.argmax(1)]
    assert words == (["brushland or shrubland", "lake or sea"] if label[0] != "²" else list(label))
    (tmp_path / "classnames.txt").unlink()
    if label[0].isdecimal():  # no other names are put in their place
        with pytest.raises(SourceError, match=r"classnames.txt is missing"):
            read("eurosat", tmp_path, "skyscript")
        (tmp_path / "classnames.txt").write_text("lake or sea\n")
        with pytest.raises(SourceError, match=r"has the label 1, and classnames\.txt names 1 classes"):
            read("eurosat", tmp_path, "skyscript")
    else:
        read("eurosat", tmp_path, "skyscript")
    (tmp_path / "eurosat_img_txt_pairs_test.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match="columns filepath and label"):
        read("eurosat", tmp_path, "skyscript")


def test_tasks_and_splits_that_it_does_not_have() -> None:
    with pytest.raises(InputError, match="aid is for classification and retrieval, not for segmentation"):
        SETS["aid"].check("segmentation", "all")
    with pytest.raises(InputError, match="aid has no split 'test'; it has all, skyscript"):
        SETS["aid"].check("retrieval", "test")


def test_a_picture_that_is_none_is_told(tmp_path: Path) -> None:
    folders(tmp_path, list(SETS["aid"].words), each=1)
    bad = flat(tmp_path / "Airport/Airport_1.png", np.zeros(3))
    bad.write_text("nothing")
    with pytest.raises(SourceError, match="cannot be opened as an image"):
        read("aid", tmp_path).pictures[0]()
