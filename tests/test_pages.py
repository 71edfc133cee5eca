"""Every block of the docs that says that it can be run, runs, and prints what the page shows below it.

Others have tests of their own: test_readme.py (README), test_notebooks_page.py and training/test_guide.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.windows import Window
from shapely.geometry import box

import geoglot
from geoglot.demo import SCENE
from pages import DOCS, Block, blocks, not_printed, run

ELSEWHERE = {"notebooks", "graft"}
#: Pages that no block of can run, and why
NOT_HERE = {"search": "the archive of the page shows baseball fields, and nobody may carry one"}
#: Pages whose commands cannot run here, and why; their Python runs, and tests/cli/test_examples.py reads their flags
ONLY_PYTHON = {
    "ask": "a server of a language model, a prompt, and other people's data sets",
    "audit": "between two commands a person decides",
    "install": "they install geoglot; scripts/check_package.py does",
    "map": "servers that do not end; tests/app does",
    "change": "the Python block does the same",
}
#: Cut-outs of the demo scene under the names that a page uses
SCENES = {
    "archive": ["scenes/a.tif"],
    "ask": ["scene.tif", "a.tif", "b.tif"],
    "batch": ["scenes/east.tif", "scenes/north/town.tif", "scenes/south/town.tif", "2015/a.tif", "2021/a.tif"],
    "change": ["2015.tif", "2021.tif"],
    "objects": ["scene.tif"],
}
#: Pages that show below a block what it prints
COMPARED = {"tour", "words-to-map"}
#: Three processes that each load a model, three times
SLOW = {"batch"}


def runnable(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python" or page.stem not in ONLY_PYTHON]


PAGES = [page for page in sorted(DOCS.glob("*.md")) if page.stem not in {*ELSEWHERE, *NOT_HERE} and runnable(page)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the scene of the demo, as `geoglot demo` leaves it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "cache"))
    Path("demo-output").mkdir()
    Path("demo-output/scene.tif").write_bytes(SCENE.read_bytes())
    return tmp_path


def cut(path: Path, row: int, col: int, side: int = 256) -> None:
    """A part of the demo scene."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(SCENE) as scene:
        window = Window(col, row, side, side)
        profile = {
            **scene.profile,
            "height": side,
            "width": side,
            "transform": scene.transform @ Affine.translation(col, row),
        }
        with rasterio.open(path, "w", **profile) as part:
            part.write(scene.read(window=window))
            part.descriptions = scene.descriptions


def prepare(page: str) -> None:
    """The files that a page takes for granted."""
    for number, name in enumerate(SCENES.get(page, [])):
        cut(Path(name), 0 if page == "change" else 80 * (number % 3), 300)
    if page == "batch":
        import geopandas

        west, south, east, north = rasterio.open("scenes/east.tif").bounds
        park = box(west, south, (west + east) / 2, (south + north) / 2)
        geopandas.GeoDataFrame(geometry=[park], crs="EPSG:32631").to_file("park.geojson")
    elif page == "segclip":
        Path("masks").mkdir()
        Image.new("L", (8, 8), 2).save("masks/a.png")


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow if page.stem in SLOW else (), id=page.stem) for page in PAGES],
)
def test_a_page_does_what_it_says(page: Path, place: Path) -> None:
    prepare(page.stem)
    names: dict[str, object] = {"geoglot": geoglot}
    for block in runnable(page):
        printed = run(block, names)
        if page.stem in COMPARED:
            assert not_printed(block.shown, printed) == [], printed


def test_the_new_pages_are_among_them() -> None:
    assert {"index", "tour", "words-to-map"} <= {page.stem for page in PAGES}
    assert set(ONLY_PYTHON) | set(NOT_HERE) | set(SCENES) | SLOW | COMPARED <= {page.stem for page in DOCS.glob("*.md")}


def test_what_a_page_shows_is_compared_but_for_figures() -> None:
    shown = "trees  3.88 ha  43.1%\n...\nmap  a.tif\n"
    assert not_printed(shown, "trees      4 ha   9%\nmap    a.tif\n") == []
    assert not_printed(shown, "grass      4 ha   9%\nmap    a.tif\n") == ["trees  3.88 ha  43.1%"]
