"""The page of the map as it is built into the package: what it loads, from where, and how much that is."""

import gzip
import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from geoglot.app.server import make_api

PAGE = Path(str(files("geoglot"))) / "app" / "page"
WEB = Path(__file__).parents[2] / "web"
SOURCES = pytest.mark.skipif(not WEB.is_dir(), reason="needs web/ of the source tree")


def test_loads_only_its_own_files_by_relative_addresses() -> None:
    html = (PAGE / "index.html").read_text()
    addresses = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert len(addresses) >= 3
    assert all(address.startswith("./") and (PAGE / address).is_file() for address in addresses)


def test_has_no_inline_scripts_or_styles() -> None:
    html = (PAGE / "index.html").read_text()
    assert re.findall(r"<script[^>]*>([^<]*)</script>", html) == [""]
    assert not re.search(r"<style|\sstyle=|\son\w+=", html)


def test_styles_load_nothing_from_the_network() -> None:
    styles = "".join(file.read_text() for file in PAGE.rglob("*.css"))
    assert "@import" not in styles and "@font-face" not in styles
    assert all(
        address.startswith("data:") for address in re.findall(r"url\([\"']?([^\"')]*)", styles) if ":" in address
    )


def test_is_small() -> None:
    """All that the page may ever load, compressed; MapLibre's worker runs beside it and is loaded on its own."""
    parts = [file for file in PAGE.rglob("*") if file.suffix in {".html", ".js", ".css", ".svg"}]
    assert sum(len(gzip.compress(file.read_bytes())) for file in parts) < 600_000


@SOURCES
def test_is_typed_by_todays_routes() -> None:
    """`make page` writes both again."""
    assert json.loads((WEB / "openapi.json").read_text()) == json.loads(json.dumps(make_api().openapi()))


@SOURCES
def test_names_the_licences_of_all_that_is_built_in() -> None:
    licences = (PAGE / "LICENCES.md").read_text()
    packages = json.loads((WEB / "package.json").read_text())["dependencies"]
    assert [name for name, version in packages.items() if f"## {name} - {version}" not in licences] == []
    assert "## svelte - " in licences
