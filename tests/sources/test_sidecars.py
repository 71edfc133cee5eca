from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest
from PIL import Image

from conftest import UTM
from geoglot.errors import GridError
from geoglot.sources import sidecars as module
from geoglot.sources.raster import open_raster

WORLD = "10\n0\n0\n-10\n500005\n3999995\n"
PRJ = pyproj.CRS(32617).to_wkt("WKT1_ESRI")
AUX = f"<PAMDataset><SRS>{PRJ}</SRS><GeoTransform>5e5, 10, 0, 4e6, 0, -10</GeoTransform></PAMDataset>"


def photo(path: Path) -> Path:
    form = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".webp": "WEBP"}[path.suffix.lower()]
    Image.fromarray(np.full((20, 30, 3), 99, np.uint8)).save(path, form)
    return path


def upper(name: str) -> str:
    return name.upper()


@pytest.mark.parametrize("case", [str.lower, upper, str.title, str.swapcase])
@pytest.mark.parametrize(
    ("image", "world"),
    [("Shot.jpg", "Shot.jgw"), ("Shot.JPEG", "Shot.jpegw"), ("Shot.png", "Shot.wld"), ("Shot.tif", "Shot.tfw"),
     ("Shot.webp", "Shot.wld")],
)  # fmt: skip
def test_a_world_file_and_a_prj_in_any_case(tmp_path: Path, case: Callable[[str], str], image: str, world: str) -> None:
    path = photo(tmp_path / case(image))
    (tmp_path / case(world)).write_text(WORLD)
    (tmp_path / case("Shot.prj")).write_text(PRJ)
    with open_raster(path) as raster:
        assert raster.native.crs is not None and raster.native.crs.to_epsg(min_confidence=25) == 32617
        assert raster.native.transform == UTM


@pytest.mark.parametrize("name", ["shot.jpg.aux.xml", "SHOT.JPG.AUX.XML", "Shot.jpg.Aux.Xml"])
def test_what_gdal_writes_beside_an_image_in_any_case(tmp_path: Path, name: str) -> None:
    path = photo(tmp_path / "shot.jpg")
    (tmp_path / name).write_text(AUX)
    with open_raster(path) as raster:
        assert raster.native.crs is not None and raster.native.transform == UTM


def test_the_file_in_the_images_own_case_comes_first(tmp_path: Path) -> None:
    path = photo(tmp_path / "shot.jpg")
    for stem, code in (("SHOT", 32618), ("shot", 32617)):
        (tmp_path / f"{stem}.prj").write_text(pyproj.CRS(code).to_wkt())
    (tmp_path / "shot.jgw").write_text(WORLD)
    with open_raster(path) as raster:
        assert raster.native.crs is not None and raster.native.crs.to_epsg() == 32617


def test_a_sidecar_that_changes_makes_another_run(tmp_path: Path) -> None:
    path = photo(tmp_path / "SHOT.JPG")
    seen = []
    for name, text in (("SHOT.TXT", ""), ("SHOT.JGW", WORLD), ("SHOT.PRJ", PRJ), ("SHOT.PRJ", f"{PRJ} ")):
        (tmp_path / name).write_text(text)
        with open_raster(path) as raster:
            seen.append(str(raster.fingerprint()))
    assert len(set(seen)) == 4


def test_a_folder_is_listed_once_and_not_for_what_knows_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photo(tmp_path / "shot.jpg")
    os.utime(tmp_path, (1e9, 1e9))
    module._list_sidecars.cache_clear()
    for _ in range(5):
        open_raster(path).close()
    assert module._list_sidecars.cache_info().misses == 1
    (tmp_path / "shot.jpg.aux.xml").write_text(AUX)
    monkeypatch.setattr(module, "_sidecar_names", lambda _: pytest.fail("listed"))
    open_raster(path).close()


@pytest.mark.parametrize(("name", "text"), [("SHOT.PRJ", "no CRS at all"), ("SHOT.JPG.AUX.XML", "<PAMDataset>")])
def test_a_sidecar_that_says_nothing_is_named(tmp_path: Path, name: str, text: str) -> None:
    path = photo(tmp_path / "SHOT.JPG")
    (tmp_path / "SHOT.JGW").write_text(WORLD)
    (tmp_path / name).write_text(text)
    with pytest.raises(GridError, match=name):
        open_raster(path)


def test_a_sidecar_of_great_size_is_not_read(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.pgw").write_text("1\n0\n0\n-1\n0\n0\n")
    with (tmp_path / "a.prj").open("wb") as file:
        file.truncate(2**27)
    with pytest.raises(GridError, match="so large"):
        open_raster(tmp_path / "a.png")
