from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from PIL import Image

from geoglot.outputs.legend import Legend
from geoglot.outputs.overlay import write_outlines


def test_things_are_washed_in_their_colour_and_their_holes_are_not(tmp_path: Path) -> None:
    scene, legend = np.full((3, 100, 120), 0.5, np.float32), Legend(("pond", "park"))
    pond = shapely.box(20, 20, 80, 80).difference(shapely.box(40, 40, 60, 60))
    outlines = [("pond", pond), ("park", shapely.box(90, 10, 115, 30))]
    write_outlines(scene, outlines, legend, ["pond  1", "park  1"], tmp_path / "o.png", hollow=("park",))
    picture = np.asarray(Image.open(tmp_path / "o.png"))
    assert picture.shape[1] == 240 and picture.shape[0] > 100
    left, right = picture[:100, :120], picture[:100, 120:]
    assert (left == 128).all()
    half = (np.array(legend.colours[0]) + 128) / 2
    assert abs(right[30, 30] - half).max() <= 1
    for inside in ((50, 50), (20, 102), (5, 5)):  # a hole, what is hollow, beside
        assert (right[inside] == 128).all()
    assert (right[20, 50] == legend.colours[0]).all() and (right[10, 100] == legend.colours[1]).all()


def test_nothing_found_is_the_scene_twice(tmp_path: Path) -> None:
    scene = np.random.default_rng(0).random((3, 40, 50), np.float32)
    write_outlines(scene, [], Legend(("pond",)), ["pond  0"], tmp_path / "o.png")
    picture = np.asarray(Image.open(tmp_path / "o.png"))
    np.testing.assert_array_equal(picture[:40, :50], picture[:40, 50:])


def legend_of(tmp_path: Path, names: tuple[str, ...], lines: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The part of a picture below the scene, and what is told of it."""
    notes = write_outlines(np.zeros((3, 40, 200), np.float32), [], Legend(names), lines, tmp_path / "o.png")
    return np.asarray(Image.open(tmp_path / "o.png"))[40:], notes


def test_names_in_other_scripts_do_not_look_alike(tmp_path: Path) -> None:
    names = ("森林", "房屋", "trees")
    drawn, notes = legend_of(tmp_path, names, [f"{name}  5%" for name in names])
    rows = [drawn[8 + 26 * index : 34 + 26 * index, 30:] for index in range(3)]
    assert not any((one == other).all() for one, other in ((rows[0], rows[1]), (rows[1], rows[2])))
    as_numbers, _ = legend_of(tmp_path, ("1", "2", "trees"), ["1  5%", "2  5%", "trees  5%"])
    np.testing.assert_array_equal(as_numbers[:, 30:], drawn[:, 30:])
    assert notes == ("in the picture numbers stand for names that it cannot write: 1 = 森林, 2 = 房屋",)


def test_each_line_has_the_colour_of_its_own_class(tmp_path: Path) -> None:
    names = ("park", "park  closed")
    drawn, notes = legend_of(tmp_path, names, ["park  1", "park  closed  2", "a sentence  of its own"])
    assert notes == ()
    found = [tuple(drawn[14 + 26 * row, 16].tolist()) for row in (1, 2)]  # the sentence has the first row to itself
    assert found == list(Legend(names).colours)


def test_a_sentence_is_written_whole(tmp_path: Path) -> None:
    short, _ = legend_of(tmp_path, ("park",), ["Few.", "park  1"])
    long, _ = legend_of(tmp_path, ("park",), ["There are many parks within 50 m of the road. " * 3, "park  1"])
    assert long.shape[1] > short.shape[1] and len(long) == len(short)


def test_more_classes_than_a_picture_can_name(tmp_path: Path) -> None:
    names = tuple(f"kind {number}" for number in range(900))
    drawn, notes = legend_of(tmp_path, names, [f"{name}  0" for name in names])
    assert len(drawn) < 6000 and notes == ("the picture names 200 of 900 classes",)


def test_a_small_picture_is_widened_for_its_names(tmp_path: Path) -> None:
    names = ("residential areas", "森林")
    notes = write_outlines(np.zeros((3, 4, 4), np.float32), [], Legend(names), list(names), tmp_path / "o.png")
    assert notes == ("in the picture numbers stand for names that it cannot write: 2 = 森林",)
    assert np.asarray(Image.open(tmp_path / "o.png")).shape[1] > 120
