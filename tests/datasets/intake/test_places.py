"""Images are divided by place: blocks of ground, scenes by name, else at random and said so."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geoglot.datasets.intake.places import Item, divide
from published import save
from someones_folders import write_tiff

NAMES = ("train", "val", "test")
EVEN = np.ones((100, 2), np.int64)


def _plain(root: Path, names: list[str]) -> list[Item]:
    save(root / f"{names[0]}.png", np.zeros((8, 8), np.uint8))
    for name in names[1:]:
        (root / f"{name}.png").hardlink_to(root / f"{names[0]}.png")
    return [Item(root / f"{name}.png") for name in names]


def test_georeferenced_neighbours_share_a_split(tmp_path: Path) -> None:
    """A hundred images side by side, ten by ten: most neighbours lie in one split, which chance would not give."""
    items = [
        Item(write_tiff(tmp_path / f"{row}{col}.tif", np.zeros((64, 64), np.uint8), 5e5 + col * 32, 5e6 - row * 32))
        for row in range(10)
        for col in range(10)
    ]
    division = divide(items, EVEN, NAMES, 0)
    splits = np.array(division.splits).reshape(10, 10)
    alike = np.concatenate([(splits[1:] == splits[:-1]).ravel(), (splits[:, 1:] == splits[:, :-1]).ravel()])
    assert division.by == "ground" and alike.mean() > 0.75
    assert {name: (splits == name).mean() for name in NAMES}.keys() == set(NAMES)
    assert 0.1 < (splits == "val").mean() < 0.35


def test_tiles_of_a_scene_stay_together(tmp_path: Path) -> None:
    names = [f"scene{scene}_{row}_{col}" for scene in "abcdefghij" for row in range(2) for col in range(2)]
    division = divide(_plain(tmp_path, names), EVEN[:40], NAMES, 0)
    assert division.by == "names" and set(division.splits) == set(NAMES)
    for scene in range(10):
        assert len(set(division.splits[scene * 4 : scene * 4 + 4])) == 1


def test_tiles_of_one_scene_are_divided_by_blocks(tmp_path: Path) -> None:
    names = [f"tile_r{row:02}_c{col:02}" for row in range(10) for col in range(10)]
    division = divide(_plain(tmp_path, names), EVEN, NAMES, 0)
    splits = np.array(division.splits).reshape(10, 10)
    alike = np.concatenate([(splits[1:] == splits[:-1]).ravel(), (splits[:, 1:] == splits[:, :-1]).ravel()])
    assert division.by == "names" and "blocks" in division.how and alike.mean() > 0.75


def test_names_that_say_nothing_are_divided_at_random_and_it_is_said(tmp_path: Path) -> None:
    items = _plain(tmp_path, [f"img{number}" for number in range(40)])
    one, same, other = (divide(items, EVEN[:40], NAMES, seed) for seed in (0, 0, 1))
    assert one.by == "chance" and "too good" in one.how
    assert one == same and one.splits != other.splits


def test_each_class_is_in_train_where_that_is_possible(tmp_path: Path) -> None:
    pixels = np.ones((20, 3), np.int64)
    pixels[:, 2] = 0
    pixels[7, 2] = pixels[13, 2] = 1
    division = divide(_plain(tmp_path, [f"img{number}" for number in range(20)]), pixels, NAMES, 0)
    assert "train" in {division.splits[7], division.splits[13]}
