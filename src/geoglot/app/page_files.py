"""The page itself: files that a build of `web/` left in this package."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from geoglot.app.workspace import UnknownId

router = APIRouter(include_in_schema=False)
FOLDER = Path(__file__).parent / "page"
_TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript",
          ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png",
          ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".map": "application/json",
          ".webmanifest": "application/manifest+json", ".ico": "image/x-icon"}  # fmt: skip
_PLAIN = """<!doctype html><html lang="en"><title>geoglot</title><h1>geoglot</h1>
<p>This copy of geoglot has no page: build it with <code>make page</code>. Its routes are described in
<a href="api/openapi.json">api/openapi.json</a>.</p></html>"""


@router.get("/")
async def index() -> Response:
    """The page."""
    if not (FOLDER / "index.html").is_file():
        return HTMLResponse(_PLAIN)
    return _file("index.html", "no-cache")


@router.get("/{path:path}")
async def part(path: str) -> Response:
    """A part of the page; the names of all but the first hold a hash of what is in them."""
    return _file(path, "private, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache")


def _file(name: str, cache: str) -> FileResponse:
    parts = {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.suffix in _TYPES}
    if name not in parts:  # what a stranger writes is compared, and never opened
        raise UnknownId("the map has no such page")
    return FileResponse(parts[name], media_type=_TYPES[parts[name].suffix], headers={"cache-control": cache})
