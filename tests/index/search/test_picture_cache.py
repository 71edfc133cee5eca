import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoglot.index.build import build
from geoglot.index.build.known_sources import Known, Row, forget
from geoglot.index.search.picture_cache import open_or_index
from geoglot.index.store.archive import Archive
from geoglot.index.store.coverage import live_sources

SLOW = ("pandas", "geopandas", "scipy", "pyogrio", "torch", "rasterio")
CODE = f"""
import sys
from geoglot.cli.main import cli
try:
    cli(["search", sys.argv[1], "red roof", "--json"])
except SystemExit as end:
    print(end.code, *[name for name in {SLOW!r} if name in sys.modules], file=sys.stderr)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "cache"))
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def test_what_two_searches_miss_at_once_is_forgotten_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = open_or_index(folder).archive
    (folder / "1.png").unlink()

    def forget_twice(found: Archive, known: Known, is_old: Callable[[Row], bool]) -> Archive:
        other = Known()
        other.update(found)
        forget(found, other, is_old)
        return forget(found, known, is_old)

    monkeypatch.setattr(build, "forget", forget_twice)
    assert archive.rows == 3 and open_or_index(folder).archive.rows == 2


def test_a_picture_that_was_renamed_is_searched_at_once(folder: Path) -> None:
    assert open_or_index(folder).archive.rows == 3
    (folder / "1.png").rename(folder / "new.png")
    (folder / "2.png").rename(folder / "1.png")
    sources = (row["source"] for row in live_sources(open_or_index(folder).archive))
    assert sorted(Path(source).name for source in sources) == ["0.png", "1.png", "new.png"]


def test_a_link_that_is_gone_is_searched_no_more(folder: Path, tmp_path: Path) -> None:
    (folder / "2.png").rename(tmp_path / "elsewhere.png")
    (folder / "link.png").symlink_to(tmp_path / "elsewhere.png")
    assert open_or_index(folder).archive.rows == 3
    (folder / "link.png").unlink()
    assert open_or_index(folder).archive.rows == 2


def test_the_second_search_of_a_folder_imports_little(folder: Path) -> None:
    assert open_or_index(folder).archive.rows == 3
    for slow in ("0 torch rasterio", "0"):  # new words need the model
        again = subprocess.run([sys.executable, "-c", CODE, folder], capture_output=True, text=True, check=True)
        assert again.stderr.splitlines()[-1] == slow and again.stdout.count("png") >= 3
