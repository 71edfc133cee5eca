from __future__ import annotations

import sys

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from matplotlib import pyplot
from PIL import Image

from geoglot.errors import InputError, MissingExtraError
from geoglot.outputs.notebook.as_axes import draw_axes
from geoglot.outputs.notebook.page import Drawing, Picture
from notebooks import HOSTILE

IMAGE = Image.fromarray(np.zeros((100, 150, 3), np.uint8))


@pytest.fixture(autouse=True)
def _close() -> object:
    yield
    pyplot.close("all")


def test_axes_have_the_coordinates_of_the_scene(make_grid) -> None:
    grid = make_grid()
    first, last = draw_axes(Drawing([Picture("scene", IMAGE, grid)], Picture("map", IMAGE, grid)), "title")
    left, bottom, right, top = grid.bounds
    for axes in (first, last):
        assert (*axes.get_xlim(), *axes.get_ylim()) == (left, right, bottom, top)
    assert last.get_title() == "map"


def test_a_scene_that_is_turned_or_has_no_place_has_axes_of_pixels(make_grid) -> None:
    turned = make_grid(transform=Affine.translation(500_000, 4_000_000) @ Affine.rotation(30) @ Affine.scale(10, -10))
    for grid in (turned, make_grid(crs=None), None):
        [axes] = draw_axes(Drawing([Picture("scene", IMAGE, grid)]), "title")
        assert axes.get_xlim() == (-0.5, 149.5)


def test_degrees_are_not_squeezed(make_grid) -> None:
    grid = make_grid(crs=4326, transform=Affine(0.001, 0, 5, 0, -0.001, 60.05))
    [axes] = draw_axes(Drawing([Picture("scene", IMAGE, grid)]), "title")
    assert axes.get_aspect() == pytest.approx(2, rel=0.01)


def test_texts_of_strangers_are_no_formulas_and_none_is_left_out() -> None:
    entries = [((1, 2, 3), HOSTILE), ((4, 5, 6), "$x$")]
    [axes] = draw_axes(Drawing([Picture(HOSTILE, IMAGE, None)], entries=entries), HOSTILE)
    axes.figure.canvas.draw()
    [legend] = axes.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [HOSTILE, "$x$"]
    assert axes.get_title() == HOSTILE and axes.figure.get_suptitle() == HOSTILE


def test_pictures_fill_rows_of_four() -> None:
    axes = draw_axes(Drawing([Picture(str(number), IMAGE, None) for number in range(6)]), "hits")
    assert [each.get_title() for each in axes] == list("012345") and len(axes[0].figure.axes) == 6


def test_shapes_are_drawn_where_there_is_no_picture() -> None:
    shapes = gpd.GeoDataFrame({"colour": ["#ff0000"]}, geometry=[shapely.box(4, 51, 5, 52)], crs=4326)
    [axes] = draw_axes(Drawing(shapes=shapes), "archive")
    assert axes.get_xlim()[0] < 4 < 5 < axes.get_xlim()[1]
    with pytest.raises(InputError, match="nothing to draw"):
        draw_axes(Drawing(shapes=shapes[:0]), "archive")


def test_matplotlib_is_asked_for_by_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"matplotlib is not installed.*geoglot\[notebook\].*pip install"):
        draw_axes(Drawing([Picture("scene", IMAGE, None)]), "title")
