"""What the tests of the page of the map do in a browser, again and again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Playwright

OpenPage = Callable[..., "Page"]
#: Flags of a browser that draws WebGL without a graphics card
_GRAPHICS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def launch(playwright: Playwright) -> Browser | None:
    """The browser of this machine, which draws WebGL without a graphics card; None if there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return playwright.chromium.launch(executable_path=found, args=_GRAPHICS) if found else None


def look_for(page: Page, words: str) -> None:
    """Type words and wait until each has its heat."""
    page.fill("#words", words)
    page.keyboard.press("Enter")
    for word in words.split(","):
        card_of(page, word.strip()).get_by_label(f"Threshold of {word.strip()}").wait_for()


def card_of(page: Page, word: str) -> Locator:
    """The card of a word in the panel."""
    return page.get_by_role("article", name=word, exact=True)
