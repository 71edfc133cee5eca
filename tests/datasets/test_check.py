"""Sets are checked before they are used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoglot.datasets import check
from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.check import check_once, check_set
from geoglot.errors import InputError, SourceError
from labelled import NAMES, write_folder
from published import save

MakeGeotiff = Callable[..., Path]
FOLDER, LOVEDA, ISAID = (dataset_of(name) for name in ("folder", "loveda", "isaid"))


def test_a_whole_set_has_no_faults(tmp_path: Path) -> None:
    checked = check_set(FOLDER, write_folder(tmp_path), "train")
    assert (checked.images, checked.faults) == (3, ())


def test_each_fault_is_one_sentence(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    save(root / "train" / "masks" / "0.png", np.full((64, 64), 9, np.uint8) * np.eye(64, dtype=np.uint8))
    save(root / "train" / "masks" / "1.png", np.zeros((64, 32), np.uint8))
    (root / "train" / "masks" / "2.png").write_bytes(b"no picture")
    faults = check_set(FOLDER, root, "train").faults
    assert "64 px of the id 9" in faults[0]
    assert "64 x 64 px, its mask 64 x 32" in faults[1]
    assert "2.png" in faults[2]
    assert len(faults) == 3


def test_pixels_of_each_class_are_counted_and_classes_that_are_nowhere_told(tmp_path: Path) -> None:
    root = write_folder(tmp_path, train=1)
    save(root / "train/masks/0.png", np.eye(64, dtype=np.uint8) * 3)
    checked = check_set(FOLDER, root, "train")
    assert checked.pixels == dict.fromkeys(NAMES, 0) | {NAMES[0]: 64 * 63, NAMES[3]: 64}
    assert checked.notes == (f"no pixel of train is {' or '.join(NAMES[i] for i in (1, 2, 4, 5, 6))}",)


def test_a_split_of_which_nothing_counts_is_a_fault(tmp_path: Path) -> None:
    root = write_folder(tmp_path, train=1)
    save(root / "train/masks/0.png", np.full((64, 64), 255, np.uint8))
    (fault,) = check_set(FOLDER, root, "train").faults
    assert "nothing to learn" in fault


def test_an_image_that_breaks_off_is_told(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    image = save(root / "train/images/1.png", np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    image.write_bytes(image.read_bytes()[:6000])
    (fault,) = check_set(FOLDER, root, "train").faults
    assert "1.png cannot be read to its end" in fault


@pytest.mark.parametrize(("add", "said"), [(0.5, "holds fractions"), (np.nan, "holds fractions"), (0.0, None)])
def test_masks_of_fractions_are_told_and_whole_numbers_taken(
    tmp_path: Path, make_geotiff: MakeGeotiff, add: float, said: str | None
) -> None:
    root = write_folder(tmp_path, train=1)
    (root / "train/masks/0.png").unlink()
    made = make_geotiff(np.full((1, 64, 64), 3 + add, np.float32))
    made.rename(root / "train/masks/0.tif")
    faults = check_set(FOLDER, root, "train").faults
    assert (said in faults[0]) if said else faults == ()


def test_a_palette_that_is_not_the_tables_is_told(tmp_path: Path) -> None:
    root = write_folder(tmp_path, train=1)
    table = root / "classes.csv"
    rows = "".join(f"{index},{name},#0000{index:02x}\n" for index, name in enumerate(NAMES))
    table.write_text(f"id,name,colour\n{rows}", encoding="utf-8")
    mask = Image.open(root / "train/masks/0.png")
    for blue, said in ((range(7), None), ([0, 1, 2, 9, 4, 5, 6], "shows water in #000009, the class table in #000003")):
        shown = Image.fromarray(np.asarray(mask)).convert("P")
        shown.putpalette([part for value in (*blue, *range(7, 256)) for part in (0, 0, value)])
        shown.save(root / "train/masks/0.png")
        faults = check_set(FOLDER, root, "train").faults
        assert (said in faults[0]) if said else faults == ()
    table.write_text("id,name,colour\n0,a,zzz\n", encoding="utf-8")
    with pytest.raises(SourceError, match="'zzz'; write it as"):
        check_set(FOLDER, root, "train")


def test_colours_off_the_palette_are_told(tmp_path: Path) -> None:
    mask = np.zeros((8, 8, 3), np.uint8)
    mask[0, 0] = (1, 2, 3)
    save(tmp_path / "val/images/P1.png", np.zeros((8, 8, 3), np.uint8))
    save(tmp_path / "val/Semantic_masks/images/P1_instance_color_RGB.png", mask)
    (fault,) = check_set(ISAID, tmp_path, "val").faults
    assert "1 px of the colour #010203, which iSAID does not have" in fault


def test_an_archive_that_is_not_the_published_one_is_told(tmp_path: Path) -> None:
    save(tmp_path / "Val/Urban/images_png/1.png", np.zeros((4, 4, 3), np.uint8))
    save(tmp_path / "Val/Urban/masks_png/1.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "Val.zip").write_bytes(b"half of it")
    (fault,) = check_set(LOVEDA, tmp_path, "val").faults
    assert "not the published archive" in fault


def test_a_set_that_was_whole_is_not_read_again_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, stamp, read = write_folder(tmp_path / "set"), tmp_path / "checked.json", []
    monkeypatch.setattr(check, "check_set", lambda *given: read.append(given[2]) or check_set(*given))
    for split in ("train", "train", "val", "train"):
        check_once(FOLDER, root, split, stamp)
    assert read == ["train", "val"]
    for name in ("0", "2"):
        save(root / "train" / "masks" / f"{name}.png", np.full((64, 64), 9, np.uint8) * np.eye(64, dtype=np.uint8))
    for _ in range(2):
        with pytest.raises(SourceError, match=r"0\.png has 64 px of the id 9.*datasets check folder"):
            check_once(FOLDER, root, "train", stamp)
    assert read == ["train", "val", "train", "train"]


def test_a_set_is_read_again_when_its_classes_change(tmp_path: Path) -> None:
    root, stamp = write_folder(tmp_path / "set"), tmp_path / "checked.json"
    check_once(FOLDER, root, "train", stamp)
    table = root / "classes.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]), encoding="utf-8")
    with pytest.raises(SourceError, match="of the id 6; known are 0, 1, 2, 3, 4, 5, 255"):
        check_once(FOLDER, root, "train", stamp)


def test_a_check_that_ended_early_says_nothing_of_classes(tmp_path: Path) -> None:
    root = write_folder(tmp_path, train=25)
    for index in range(25):
        save(root / f"train/masks/{index}.png", np.full((64, 64), 99, np.uint8) * np.eye(64, dtype=np.uint8))
    checked = check_set(FOLDER, root, "train")
    assert (checked.images, checked.read, len(checked.faults)) == (25, 20, 20)
    assert checked.notes == ("20 of 25 images were read, because so many have faults",)


def test_sets_without_masks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no masks"):
        check_set(dataset_of("aid"), tmp_path, "all")
