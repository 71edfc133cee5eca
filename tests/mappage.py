"""What the tests of the page of the map do in a browser, again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

OpenPage = Callable[..., "Page"]
#: Flags of a browser that draws WebGL without a graphics card
GRAPHICS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def look_for(page: Page, words: str) -> None:
    """Type words and wait until each has its heat."""
    page.fill("#words", words)
    page.keyboard.press("Enter")
    for word in words.split(","):
        card_of(page, word.strip()).get_by_label(f"Threshold of {word.strip()}").wait_for()


def card_of(page: Page, word: str) -> Locator:
    """The card of a word in the panel."""
    return page.get_by_role("article", name=word, exact=True)
