"""Every result shows itself: a page, a figure and a map, without a network and without markup of strangers."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image

import geoglot
from audited import decide
from geoglot.errors import InputError, SourceError
from geoglot.options import ChangeOptions, ClassifyOptions, FindOptions, SegmentOptions
from geoglot.outputs.notebook.shown import ShownOnMap
from notebooks import HOSTILE, draw, explore, forbid_network, look_at
from stubs import ColourScorer, PooledColours
from worlds import UTM, class_field, paint, write_scene

NAMES = ("water", "forest", "roof")
PLAIN = FindOptions(background="sand, snow", overlay=False)
WORDS = {HOSTILE: ["roof"], "water": ["water"], "forest": ["forest"]}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_network(monkeypatch)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A scene whose name is markup."""
    return write_scene(tmp_path / f"{HOSTILE}.tif", paint(class_field((192, 160), 3), NAMES))


def drawn_and_written(result: ShownOnMap, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of a result side by side, and the same part of the picture that the run wrote."""
    drawn = np.hstack([picture.image for picture in result.draw().pictures])
    return drawn, np.asarray(Image.open(path))[: drawn.shape[0], : drawn.shape[1]]


def test_a_map_shows_what_its_picture_shows(scene: Path, tmp_path: Path) -> None:
    result = geoglot.segment(scene, WORDS, tmp_path / "map.tif", model=PooledColours())
    page = look_at(result)
    assert HOSTILE in page.text and len(page.pictures) == 2 and page.rows == 4
    np.testing.assert_array_equal(*drawn_and_written(result, result.overlay))
    assert [axes.get_title() for axes in draw(result)] == ["scene", "map"]
    assert explore(result).count("L.imageOverlay") == 2


def test_a_result_that_was_sent_elsewhere_still_shows_itself(scene: Path, tmp_path: Path) -> None:
    """As processes and caches send results."""
    result = geoglot.segment(scene, WORDS, tmp_path / "map.tif", model=PooledColours())
    again = pickle.loads(pickle.dumps(result))
    assert again == result and again._repr_html_() == result._repr_html_()


def test_a_result_whose_files_are_gone_says_so(scene: Path, tmp_path: Path) -> None:
    result = geoglot.segment(scene, WORDS, tmp_path / "map.tif", model=PooledColours())
    found = geoglot.find(scene, WORDS, model=PooledColours(), options=PLAIN)
    (tmp_path / "map.tif").unlink()
    assert "no picture:" in look_at(result).text and "map.tif cannot be read" in look_at(result).text
    with pytest.raises(SourceError, match=r"map\.tif cannot be read"):
        result.plot()
    scene.unlink()
    assert "no picture:" in look_at(found).text and look_at(found).rows == 4


def test_a_result_never_shows_that_of_another_run(scene: Path, tmp_path: Path) -> None:
    first = geoglot.segment(scene, WORDS, tmp_path / "map.tif", model=PooledColours())
    other = {HOSTILE: ["roof"], "water": ["water"]}
    second = geoglot.segment(scene, other, tmp_path / "map.tif", model=PooledColours(), overwrite=True)
    assert "was written again since" in look_at(first).text and len(look_at(second).pictures) == 2
    write_scene(scene, paint(class_field((192, 160), 3, seed=1), NAMES))
    assert "was changed since it was opened" in replace(second)._repr_html_()


def test_objects_show_their_outlines(scene: Path) -> None:
    result = geoglot.find(scene, WORDS, model=PooledColours(), options=PLAIN)
    page = look_at(result)
    assert HOSTILE in page.text and len(page.pictures) == 2 and page.rows == 4
    assert [axes.get_title() for axes in draw(result)] == ["scene", "objects"]
    html = explore(result)
    assert html.count("L.imageOverlay") == 1 and html.count('"type": "Feature"') == len(result.objects)


def test_an_area_of_interest_is_drawn_as_in_the_picture_file(scene: Path, tmp_path: Path) -> None:
    with geoglot.open_raster(scene) as raster:
        left, bottom, right, top = raster.grid.bounds
    places = gpd.GeoDataFrame(geometry=[shapely.box(left + 20, bottom + 20, right - 20, top - 25)], crs=UTM["crs"])
    places.to_file(area := tmp_path / "area.gpkg")
    options = replace(PLAIN, overlay=True, area=area)
    found = geoglot.find(scene, WORDS, tmp_path / "found.gpkg", model=PooledColours(), options=options)
    np.testing.assert_array_equal(*drawn_and_written(found, found.overlay))
    later = write_scene(tmp_path / "b_20200702.tif", paint(class_field((192, 160), 3, seed=2), NAMES))
    changed = geoglot.change(
        [scene, later], None, tmp_path / "change.tif", model=ColourScorer(NAMES), options=ChangeOptions(area=area)
    )
    np.testing.assert_array_equal(*drawn_and_written(changed, changed.outputs["picture"]))


def test_nothing_found_shows_the_scene(scene: Path) -> None:
    result = geoglot.find(scene, "heath", model=PooledColours(), options=replace(PLAIN, min_score=0.99))
    assert not len(result.objects) and "none of 'heath'" in look_at(result).text
    assert draw(result) and "L.imageOverlay" in explore(result)


def test_answers_and_refusals(scene: Path) -> None:
    with (
        geoglot.encode_scene(scene, PooledColours()) as encoded,
        geoglot.Asker.open(encoded, options=geoglot.AskOptions(find=PLAIN)) as asker,
    ):
        answer, refusal = asker.ask("How many roofs are there in the north half?"), asker.ask(HOSTILE)
        assert len(look_at(encoded).pictures) == len(draw(encoded)) == explore(encoded).count("L.imageOverlay") == 1
    page = look_at(answer)
    assert answer.text in page.text and "confidence" in page.text and "find(" in page.text and len(page.pictures) == 2
    assert [axes.get_title() for axes in draw(answer)] == [str(scene), "evidence"]
    assert explore(answer).count('"type": "Feature"') == len(answer.evidence["features"])
    assert HOSTILE in look_at(refusal).text and refusal.text in look_at(refusal).text


def test_labels_of_windows_and_of_pictures(scene: Path, tmp_path: Path) -> None:
    labels = geoglot.classify(scene, WORDS, model=PooledColours())
    page = look_at(labels)
    assert HOSTILE in page.text and len(page.pictures) == 2 and len(draw(labels)) == 2
    assert explore(labels).count('"type": "Feature"') == len(labels.results) > 4
    for number in range(14):
        Image.new("RGB", (40, 40), (200, 50, 25)).save(tmp_path / f"{number}.png")
    scene.unlink()
    several = geoglot.classify(tmp_path, WORDS, model=PooledColours(), options=ClassifyOptions(windows=False))
    assert len(look_at(several).pictures) == len(draw(several)) == 12 and len(several.results) == 14
    with pytest.raises(InputError, match="no place on Earth"):
        several.explore()
    (tmp_path / "0.png").unlink()
    assert len(look_at(replace(several)).pictures) == 11


def test_changes_with_and_without_files(tmp_path: Path) -> None:
    field = class_field((192, 160), 3)
    first = write_scene(tmp_path / "a_20150629.tif", paint(field, NAMES))
    field[40:100, 40:100] = 2
    last = write_scene(tmp_path / "b_20200702.tif", paint(field, NAMES))
    written = geoglot.change([first, last], None, tmp_path / "change.tif", model=ColourScorer(NAMES))
    kept = geoglot.change([first, last], None, model=ColourScorer(NAMES), options=ChangeOptions(overlay=False))
    for result in (written, kept):
        page, moved = look_at(result), result.transitions[0]
        assert page.rows == 3 and len(page.pictures) == 3 and f"{moved.source} to {moved.target}" in page.text
        assert [axes.get_title() for axes in draw(result)] == ["2015-06-29", "2020-07-02", "what changed"]
    np.testing.assert_array_equal(*drawn_and_written(written, written.outputs["picture"]))
    assert explore(written).count("L.imageOverlay") == 3
    assert explore(kept).count("L.imageOverlay") == 2 and '"type": "Feature"' in explore(kept)


def test_a_sample_does_not_show_its_places_before_they_are_decided(scene: Path, tmp_path: Path) -> None:
    made = geoglot.segment(scene, WORDS, tmp_path / "map.tif", model=PooledColours(), options=SegmentOptions())
    drawn = geoglot.draw_audit(made.output, tmp_path / "audit", options=geoglot.AuditOptions(size=30, least=5))
    page = look_at(drawn)
    assert len(page.pictures) == 1 and HOSTILE in page.text and drawn.draw().shapes is None
    assert len(draw(drawn)) == 1 and explore(drawn).count("L.imageOverlay") == 1
    decide(tmp_path / "audit", lambda number, *_: "water" if number % 2 else HOSTILE)
    audit = geoglot.audit_areas(tmp_path / "audit")
    page = look_at(audit)
    assert len(page.pictures) == 2 and "95 % interval" in page.text and "overall accuracy" in page.text
    shapes = audit.draw().shapes
    assert len(draw(audit)) == 2 and explore(audit).count('"type": "Feature"') == len(shapes) == sum(audit.decided)
    assert set(shapes["is"]) == {"water", HOSTILE} and set(shapes["on the map"]) <= {"water", "forest", HOSTILE}


def test_facts_of_a_raster(scene: Path) -> None:
    info = geoglot.inspect_raster(scene)
    page = look_at(info)
    assert len(page.pictures) == len(draw(info)) == explore(info).count("L.imageOverlay") == 1
    assert page.rows >= 9 and HOSTILE in page.text and "scene" not in info.to_json()


def test_embeddings_of_a_tile_are_colours(scene: Path) -> None:
    with geoglot.open_raster(scene) as raster:
        encoded = geoglot.encode(raster.read(raster.grid.whole), PooledColours())
    assert len(look_at(encoded).pictures) == len(draw(encoded)) == explore(encoded).count("L.imageOverlay") == 1


def test_a_scene_without_a_place_has_no_map(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "s.tif", paint(class_field((96, 96), 3), NAMES), crs=None)
    result = geoglot.find(path, WORDS, model=PooledColours(), options=PLAIN)
    assert len(look_at(result).pictures) == len(draw(result)) == 2
    with pytest.raises(InputError, match=r"plot\(\) draws it"):
        result.explore()
