"""Words typed become heat, objects with facts, and files; the slider needs no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geoglot.demo import SCENE
from mappage import card_of, look_for, picture_of_map

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page


def test_words_become_layers_with_heat_area_and_count(page: Page, tmp_path: Path) -> None:
    before = picture_of_map(page)
    look_for(page, "building, trees")
    card_of(page, "building").get_by_text("objects").first.wait_for()
    assert "m²" in card_of(page, "building").inner_text()
    look_for(page, "trees, building")
    page.get_by_text("These words are in the list already.").wait_for()
    heated = picture_of_map(page)
    assert np.abs(heated - before).max(2).mean() > 5
    page.get_by_role("button", name="Hide building").click()
    page.get_by_role("button", name="Hide trees").click()
    hidden = picture_of_map(page)
    assert np.abs(hidden - before).max(2).mean() < np.abs(heated - before).max(2).mean() / 4


def test_the_slider_asks_nobody_and_changes_area_and_picture(page: Page, tmp_path: Path) -> None:
    look_for(page, "building")
    card = card_of(page, "building")
    card.get_by_text("objects").first.wait_for()
    before, area = picture_of_map(page), card.locator("strong").inner_text()
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    # all at once, since on a busy machine the slider would come to rest between two keys
    card.get_by_label("Threshold of building").evaluate("""(slider) => {
        for (let i = 0; i < 10; i++) {
            slider.stepUp()
            slider.dispatchEvent(new Event('input', {bubbles: true}))
        }
    }""")
    assert asked == []
    assert card.locator("strong").inner_text() != area
    with page.expect_response(lambda each: "/api/jobs/find" in each.url):
        pass  # polygons follow when the slider rests
    assert np.abs(picture_of_map(page) - before).max() > 20


def test_outlining_that_fails_ends(page: Page, complaints: list[str]) -> None:
    look_for(page, "building")
    card = card_of(page, "building")
    card.get_by_text("objects").first.wait_for()
    refusal = {"error": {"kind": "InputError", "message": "not today"}}
    page.route("**/api/jobs/find", lambda route: route.fulfill(status=400, json=refusal))
    card.get_by_label("Threshold of building").press("ArrowRight")
    page.get_by_role("alert").get_by_text("not today").wait_for()
    assert card.get_by_text("outlining").count() == 0
    assert "400" in complaints.pop()


def test_a_server_that_is_away_is_said(page: Page, complaints: list[str]) -> None:
    page.route("**/api/jobs/heat", lambda route: route.abort())
    page.fill("#words", "building")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("does not answer").wait_for()
    assert "ERR_FAILED" in complaints.pop()


def test_what_is_not_there_is_said_and_not_drawn(page: Page) -> None:
    look_for(page, "elephant")
    card = card_of(page, "elephant")
    assert "no elephant found" in card.locator(".warn").inner_text()
    assert card.get_by_role("button", name="Show elephant").is_visible()


def test_an_object_that_is_clicked_shows_its_facts(page: Page) -> None:
    look_for(page, "building")
    card = card_of(page, "building")
    card.get_by_text("Objects, best first").click()
    card.get_by_role("listitem").get_by_role("button").first.click()  # the map goes there
    page.wait_for_timeout(500)
    page.locator(".map canvas").first.focus()
    page.keyboard.press("Enter")
    facts = page.get_by_label("Facts of the object")
    assert "score" in facts.inner_text() and "m²" in facts.inner_text()
    page.keyboard.press("Escape")
    assert facts.count() == 0


def test_objects_can_be_kept(page: Page) -> None:
    look_for(page, "building")
    with page.expect_download() as waiting:
        card_of(page, "building").get_by_role("link", name="GeoPackage").click()
    assert waiting.value.suggested_filename.endswith("objects.gpkg")


def test_a_link_restores_the_view_and_undo_takes_back(page: Page) -> None:
    look_for(page, "building")
    card_of(page, "building").get_by_label("Threshold of building").fill("200")
    page.wait_for_url(lambda url: "200%7Ebuilding" in url)  # a port may hold these digits, too
    page.reload()
    slider = card_of(page, "building").get_by_label("Threshold of building")
    slider.wait_for()
    assert slider.input_value() == "200"
    page.get_by_role("button", name="Remove building").click()
    assert card_of(page, "building").count() == 0
    page.get_by_role("button", name="Undo").click()
    assert card_of(page, "building").count() == 1


def test_a_link_that_is_pasted_is_followed(page: Page) -> None:
    page.evaluate("location.hash = 'at=3/999/0&word=mini~e69f00~5~1~999~trees'")
    card = card_of(page, "trees")
    card.get_by_text("objects").first.wait_for()
    assert card.get_by_label("Opacity of trees").input_value() == "0.85"


def test_a_pasted_link_holds_though_the_page_writes_its_own_before_it_hears(page: Page) -> None:
    page.evaluate("""() => {
        location.hash = 'scene=gone&word=mini~e69f00~1~1~~trees'
        history.replaceState(null, '', '#tab=words')
    }""")
    page.get_by_role("alert").get_by_text("scene of this link is not open").wait_for()


def test_a_link_to_a_scene_that_is_not_open_says_so(page: Page) -> None:
    page.evaluate("location.hash = 'scene=gone&word=mini~e69f00~1~1~~trees'")
    page.get_by_role("alert").get_by_text("scene of this link is not open").wait_for()
    assert card_of(page, "trees").count() == 0


def test_a_class_map_has_a_legend_and_files(page: Page, tmp_path: Path) -> None:
    look_for(page, "building, trees")
    page.get_by_role("button", name="Make a class map of these 2 words").click()
    table = page.get_by_label("Class map").get_by_role("table")
    table.wait_for()
    assert "trees" in table.inner_text() and "m²" in table.inner_text()
    with page.expect_download() as waiting:
        page.get_by_label("Class map").get_by_role("link", name="COG").click()
    assert waiting.value.suggested_filename.endswith("map.tif")
    page.get_by_role("tab", name="Ask").click()
    page.get_by_role("tab", name="Words").click()
    assert "trees" in table.inner_text()
    page.get_by_role("button", name="Remove building").click()
    page.get_by_role("button", name="Remove trees").click()
    page.get_by_role("button", name="Hide the class map").click()
    assert page.get_by_role("button", name="Show the class map").is_visible()


def test_a_file_can_be_opened(page: Page, tmp_path: Path) -> None:
    again = tmp_path / "again.tif"
    again.write_bytes(SCENE.read_bytes())
    page.get_by_label("GeoTIFF to open").set_input_files(again)
    page.get_by_role("status").get_by_text("is open").wait_for()
    assert page.locator("header option:checked").inner_text().startswith("again")


def test_a_file_that_is_no_raster_is_refused_in_words(page: Page, complaints: list[str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0 this is no picture")
    page.get_by_label("GeoTIFF to open").set_input_files(broken)
    page.get_by_role("alert").wait_for()
    assert "broken" in page.get_by_role("alert").inner_text()
    assert "422" in complaints.pop()  # browsers log every refusal
