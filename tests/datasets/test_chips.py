"""Sets are cut into tiles without losing a pixel."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.chips import tile_set, windows
from geoglot.datasets.classes import MapClass
from geoglot.datasets.image_files import open_native
from geoglot.datasets.layout import MaskedImages
from geoglot.errors import InputError, OutputError, SourceError
from labelled import NAMES, write_folder
from published import save

FOLDER, LOVEDA = (dataset_of(name) for name in ("folder", "loveda"))


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 64), st.data())
def test_windows_cover_every_pixel_and_stay_inside(rows: int, cols: int, side: int, data: st.DataObject) -> None:
    step = data.draw(st.integers(1, side))
    seen = np.zeros((rows, cols), int)
    for window in windows((rows, cols), side, step):
        seen[window.row : window.row + side, window.col : window.col + side] += 1
        assert window.row == 0 or window.row + side <= rows
        assert window.col == 0 or window.col + side <= cols
    assert seen.min() >= 1
    if step == side and rows % side == cols % side == 0:
        assert seen.max() == 1


def test_tiles_put_together_are_the_set(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "set", side=80)
    made = tile_set(FOLDER, root, tmp_path / "tiles", ["train"], side=48, overlap=16)
    assert made.tiles == {"train": 3 * 4}
    again = FOLDER.read(made.output, "train")
    assert [one.name for one in again.classes] == list(NAMES)
    with (made.output / "train" / "windows.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        place = [int(row[name]) for name in ("row", "col", "height", "width")]
        part = np.s_[place[0] : place[0] + place[2], place[1] : place[1] + place[3]]
        for folder in ("images", "masks"):
            whole = np.asarray(Image.open(root / "train" / folder / Path(row["source"]).name))
            cut = np.asarray(Image.open(made.output / "train" / folder / row["tile"]))[: place[2], : place[3]]
            assert np.array_equal(cut, whole[part])


@pytest.mark.parametrize("side", [48, 96])
def test_what_is_no_data_in_an_image_is_no_data_in_its_tiles(tmp_path: Path, side: int) -> None:
    """In the middle of a tile and at its edge, and beside the mirror image of a small picture."""
    root = write_folder(tmp_path / "set", side=80)
    noise = np.random.default_rng(0).integers(1, 255, (80, 80, 4), dtype=np.uint8)
    noise[:, :, 3] = 255
    noise[10:40, 20:60, 3] = 0
    for path in (root / "train/images").iterdir():
        Image.fromarray(noise).save(path)
    made = tile_set(FOLDER, root, tmp_path / "tiles", ["train"], side=side)
    with (made.output / "train" / "windows.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        top, left, height, width = (int(row[name]) for name in ("row", "col", "height", "width"))
        with open_native(made.output / "train/images" / row["tile"]) as raster:
            valid = raster.read(raster.grid.whole).valid
        assert np.array_equal(valid[:height, :width], noise[top : top + height, left : left + width, 3] > 0)


def test_an_image_smaller_than_a_tile_does_not_count_beyond_itself(tmp_path: Path) -> None:
    made = tile_set(FOLDER, write_folder(tmp_path / "set"), tmp_path / "tiles", ["val"], side=96)
    labels = FOLDER.read(made.output, "val").masks[0]()
    assert labels.shape == (96, 96)
    assert (labels[64:] == -1).all() and (labels[:, 64:] == -1).all() and labels[:63, :64].min() >= 0


def test_a_folder_that_is_there_is_not_touched_and_a_broken_set_leaves_none(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "set")
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        tile_set(FOLDER, root, tmp_path / "there", ["train"], side=32)
    save(root / "train" / "masks" / "2.png", np.zeros((64, 32), np.uint8))
    with pytest.raises(SourceError):
        tile_set(FOLDER, root, tmp_path / "tiles", ["train"], side=32)
    assert not (tmp_path / "tiles").exists()
    save(root / "train" / "masks" / "2.png", np.full((64, 64), 9, np.uint8) * np.eye(64, dtype=np.uint8))
    with pytest.raises(SourceError, match="the id 9"):
        tile_set(FOLDER, root, tmp_path / "tiles", ["train"], side=32)
    with pytest.raises(InputError, match="overlap"):
        tile_set(FOLDER, root, tmp_path / "tiles", ["train"], side=32, overlap=32)


def test_tiles_of_one_name_are_refused(tmp_path: Path) -> None:
    """Names of tiles are the images' paths with _ between the parts."""
    for image in ("val/images/a/b.png", "val/images/a_b.png"):
        save(tmp_path / image, np.zeros((32, 32, 3), np.uint8))
        save(tmp_path / image.replace("/images/", "/masks/"), np.zeros((32, 32), np.uint8))
    both = MaskedImages(
        "both", "both", "nowhere", None, {"val": None}, classes=(MapClass("all", (0,)),),
        images="{split}/images/**/*.png", to_mask=(("/images/", "/masks/"),),
    )  # fmt: skip
    with pytest.raises(SourceError, match="two images have the tile"):
        tile_set(both, tmp_path, tmp_path / "tiles", ["val"], side=32)


def test_tiles_keep_what_a_pixel_measures(tmp_path: Path) -> None:
    """As the set has it published; a folder without it has none, and tiles of tiles keep it."""
    save(tmp_path / "LoveDA/Val/Urban/images_png/1.png", np.zeros((64, 64, 3), np.uint8))
    save(tmp_path / "LoveDA/Val/Urban/masks_png/1.png", np.ones((64, 64), np.uint8))
    made = tile_set(LOVEDA, tmp_path / "LoveDA", tmp_path / "tiles", ["val"], side=32)
    again = tile_set(FOLDER, made.output, tmp_path / "again", ["val"], side=32)
    assert FOLDER.resolution_of(made.output) == FOLDER.resolution_of(again.output) == (0.3, 0.3)
    assert FOLDER.resolution_of(write_folder(tmp_path / "set")) is None
    for text in ("resolution = [0.6, 0.3]", "resolution = 0.3", "ground = 1"):
        (made.output / "set.toml").write_text(text)
        with pytest.raises(SourceError, match=r"set\.toml"):
            FOLDER.resolution_of(made.output)
