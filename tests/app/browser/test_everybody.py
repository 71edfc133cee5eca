"""The page for everybody: by keyboard alone, in light and dark, on a telephone, and behind a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mappage import AXE, OpenPage, barriers, card_of, look_for
from mapserver import TOKEN

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: npm ci in web/")
@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (360, False)])
def test_there_are_no_barriers(open_page: OpenPage, width: int, dark: bool) -> None:
    page = open_page(width=width, dark=dark)
    look_for(page, "building, elephant")
    card_of(page, "building").get_by_text("Correct it").click()
    assert barriers(page) == []
    for tab in ("Search", "Time", "Ask", "Audit"):
        page.get_by_role("tab", name=tab).click()
        assert barriers(page) == []


def test_a_telephone_shows_map_and_panel_without_sideways_scrolling(open_page: OpenPage) -> None:
    page = open_page(width=360, height=740)
    look_for(page, "building")
    card_of(page, "building").get_by_text("Correct it").click()  # so that the panel scrolls
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.documentElement.scrollHeight") <= 740
    card = card_of(page, "building").bounding_box()
    assert card is not None and card["x"] >= 0 and card["x"] + card["width"] <= 360


def test_the_keyboard_alone_looks_corrects_and_asks(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("building")
    page.keyboard.press("Enter")
    slider = card_of(page, "building").get_by_label("Threshold of building")
    slider.wait_for()
    card_of(page, "building").get_by_text("Correct it").press("Enter")
    card_of(page, "building").get_by_role("button", name="Right places").press("Enter")
    page.locator(".map canvas").first.focus()
    for key in ("Enter", "ArrowRight", "w", "Enter"):
        page.keyboard.press(key)
        page.wait_for_timeout(400)  # the map moves
    assert page.locator(".pin.right").count() == 1 and page.locator(".pin.wrong").count() == 1
    page.get_by_text("Marked a wrong place of building.", exact=True).wait_for()
    page.keyboard.press("Escape")
    card_of(page, "building").get_by_role("button", name="Hide building").press("Enter")
    page.locator(".map canvas").first.focus()
    page.keyboard.press("Enter")
    page.get_by_text("There is no object here.", exact=True).wait_for()
    page.keyboard.press("4")
    assert page.get_by_role("tab", name="Ask").get_attribute("aria-selected") == "true"
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()


def test_every_control_has_a_name_and_can_be_reached(page: Page) -> None:
    look_for(page, "building")
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, input, select, a')]"
        ".filter(each => each.checkVisibility() && each.tabIndex >= 0)"
        ".filter(each => !(each.innerText || each.ariaLabel || each.labels?.length))"
        ".map(each => each.outerHTML)"
    )
    assert nameless == []


def test_dark_is_kept(page: Page) -> None:
    page.get_by_role("button", name="Dark").click()
    page.reload()
    page.wait_for_selector("[data-ready=yes]")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_works_under_the_path_that_holds_the_token(open_page: OpenPage) -> None:
    """Like a proxy's path, such as JupyterHub's: every address is relative."""
    page = open_page(f"/key/{TOKEN}/")
    look_for(page, "trees")
    assert "m²" in card_of(page, "trees").inner_text()
