"""How quickly the page of the map answers in a browser: first heat after Enter, and a threshold that moves.

python benchmarks/page.py      # needs chromium and playwright
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from mappage import card_of, launch, look_for
from mapserver import TOKEN, copy_demo, serve

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Moves the slider of the first word, and answers with the milliseconds until the next picture was drawn
_MOVE = """async value => {
  const slider = document.querySelector('input[aria-label^=Threshold]');
  const began = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  await frame();
  return performance.now() - began;
}"""


def main() -> None:
    """Start a map of the scene of the demo, open it, and measure."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as running:
        folder = Path(name)
        with serve([copy_demo(folder)], folder / "cache") as served:
            scene = served.ask("/api/state").json()["scenes"][0]["id"]
            served.run("ask", {"scene": scene, "question": "Is there a car?"})  # models are loaded
            browser = launch(running)
            if browser is None:
                sys.exit("this benchmark needs chromium: apt-get install chromium")
            page = browser.new_page(viewport={"width": 1000, "height": 600})
            began = time.perf_counter()
            page.goto(f"http://127.0.0.1:{served.port}/?token={TOKEN}")
            page.wait_for_selector("[data-ready=yes]")
            print(f"page ready after {time.perf_counter() - began:.1f} s")
            first_heat(page)
            move(page)
            browser.close()


def first_heat(page: Page) -> None:
    """Seconds from Enter to the first tile of heat."""
    page.fill("#words", "building, trees")
    began = time.perf_counter()
    with page.expect_response(lambda each: "/scores/" in each.url):
        page.keyboard.press("Enter")
    print(f"first heat after {time.perf_counter() - began:.2f} s")


def move(page: Page) -> None:
    """Milliseconds of a threshold that moves, and what it requested."""
    look_for(page, "grass")
    card_of(page, "building").get_by_text("objects").first.wait_for()
    page.wait_for_timeout(3000)
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    spent = [page.evaluate(_MOVE, str(value)) for value in range(100, 160)]
    print(f"threshold: median {np.median(spent):.0f} ms, p90 {np.percentile(spent, 90):.0f} ms, {len(asked)} requests")


if __name__ == "__main__":
    main()
