"""The page of the map in a real browser. Without chromium or playwright these tests are skipped, and say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from mappage import OpenPage, launch
from mapserver import TOKEN, Served, serve_demo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that draws WebGL without a graphics card; its event loop ends with the file of tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, a package of the group dev")
    with playwright.sync_playwright() as running:
        browser = launch(running)
        if browser is None:
            pytest.skip("needs chromium: apt-get install chromium")
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A map of its own, since people in a browser drop files into it, which the tests of the routes would count."""
    with serve_demo(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def complaints() -> list[str]:
    """What the console of the page complained of, and whom else it asked. A test that wants some takes them out."""
    return []


@pytest.fixture
def open_page(browser: Browser, served: Served, complaints: list[str]) -> Iterator[OpenPage]:
    """Opens the page of the map; at the end there must be no complaints."""
    origin = f"http://127.0.0.1:{served.port}"
    contexts = []

    def open_page(path: str = f"/?token={TOKEN}", width: int = 1200, height: int = 800, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light",
            accept_downloads=True, reduced_motion="reduce",
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda each: complaints.append(each.text) if each.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda each: None if each.url.startswith((origin, "blob:", "data:")) else
                complaints.append(f"asked {each.url}"))  # fmt: skip
        page.goto(origin + path)
        page.wait_for_selector("[data-ready=yes]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The page of the map on a desk."""
    return open_page()
