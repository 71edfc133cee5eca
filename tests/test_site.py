"""The site of the docs is built without a warning, whole, and asks no server for anything."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

import geoglot

pytest.importorskip("material")
ROOT = Path(__file__).parents[1]
#: Attributes by which a browser fetches without being asked
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}


class Elements(HTMLParser):
    """What a page loads, where its links go, and its anchors."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads, self.links, self.anchors = list[str](), list[str](), set[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if known.get("id"):
            self.anchors.add(known["id"] or "")
        if tag == "a" and known.get("href"):
            self.links.append(known["href"] or "")
        if (name := LOADED.get(tag)) and known.get("rel") != "canonical" and known.get(name):
            self.loads.append(known[name] or "")


def build(config: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        str(config),
        "--site-dir",
        str(folder),
    ]
    kept = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(words, env=kept, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Elements]:
    return {path: Elements(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_pages_load_nothing_from_a_server(pages: dict[Path, Elements]) -> None:
    assert len(pages) > 80
    loaded = {source for page in pages.values() for source in page.loads}
    assert sorted(source for source in loaded if re.match(r"(\w+:)?//", source) and "data:" not in source) == []


def test_links_and_anchors_hold(site: Path, pages: dict[Path, Elements]) -> None:
    broken = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # its links start at the root of a server
        for link in {link for link in (*page.links, *page.loads) if not re.match(r"(\w+:|//)", link)}:
            target, anchor = urldefrag(link)
            there = (path.parent / unquote(target)).resolve() if target else path
            known = pages[there].anchors if there in pages else {anchor}
            if not there.exists() or (anchor and anchor not in known and anchor != "__tabbed"):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_links_of_the_pages_beside_the_docs_hold() -> None:
    for page in ROOT.glob("*.md"):
        targets = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        assert [target for target in targets if not (ROOT / target).exists()] == [], page


def test_pictures_of_the_gallery_are_shown_and_small() -> None:
    shown = (ROOT / "docs/gallery.md").read_text(encoding="utf-8")
    pictures = sorted((ROOT / "docs/gallery").iterdir())
    assert len(pictures) > 8 and all(f"(gallery/{picture.name})" in shown for picture in pictures)
    assert max(picture.stat().st_size for picture in pictures) < 130_000


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z]+", text.lower()))


def test_the_reference_has_every_public_name_with_its_docstring(site: Path, pages: dict[Path, Elements]) -> None:
    page_text = re.sub("<[^>]*>", "", (site / "reference.html").read_text(encoding="utf-8"))
    anchors = {anchor.rpartition(".")[2] for anchor in pages[site / "reference.html"].anchors}
    assert set(geoglot.__all__) <= anchors
    assert geoglot.find.__doc__ and _words(geoglot.find.__doc__.split("\n")[0]) in _words(page_text)
    commands = (site / "commands.html").read_text(encoding="utf-8")
    assert "geoglot index add" in commands and "--classes" in commands


def test_broken_links_and_anchors_end_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# X\n\n[a](none.md) [b](#nowhere)\n", encoding="utf-8")
    config = tmp_path / "mkdocs.yml"
    config.write_text(
        f"INHERIT: {ROOT}/mkdocs.yml\ndocs_dir: docs\nhooks: []\nplugins: []\nnav: [index.md]\n", encoding="utf-8"
    )
    done = build(config, tmp_path / "site")
    assert done.returncode and "none.md" in done.stderr and "#nowhere" in done.stderr
