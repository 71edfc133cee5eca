from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import geoglot.index.search.contact_sheet as contact_sheet
from geoglot.index.search.index import Index
from geoglot.options import SearchOptions
from notebooks import draw, explore, look_at
from worlds import class_field, paint, write_scene


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    from geoglot.index.build.build import add

    folder = tmp_path_factory.mktemp("archive")
    scene = write_scene(folder / "scene.tif", paint(class_field((600, 600), 3), ("water", "forest", "roof")))
    add(folder / "archive", [scene])
    return Index(folder / "archive")


def test_hits_show_pictures_places_and_what_fits_best(index: Index, tmp_path: Path) -> None:
    hits = index.search("water", options=SearchOptions(top=6))
    page = look_at(hits)
    assert len(page.pictures) == len(hits.hits) == len(draw(hits)) and page.rows == len(hits.hits) + 1
    html = explore(hits)
    assert html.count("L.imageOverlay") == html.count('"type": "Feature"') == len(hits.hits)
    hits.sheet(tmp_path / "sheet.png")
    first = np.asarray(hits.draw().pictures[0].image)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "sheet.png"))[10:234, 10:234], first)
    assert ((first == (230, 26, 26)).all(2)).any(), "the frame around what fits best"


def test_a_source_of_many_hits_is_opened_once(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    hits, opened = index.search("water", options=SearchOptions(top=6)), list[str]()
    real = contact_sheet.open_chips

    def count(source: str, reading: str) -> object:
        opened.append(source)
        return real(source, reading)

    monkeypatch.setattr(contact_sheet, "open_chips", count)
    assert len(hits.draw().pictures) == len(hits.hits) > 1 and len(opened) == 1


def test_an_archive_shows_what_it_covers_and_where(index: Index) -> None:
    page = look_at(index)
    assert "chips" in page.text and "of 1 source" in page.text and not page.pictures
    assert len(draw(index)) == 1
    html = explore(index)
    assert html.count('"type": "Feature"') == 1 and "scene.tif" in html
