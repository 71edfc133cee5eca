"""What the tests of the page of the map do in a browser, again and again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Playwright

AXE = Path(__file__).parents[1] / "web/node_modules/axe-core/axe.min.js"
OpenPage = Callable[..., "Page"]
#: Flags of a browser that draws WebGL without a graphics card
_GRAPHICS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def launch(playwright: Playwright) -> Browser | None:
    """The browser of this machine, which draws WebGL without a graphics card; None if there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return playwright.chromium.launch(executable_path=found, args=_GRAPHICS) if found else None


def barriers(page: Page) -> list[str]:
    """What axe-core finds serious or critical, as "rule: where"."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run().then(each => each.violations)")
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {node['target']}" for each in grave for node in each["nodes"]]


def look_for(page: Page, words: str) -> None:
    """Type words and wait until each has its heat."""
    page.fill("#words", words)
    page.keyboard.press("Enter")
    for word in words.split(","):
        card_of(page, word.strip()).get_by_label(f"Threshold of {word.strip()}").wait_for()


def card_of(page: Page, word: str) -> Locator:
    """The card of a word in the panel."""
    return page.get_by_role("article", name=word, exact=True)


def picture_of_map(page: Page) -> np.ndarray:
    """What the map shows once it has drawn all that it has: a picture that stays."""
    pictures = [b"", _shot_of_still_map(page)]
    while pictures[-1] != pictures[-2]:
        page.wait_for_timeout(500)  # a map that was slow is drawn once more, with all of its pixels
        pictures.append(_shot_of_still_map(page))
    return np.asarray(Image.open(BytesIO(pictures[-1])).convert("RGB"), np.int16)


def _shot_of_still_map(page: Page) -> bytes:
    """A picture of the map when nothing that was asked for is still to be drawn, however busy the machine is."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    drawn = page.locator(".map[data-still=yes]").first
    drawn.wait_for()
    return drawn.screenshot()
