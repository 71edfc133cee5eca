from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geoglot.datasets.catalogue import DATASETS
from geoglot.datasets.classes import MapClass
from geoglot.datasets.layout import MaskedImages
from geoglot.errors import InputError, SourceError
from published import save

SETS = {name: one for name, one in DATASETS.items() if isinstance(one, MaskedImages) and one.classes}
_VAIHINGEN = "ISPRS_semantic_labeling_Vaihingen_ground_truth_eroded_COMPLETE"
#: An image and its mask, another image that is not of the split, and the value that does not count
PUBLISHED = {
    "loveda": ("Val/Urban/images_png/3514.png", "Val/Urban/masks_png/3514.png", "Train/Rural/images_png/1.png", 0),
    "openearthmap": (
        "OpenEarthMap_wo_xBD/koeln/images/koeln_50.tif", "OpenEarthMap_wo_xBD/koeln/labels/koeln_50.tif",
        "OpenEarthMap_wo_xBD/koeln/images/koeln_1.tif", 0,
    ),
    "potsdam": (
        "2_Ortho_RGB/top_potsdam_2_13_RGB.tif", "5_Labels_all_noBoundary/top_potsdam_2_13_label_noBoundary.tif",
        "2_Ortho_RGB/top_potsdam_2_10_RGB.tif", (0, 0, 0),
    ),
    "vaihingen": (
        "top/top_mosaic_09cm_area2.tif", f"{_VAIHINGEN}/top_mosaic_09cm_area2_noBoundary.tif",
        "top/top_mosaic_09cm_area1.tif", (0, 0, 0),
    ),
    "uavid": ("uavid_val/seq16/Images/000000.png", "uavid_val/seq16/Labels/000000.png", "uavid_train/a.png", (9, 9, 9)),
    "uavid-8": (
        "uavid_val/seq16/Images/000000.png", "uavid_val/seq16/Labels/000000.png", "uavid_train/a.png", (9, 9, 9),
    ),
    "isaid": (
        "val/images/P0003.png", "val/Semantic_masks/images/P0003_instance_color_RGB.png", "train/images/P0001.png",
        (9, 9, 9),
    ),
    "satlas": ("test/images/5_7.tif", "test/land_cover/5_7.png", "train/images/1_2.png", 0),
}  # fmt: skip


def write(name: str, root: Path) -> np.ndarray:
    """One image of the split with a mask of every value of every class, then some that do not count."""
    image, mask, other, ignored = PUBLISHED[name]
    pairs = [(index, value) for index, one in enumerate(SETS[name].classes) for value in one.values]
    shown = np.array([[value for _, value in pairs] + [ignored]] * 3, np.uint8)
    save(root / mask, shown)
    for path in (image, other):
        save(root / path, np.zeros((*shown.shape[:2], 3), np.uint8))
    if SETS[name].list_file:
        (root / SETS[name].list_file).write_text(Path(image).name + "\n")
    return np.array([[index for index, _ in pairs] + [-1]] * 3)


def test_all_are_here() -> None:
    assert set(SETS) == set(PUBLISHED)


@pytest.mark.parametrize("name", SETS)
def test_each_reads_its_layout(name: str, tmp_path: Path) -> None:
    truth = write(name, tmp_path)
    split = next(iter(SETS[name].splits))
    found = SETS[name].read(tmp_path, split)
    assert [path.relative_to(tmp_path).as_posix() for path in found.images] == [PUBLISHED[name][0]]
    assert (found.masks[0]() == truth).all()
    assert [one.name for one in found.classes] == [one.name for one in SETS[name].classes]
    assert all(one.words for one in found.classes)


@pytest.mark.parametrize("name", SETS)
def test_what_is_missing_is_said(name: str, tmp_path: Path) -> None:
    split = next(iter(SETS[name].splits))
    with pytest.raises(SourceError, match=rf"^{SETS[name].title}: .* not found in .*; get the data set from http"):
        SETS[name].read(tmp_path, split)
    write(name, tmp_path)
    (tmp_path / PUBLISHED[name][1]).unlink()
    with pytest.raises(SourceError, match=f"1 masks, the first {PUBLISHED[name][1]}, not found"):
        SETS[name].read(tmp_path, split)


def test_counts_are_those_of_the_papers() -> None:
    classes = {name: len(one.classes) for name, one in SETS.items()}
    assert classes == {
        "openearthmap": 8,
        "loveda": 7,
        "potsdam": 6,
        "vaihingen": 6,
        "uavid": 7,
        "uavid-8": 8,
        "isaid": 16,
        "satlas": 11,
    }
    assert {name: len(SETS[name].stems) for name in ("potsdam", "vaihingen")} == {"potsdam": 14, "vaihingen": 17}


def test_a_mask_of_something_else_is_told(tmp_path: Path) -> None:
    write("loveda", tmp_path)
    save(tmp_path / PUBLISHED["loveda"][1], np.array([[100, 200]], np.uint8))
    with pytest.raises(SourceError, match="shows none of the classes"):
        SETS["loveda"].read(tmp_path, "val").masks[0]()
    save(tmp_path / PUBLISHED["loveda"][1], np.zeros((4, 4), np.uint8))
    assert (SETS["loveda"].read(tmp_path, "val").masks[0]() == -1).all()


def test_no_value_means_two_classes() -> None:
    for one in SETS.values():
        values = [value for entry in one.classes for value in entry.values]
        assert len(set(values)) == len(values)
    assert MapClass("a", (1,)).words == ()


def test_training_splits_lie_beside(tmp_path: Path) -> None:
    save(tmp_path / "Train/Rural/images_png/7.png", np.zeros((4, 4, 3), np.uint8))
    save(tmp_path / "Train/Rural/masks_png/7.png", np.full((4, 4), 7, np.uint8))
    found = SETS["loveda"].read(tmp_path, "train")
    assert (found.masks[0]() == 6).all()


def test_a_split_without_public_masks_is_told() -> None:
    with pytest.raises(InputError, match="--submit"):
        SETS["loveda"].read(Path("LoveDA"), "test")
