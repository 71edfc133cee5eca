"""A base map that the user names is drawn below the scenes; nobody else is asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from mapserver import TOKEN, copy_demo, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_SIDE = 256


class _Tiles(BaseHTTPRequestHandler):
    """Answers each tile with one colour, and remembers what was asked."""

    asked: list[tuple[str, str]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Referer", "")))
        buffer = BytesIO()
        Image.new("RGB", (_SIDE, _SIDE), (200, 30, 160)).save(buffer, "PNG")
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(buffer.getvalue())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def tiles() -> Iterator[str]:
    """The origin of a server of tiles."""
    _Tiles.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tiles)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_base_map_lies_below_the_scene_and_learns_no_secret(browser: Browser, tiles: str, tmp_path: Path) -> None:
    complaints = list[str]()
    with serve([copy_demo(tmp_path)], tmp_path / "cache", basemap=f"{tiles}/{{z}}/{{x}}/{{y}}.png") as served:
        page = browser.new_context(viewport={"width": 900, "height": 600}).new_page()
        page.on("console", lambda each: complaints.append(each.text) if each.type in ("error", "warning") else None)
        page.goto(f"http://127.0.0.1:{served.port}/key/{TOKEN}/")
        page.wait_for_selector("[data-ready=yes]")
        page.get_by_role("button", name="Zoom out").click()
        page.wait_for_timeout(2000)  # the map draws what it has
        page.locator(".map").first.screenshot(path=tmp_path / "map.png")
        assert f"Base map: {tiles.removeprefix('http://')}" in page.locator(".maplibregl-ctrl-attrib").inner_text()
        page.context.close()
    with Image.open(tmp_path / "map.png") as file:
        pixels = np.asarray(file.convert("RGB"), np.int16)
    coloured = np.abs(pixels - (200, 30, 160)).max(2) < 12
    assert coloured[5:60, 5:60].mean() > 0.9  # around the scene
    height, width = coloured.shape
    assert coloured[height // 2 - 20 : height // 2 + 20, width // 2 - 20 : width // 2 + 20].mean() < 0.1
    assert complaints == []
    assert _Tiles.asked and all(TOKEN not in "".join(each) for each in _Tiles.asked)
    assert all(path.endswith(".png") for path, _ in _Tiles.asked)
