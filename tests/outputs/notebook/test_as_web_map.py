from __future__ import annotations

import base64
import re
import sys
from io import BytesIO

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from PIL import Image

from geoglot.errors import InputError, MissingExtraError
from geoglot.outputs.notebook.as_web_map import to_web_map
from geoglot.outputs.notebook.page import Drawing, Picture
from notebooks import COMPUTED, HOSTILE

IMAGE = Image.fromarray(np.full((100, 150, 3), 200, np.uint8))
OVERLAY = re.compile(r'L\.imageOverlay\(\s*"data:image/webp;base64,([^"]+)",\s*\[\[([^\]]+)\], \[([^\]]+)\]\]')


def overlays(html: str) -> list[tuple[np.ndarray, tuple[float, ...]]]:
    """The pictures of a map, with south, west, north and east."""
    return [
        (
            np.asarray(Image.open(BytesIO(base64.b64decode(data))).convert("RGBA")),
            tuple(map(float, f"{low}, {high}".split(", "))),
        )
        for data, low, high in OVERLAY.findall(html)
    ]


def render(drawing: Drawing, title: str = "title", tiles: str | None = None) -> str:
    html: str = to_web_map(drawing, title, tiles).get_root().render()
    return html


def test_a_picture_lies_where_its_pixels_lie(make_grid) -> None:
    """A red pixel, found again in Mercator."""
    grid = make_grid(transform=Affine(1000.0, 0, 400_000, 0, -1000.0, 6_000_000), shape=(200, 200))
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[40:60, 140:160] = (255, 0, 0)
    [(image, (south, west, north, east))] = overlays(render(Drawing([Picture("s", Image.fromarray(pixels), grid)])))
    lon, lat = grid.to_lonlat(50, 150)
    low, at, high = (np.arcsinh(np.tan(np.radians(each))) for each in (south, lat, north))
    row, col = (high - at) / (high - low) * image.shape[0], (lon - west) / (east - west) * image.shape[1]
    found = np.argwhere(image[..., 0] > 128).mean(0)
    assert found == pytest.approx([row, col], abs=1.5)
    assert image[0, 0, 3] == 0  # the corner of the turned scene is transparent


def test_outlines_take_the_place_of_the_map_that_shows_them(make_grid) -> None:
    grid = make_grid()
    shapes = gpd.GeoDataFrame(
        {"colour": ["#ff0000"], "name": ["pond"]}, geometry=[shapely.box(*grid.bounds)], crs=32617
    )
    scene, drawn = Picture("scene", IMAGE, grid), Picture("objects", IMAGE, grid)
    assert len(overlays(render(Drawing([scene], drawn)))) == 2
    html = render(Drawing([scene], drawn, shapes=shapes))
    assert len(overlays(html)) == 1 and '"fact0": "pond"' in html and "#ff0000" in html
    assert "polygon" in html.lower()


def test_texts_of_strangers_open_no_tag_and_no_template(make_grid) -> None:
    grid = make_grid()
    shapes = gpd.GeoDataFrame(
        {"colour": ["#ff0000"], HOSTILE: [HOSTILE]}, geometry=[shapely.box(*grid.bounds)], crs=grid.crs
    )
    html = render(Drawing([Picture(HOSTILE, IMAGE, grid)], None, [((1, 2, 3), HOSTILE)], shapes), HOSTILE)
    assert "<img src=x" not in html and COMPUTED not in html and "{{" not in html
    assert html.count("31337*3") == 5  # title, legend, layer, the name of the fact and the fact


def test_both_sides_of_the_antimeridian_are_neighbours(make_grid) -> None:
    grid = make_grid(crs=32660, transform=Affine(1000.0, 0, 700_000, 0, -1000.0, 1_000), shape=(200, 200))
    box = shapely.box(*grid.bounds)
    shapes = gpd.GeoDataFrame({"colour": ["#ff0000"]}, geometry=[box], crs=grid.crs)
    [(image, (_, west, _, east))] = overlays(
        html := render(Drawing([Picture("s", IMAGE.resize((200, 200)), grid)], shapes=shapes))
    )
    assert 178 < west < 180 < east < 182 and (image[..., 3] > 0).mean() > 0.9
    places = [float(lon) for lon in re.findall(r"\[(-?1\d\d\.\d+), ", html)]
    assert places and min(places) > 178


def test_what_has_no_place_on_a_web_map_is_refused(make_grid) -> None:
    for grid, why in (
        (None, "no place"),
        (make_grid(crs=None), "no place"),
        (make_grid(crs=32633, transform=Affine(1000.0, 0, 500_000, 0, -1000.0, 9_900_000)), "85 deg"),
    ):
        with pytest.raises(InputError, match=why):
            render(Drawing([Picture("s", IMAGE, grid)]))
    empty = gpd.GeoDataFrame({"colour": []}, geometry=[], crs=None)
    with pytest.raises(InputError, match="no place"):
        render(Drawing(shapes=empty))


def test_many_outlines_are_cut_and_counted() -> None:
    boxes = [shapely.box(4, 51, 4.1, 51.1)] * 2003
    shapes = gpd.GeoDataFrame({"colour": ["#ff0000"] * 2003}, geometry=boxes, crs=4326)
    assert "3 more outlines are left out" in render(Drawing(shapes=shapes))


def test_only_leaflet_and_the_base_map_that_was_asked_for_are_loaded(make_grid) -> None:
    drawing = Drawing([Picture("s", IMAGE, make_grid())])
    hosts = set(re.findall(r'(?:src|href)="https://([^/"]+)', render(drawing)))
    assert hosts == {"cdn.jsdelivr.net"} and "openstreetmap" not in render(drawing)
    assert "tile.openstreetmap.org" in render(drawing, tiles="OpenStreetMap")
    assert "https://here/{z}/{x}/{y}.png" in render(drawing, tiles="https://here/{z}/{x}/{y}.png")
    with pytest.raises(InputError, match="tiles must be a base map"):
        render(drawing, tiles="nowhere")


def test_folium_is_asked_for_by_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "folium", None)
    with pytest.raises(MissingExtraError, match=r"folium is not installed.*geoglot\[notebook\].*pip install"):
        render(Drawing([Picture("s", IMAGE, None)]))
