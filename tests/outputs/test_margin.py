from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from PIL import Image

from geoglot.geo import Grid
from geoglot.outputs.legend import Legend
from geoglot.outputs.margin import Margin
from geoglot.outputs.overlay import write_outlines

UTM = pyproj.CRS(32631)
PAPER = Image.new("RGB", (400, 200), (90, 120, 80))


def place(metres: float, crs: pyproj.CRS | None = UTM) -> Grid:
    return Grid(crs, Affine(metres, 0, 500_000, 0, -metres, 5_750_000), (200, 400))


def below(margin: Margin) -> np.ndarray:
    """The rows of the margin; those above are as they were."""
    drawn = np.asarray(margin.below(PAPER))
    np.testing.assert_array_equal(drawn[:200, :400], np.asarray(PAPER))
    return drawn[200:]


@pytest.mark.parametrize(("metres", "ground"), [(0.25, 20), (0.5, 50), (10, 1000), (30, 2000), (1000, 100_000)])
def test_the_scale_bar_is_as_long_as_it_says(metres: float, ground: float) -> None:
    dark = (below(Margin(place(metres), [])) == 0).all(2)
    line = np.flatnonzero(dark[19, 40:]) + 40  # the bar lies four rows below the middle
    runs = np.split(line, np.flatnonzero(np.diff(line) > 1) + 1)
    assert len(runs[0]) == pytest.approx(ground / metres, abs=3)


def test_without_a_place_there_is_neither_arrow_nor_bar_and_the_source_is_named() -> None:
    placed, nowhere = (below(Margin(place(1, crs), [("a/scene.tif", None)])) for crs in (UTM, None))
    named = below(Margin(place(1, None), [("b/scene.tif", None)]))
    np.testing.assert_array_equal(nowhere, named)
    dated = below(Margin(place(1, None), [("a/scene.tif", date(2021, 6, 30))]))
    ink = [int((rows < 128).all(2).sum()) for rows in (nowhere, placed, dated)]
    assert 0 < ink[0] < min(ink[1:])


def test_the_arrow_points_north_on_a_map_with_south_at_the_top() -> None:
    south_up = Grid(UTM, Affine(1, 0, 500_000, 0, 1, 5_750_000), (200, 400))
    up, down = ((below(Margin(grid, []))[:, :30] < 128).all(2).sum(1) for grid in (place(1), south_up))
    np.testing.assert_allclose(up[5:26], down[5:26][::-1], atol=3)
    assert np.argmax(up) > 15 > np.argmax(down)


def test_the_outline_of_the_area_is_drawn_on_the_map_only(tmp_path: Path) -> None:
    scene = np.full((3, 200, 400), 0.5, np.float32)
    margin = Margin(place(1), [("scene.tif", None)], shapely.MultiPolygon([shapely.box(50, 40, 150, 160)]))
    write_outlines(scene, [], Legend(("pond",)), ["pond  0"], tmp_path / "o.png", margin)
    picture = np.asarray(Image.open(tmp_path / "o.png"))
    left, right = picture[:200, :400], picture[:200, 400:]
    assert (left == 128).all()
    assert (right[40, 60:140] == 0).all() and (right[60:140, 150] == 0).all()
    changed = (right != 128).any(2)
    assert not changed[60:140, 60:140].any() and changed.sum() < 4 * 450


def test_a_long_name_in_any_script_widens_the_picture() -> None:
    names = [("很长/" + "name" * 40 + ".tif", date(2020, 1, 1)), ("森林.tif", None)]
    assert below(Margin(place(1), names)).shape[1] > 900
