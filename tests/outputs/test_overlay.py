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
