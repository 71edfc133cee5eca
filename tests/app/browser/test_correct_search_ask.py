"""Clicks that teach, searches that go on from hits, dates side by side, and questions with their evidence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio

from geoglot.demo import SCENE
from mappage import card_of, look_for, picture_of_map

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page


def test_right_and_wrong_places_teach_the_word_anew(page: Page) -> None:
    look_for(page, "building")
    card = card_of(page, "building")
    card.get_by_text("Correct it").click()
    box = page.locator(".map").first.bounding_box()
    assert box is not None
    for name, spots in (("Right places", (0.35, 0.45, 0.55)), ("Wrong places", (0.4, 0.5, 0.6))):
        card.get_by_role("button", name=name).click()
        for i, across in enumerate(spots):
            page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * (0.3 + 0.2 * i))
    assert page.locator(".pin.right").count() == 3 and page.locator(".pin.wrong").count() == 3
    page.keyboard.press("u")
    assert page.locator(".pin.wrong").count() == 2
    card.get_by_role("textbox", name="Keep it as").fill("my-buildings")
    card.get_by_role("button", name="Learn", exact=True).click()
    card.get_by_text("On places that it did not learn from").wait_for()
    assert re.search(r"IoU .* by the word alone, .* now", card.inner_text())
    assert "my-buildings" in page.get_by_label("Model").inner_text()
    look_for(page, "trees")
    page.get_by_role("tab", name="Search").click()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.locator(".pin").count() == 5  # marking ended with its buttons
    page.get_by_role("tab", name="Words").click()
    with page.expect_request(lambda each: "/api/jobs/segment" in each.url) as asked:
        page.get_by_role("button", name="Make a class map of these 2 words").click()
    assert asked.value.post_data_json["model"] == "my-buildings"
    page.get_by_label("Class map").get_by_role("table").wait_for()


def test_a_search_shows_places_and_goes_on_from_them(page: Page) -> None:
    page.get_by_role("tab", name="Search").click()
    page.get_by_label("Places that look like").fill("houses")
    page.keyboard.press("Enter")
    hits = page.get_by_role("tabpanel").get_by_role("listitem")
    hits.first.wait_for()
    assert hits.first.locator("img").evaluate("each => each.decode().then(() => each.naturalWidth)") > 0
    with page.expect_request(lambda each: "/api/jobs/search" in each.url) as asked:
        page.get_by_role("button", name="Less like hit 1", exact=True).click()
    assert len(asked.value.post_data_json["unlike"]) == 1
    page.get_by_text("unlike 1 of them").wait_for()
    page.get_by_role("tab", name="Ask").click()
    page.get_by_role("tab", name="Search").click()
    assert page.get_by_role("button", name="Less like hit", pressed=True).count() == 1
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    assert waiting.value.suggested_filename.endswith(".csv")


def test_without_an_archive_there_is_no_search(page: Page) -> None:
    state = page.evaluate("fetch('/api/state').then((answer) => answer.json())")
    assert state["archives"]
    page.route("**/api/state", lambda route: route.fulfill(json=state | {"archives": []}))
    with page.expect_response("**/api/state"):
        page.reload()
    page.get_by_role("tab", name="Words").wait_for()
    page.keyboard.press("2")
    assert page.get_by_role("tab", name="Search").count() == 0
    assert page.get_by_role("tab", selected=True).inner_text() == "Words"


def test_a_search_is_restricted_to_the_area(page: Page) -> None:
    page.get_by_role("button", name="This view").click()
    page.get_by_role("tab", name="Search").click()
    page.get_by_label("Places that look like").fill("houses")
    with page.expect_request(lambda each: "/api/jobs/search" in each.url) as asked:
        page.keyboard.press("Enter")
    assert asked.value.post_data_json["area"]["type"] == "Polygon"


@pytest.fixture
def two_dates(page: Page, tmp_path: Path) -> Page:
    """The page with a later scene of the same place, where grass is instead of trees."""
    later = tmp_path / "later.tif"
    with rasterio.open(SCENE) as before:
        pixels, profile = before.read(), before.profile
    pixels[:, 150:330, 240:420] = pixels[:, 260:290, 480:510].repeat(6, 1).repeat(6, 2)
    with rasterio.open(later, "w", **profile) as file:
        file.write(pixels)
    page.get_by_label("GeoTIFF to open").set_input_files(later)
    page.get_by_role("status").get_by_text("is open").wait_for()
    page.get_by_role("tab", name="Time").click()
    return page


def test_two_dates_lie_side_by_side(two_dates: Page) -> None:
    page = two_dates
    page.get_by_label("Compare it with").select_option(index=1)
    line = page.get_by_label("Line between")
    line.wait_for()
    line.fill("20")
    assert page.locator(".over").evaluate("each => each.style.clipPath") == "inset(0px 0px 0px 20%)"
    other = page.get_by_label("Compare it with").input_value()
    scenes = page.locator("header select")
    first = scenes.input_value()
    scenes.select_option(other)
    assert page.locator(".over").count() == 0  # a date is not compared with itself
    scenes.select_option(first)
    page.locator(".over").wait_for()
    page.get_by_label("Compare it with").select_option(index=0)
    assert page.locator(".over").count() == 0


def test_changes_have_a_table_a_chart_and_files(two_dates: Page) -> None:
    page = two_dates
    page.get_by_label("Compare it with").select_option(index=1)
    page.get_by_label("What changed between the two dates?").fill("trees, grass")
    page.keyboard.press("Enter")
    changes = page.get_by_label("Changes", exact=True)
    changes.get_by_role("table").wait_for()
    assert "trees" in changes.get_by_role("table").inner_text()
    assert changes.get_by_role("img", name="Areas of the classes on each date").is_visible()
    page.get_by_label("Line between").fill("0")  # the other date alone, with the changes over it
    shown = picture_of_map(page)
    page.get_by_role("button", name="Hide the changes").click()
    assert np.abs(picture_of_map(page) - shown).max() > 20
    with page.expect_download() as waiting:
        changes.get_by_role("link", name="CSV").click()
    assert waiting.value.suggested_filename.endswith("change.csv")


def test_a_question_is_answered_with_evidence_and_program(page: Page) -> None:
    page.get_by_role("tab", name="Ask").click()
    page.get_by_label("A question about the scene").fill("How many buildings are there?")
    page.keyboard.press("Enter")
    answer = page.get_by_role("article", name="How many buildings are there?")
    answer.wait_for()
    assert re.search(r"\d", answer.locator(".text").inner_text())
    assert not answer.locator("pre").is_visible()
    answer.get_by_text("Program").click()
    assert "count" in answer.locator("pre").inner_text() or "find" in answer.locator("pre").inner_text()
