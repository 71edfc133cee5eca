"""Audits by keyboard, areas from files, searches by a picture, and the view as a PNG."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from geoglot.demo import SCENE
from mappage import AXE, barriers, card_of, look_for, picture_of_map

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page


#: Makes the page wait for each tile of scores as on a slow network.
LATE = """() => {
  const ask = window.fetch;
  const late = (address) => address.includes("/scores/") ? new Promise((done) => setTimeout(done, 1500)) : null;
  window.fetch = async (request, options) => {
    await late(request.url ?? String(request));
    return ask(request, options);
  };
}"""


def west_half(page: Page, folder: Path) -> Path:
    """A file with the area of the west half of the scene."""
    state = page.evaluate("fetch('api/state').then(each => each.json())")
    west, south, east, north = state["scenes"][0]["bounds"]
    middle = (west + east) / 2
    ring = [[west, south], [middle, south], [middle, north], [west, north], [west, south]]
    file = folder / "half.geojson"
    file.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return file


def assert_heat_of_the_west_alone(page: Page) -> None:
    """The heat of trees is drawn in the west; in the east there are outlines at most."""
    page.get_by_role("button", name="Hide trees").click()
    hidden = picture_of_map(page)
    page.get_by_role("button", name="Show trees").click()
    changed = np.abs(picture_of_map(page) - hidden).max(2) > 5
    near, far = changed[:, : changed.shape[1] * 2 // 5].mean(), changed[:, changed.shape[1] * 4 // 5 :].mean()
    assert near > 0.05 and far < 0.2, (near, far)


@pytest.fixture
def mapped(page: Page) -> Page:
    """The page with a class map."""
    look_for(page, "trees, grass")
    page.get_by_role("button", name="Make a class map of these 2 words").click()
    page.get_by_label("Class map").get_by_role("table").wait_for()
    return page


def test_an_audit_is_decided_by_the_keyboard_and_kept(mapped: Page) -> None:
    page = mapped
    page.keyboard.press("5")
    page.get_by_role("button", name="Draw random places").press("Enter")
    page.get_by_role("region", name="Place 1", exact=True).wait_for()
    picture = page.get_by_role("img", name="Place 1 of the scene")
    assert picture.evaluate("each => each.decode().then(() => each.naturalWidth)") > 100
    assert not AXE.is_file() or barriers(page) == []
    assert page.get_by_label("Class map").count() == 0
    for key, place in (("2", 2), ("3", 3), ("0", 4)):  # other is 1
        page.keyboard.press(key)
        page.get_by_role("region", name=f"Place {place}", exact=True).wait_for()
    page.get_by_text("3 of ").wait_for()
    page.keyboard.press("b")
    assert page.get_by_role("button", name="cannot be told", pressed=True).count() == 1
    page.keyboard.press("u")
    page.get_by_text("Took back deciding place 3.").wait_for()
    page.get_by_text("2 of ").wait_for()
    total = int(re.findall(r"of (\d+) places", page.get_by_role("tabpanel").inner_text())[0])
    for _ in range(total):
        page.keyboard.press("2")
    page.get_by_text(f"{total} of {total} places are decided.").wait_for()
    areas = page.get_by_label("Areas with intervals")
    areas.get_by_role("table").first.wait_for()
    assert "m²" in areas.inner_text() and " to " in areas.inner_text()
    page.get_by_text("Saving").wait_for(state="detached")
    page.get_by_role("button", name="Show on the map").click()
    page.reload()
    page.get_by_role("tab", name="Audit").click()
    page.get_by_role("button", name="trees, grass").click()
    page.get_by_text(f"{total} of {total} places are decided.").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download the sample").click()
    assert waiting.value.suggested_filename.endswith("sample.csv")


def test_an_area_comes_from_a_file_and_everything_keeps_to_it(page: Page, tmp_path: Path) -> None:
    look_for(page, "trees")
    card = card_of(page, "trees")
    card.get_by_text("objects").first.wait_for()
    before = card.locator("strong").inner_text()
    file = west_half(page, tmp_path)
    with page.expect_request(lambda each: "/api/jobs/find" in each.url) as found:
        page.get_by_label("Area from a file").set_input_files(file)
    assert found.value.post_data_json["area"]["type"] in ("Polygon", "MultiPolygon")
    page.get_by_text("are now of the area alone").wait_for()
    page.wait_for_function("before => document.querySelector('article strong')?.innerText !== before", arg=before)
    assert_heat_of_the_west_alone(page)
    look_for(page, "grass")
    with page.expect_request(lambda each: "/api/jobs/segment" in each.url) as mapped:
        page.get_by_role("button", name="Make a class map of these 2 words").click()
    assert mapped.value.post_data_json["area"] == found.value.post_data_json["area"]
    page.get_by_label("Class map").get_by_role("table").wait_for()
    page.get_by_role("tab", name="Ask").click()
    page.get_by_label("A question about the scene").fill("How many buildings are there?")
    with page.expect_request(lambda each: "/api/jobs/ask" in each.url) as asked:
        page.keyboard.press("Enter")
    assert asked.value.post_data_json["area"] == found.value.post_data_json["area"]
    page.get_by_role("button", name="No area").click()
    assert page.get_by_role("button", name="No area").count() == 0
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="No area").wait_for()


def test_heat_that_is_still_on_its_way_is_cut_as_well(page: Page, tmp_path: Path) -> None:
    page.evaluate(LATE)
    look_for(page, "trees")
    page.get_by_label("Area from a file").set_input_files(west_half(page, tmp_path))
    page.get_by_text("are now of the area alone").wait_for()
    assert_heat_of_the_west_alone(page)


def test_a_picture_is_searched_by_and_more_like_its_hits(page: Page, tmp_path: Path) -> None:
    with Image.open(SCENE) as scene:
        pixels = np.asarray(scene)[:200, :200, :3]
    file = tmp_path / "roofs.jpg"
    Image.fromarray((pixels / pixels.max() * 255).astype(np.uint8)).save(file)
    page.get_by_role("tab", name="Search").click()
    page.get_by_label("Picture to search by").set_input_files(file)
    hits = page.get_by_role("tabpanel").get_by_role("listitem")
    hits.first.wait_for()
    page.get_by_text("like roofs.jpg").wait_for()
    with page.expect_request(lambda each: "/api/jobs/search" in each.url) as asked:
        page.get_by_role("button", name="More like hit 1", exact=True).click()
    body = asked.value.post_data_json
    assert body["image"].startswith("roofs-") and len(body["like"]) == 1 and body["text"] is None
    page.get_by_text("like 1 and unlike 0 of them").wait_for()
    page.get_by_role("button", name="No picture").click()
    assert page.get_by_role("button", name="Search", exact=True).is_disabled()
    drop = """([name, bytes]) => {
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array(bytes)], name, { type: "image/jpeg" }));
      const panel = document.querySelector("[role=group][aria-label=Search]");
      panel.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: files }));
    }"""
    page.evaluate(drop, ["dropped.jpg", list(file.read_bytes())])
    page.get_by_text("like dropped.jpg").wait_for()
    assert "dropped" not in page.locator("header select").inner_text()  # it is an example, and no scene


def test_the_view_is_saved_with_legend_and_scale(mapped: Page, tmp_path: Path) -> None:
    page = mapped
    card_of(page, "trees").get_by_text("Correct it").click()
    card_of(page, "trees").get_by_role("button", name="Right places").click()
    page.locator(".map").first.click(position={"x": 250, "y": 350})
    page.locator(".pin").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Picture", exact=True).click()
    assert waiting.value.suggested_filename == "scene-map.png"
    waiting.value.save_as(tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as file:
        pixels = np.asarray(file.convert("RGB"), np.int16)
    box = page.locator(".map").first.bounding_box()
    assert box is not None and pixels.shape == (round(box["height"]), round(box["width"]), 3)
    legend, middle = pixels[14:40, 14:20], pixels[200:400, 200:400]
    assert legend.min() > 200  # its plate is almost white
    assert middle.std() > 10  # the map is drawn
    assert (pixels[-24:-18, 30:60] < 80).all(2).any()  # the bar of the scale
    assert (np.abs(pixels[340:360, 240:260] - [11, 107, 58]).max(2) < 10).sum() > 100  # the mark of a right place


def test_the_taught_models_of_all_words_make_a_class_map(page: Page) -> None:
    look_for(page, "trees, grass")
    box = page.locator(".map").first.bounding_box()
    assert box is not None
    for word, down in (("trees", 0.35), ("grass", 0.6)):
        card = card_of(page, word)
        card.get_by_text("Correct it").click()
        for name, spots in (("Right places", (0.35, 0.55)), ("Wrong places", (0.4, 0.6))):
            card.get_by_role("button", name=name).click()
            for across in spots:
                page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
        card.get_by_role("button", name="Learn", exact=True).click()
        page.get_by_text(f"{word} was learned anew").wait_for()
    with page.expect_request(lambda each: "/api/jobs/segment" in each.url) as asked:
        page.get_by_role("button", name="Make a class map of these 2 words").click()
    body = asked.value.post_data_json
    assert [body["model"], *body["also"]] == ["trees-mine", "grass-mine"]
    page.get_by_label("Class map").get_by_role("table").wait_for()
