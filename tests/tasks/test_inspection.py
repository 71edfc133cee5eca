from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from PIL import Image

import geoglot
from conftest import MakeGeotiff
from geoglot.cli.info import describe
from geoglot.errors import ModelError, OutputError
from geoglot.models.card import read_card
from geoglot.models.stored import find_model
from geoglot.options import ReadOptions

FINE = Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0)


@pytest.fixture
def scene(make_geotiff: MakeGeotiff, rng: np.random.Generator) -> Path:
    """Blue, green, red, infrared; no data in a corner; 2 m."""
    pixels = rng.integers(500, 3000, (4, 90, 120), dtype=np.uint16)
    pixels[:, :30, :40] = 0
    return make_geotiff(pixels, transform=FINE, descriptions=["B", "G", "R", "N"], nodata=0)


def test_what_a_raster_holds(scene: Path) -> None:
    info = geoglot.inspect_raster(scene)
    assert (info.driver, info.shape, info.shown, info.guessed) == ("GTiff", (90, 120), (3, 2, 1), False)
    assert [band.colour for band in info.bands] == ["blue", "green", "red", "nir"]
    assert {(band.type, band.nodata) for band in info.bands} == {("uint16", 0.0)}
    for band in info.bands:
        assert band.low == pytest.approx(550, abs=25) and band.high == pytest.approx(2950, abs=25)
    assert info.resolution_m == pytest.approx(2, rel=1e-3) and info.area_m2 == pytest.approx(90 * 120 * 4, rel=1e-2)
    assert info.bounds is not None and info.bounds[0] < info.bounds[2]
    assert info.radiometry["how"] == "percentile 2-98" and any("is not 8 bit" in note for note in info.notes)
    assert json.loads(json.dumps(info.to_json(), allow_nan=False))["bands"][3]["colour"] == "nir"


def test_whether_a_model_understands_it(make_geotiff: MakeGeotiff, scene: Path, colours: np.ndarray) -> None:
    fine = geoglot.inspect_raster(scene).fit
    assert fine.fits and fine.read_at_m == pytest.approx(2, rel=1e-3)
    assert fine.understands_m == read_card(find_model("mini")).resolution
    coarse = geoglot.inspect_raster(make_geotiff(colours, transform=FINE @ Affine.scale(15))).fit
    assert coarse.fits is False and coarse.read_at_m == pytest.approx(10, rel=1e-3) and "adds no detail" in coarse.says
    nowhere = geoglot.inspect_raster(make_geotiff(colours, None, None)).fit
    assert nowhere.fits is None and nowhere.read_at_m is None
    with pytest.raises(ModelError):
        geoglot.inspect_raster(scene, model="nobody")


def test_what_took_it_is_told(make_geotiff: MakeGeotiff, colours: np.ndarray, tmp_path: Path) -> None:
    path = make_geotiff(colours.repeat(2, 0), path=tmp_path / "LE07_x.tif", photometric="MINISBLACK")
    info = geoglot.inspect_raster(path)
    assert info.sensor == "Landsat 4-7" and info.shown == (3, 2, 1) and "as in files of Landsat 4-7" in info.why
    assert [band.colour for band in info.bands][:4] == ["blue", "green", "red", "nir"]


def test_bands_are_drawn(scene: Path, tmp_path: Path) -> None:
    picture = tmp_path / "bands.png"
    info = geoglot.inspect_raster(scene, picture=picture)
    assert info.picture == picture and info.to_json()["picture"] == str(picture)
    with Image.open(picture) as image:
        sheet = np.array(image)
    natural, infrared = sheet[10:100, 10:130], sheet[10:100, 170:290]
    assert (natural[:30, :40] == 214).all() and (infrared[:30, :40] == 214).all()  # no data
    np.testing.assert_array_equal(natural[40:, :, 0], infrared[40:, :, 1])  # red is green in colour-infrared
    assert (natural[40:, :, 0] != infrared[40:, :, 0]).any()


def test_a_number_that_is_no_data_can_be_said(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    numbers = colours.astype(np.uint16)
    numbers[:, :100] = 9999
    path = make_geotiff(numbers)
    assert geoglot.inspect_raster(path, read=ReadOptions(nodata=9999.0)).bands[0].high == pytest.approx(250, abs=5)
    assert geoglot.inspect_raster(path, read=ReadOptions(nodata="none")).bands[0].high == 9999


def test_many_bands_are_drawn_in_part(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    info = geoglot.inspect_raster(make_geotiff(np.ones((50, 8, 8), np.uint8)), picture=tmp_path / "bands.png")
    assert len(info.bands) == 50 and info.notes[-1].endswith("shows the first 48 of 50 bands")


def test_a_band_without_data_and_an_output_without_a_folder(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    empty = make_geotiff(np.full((1, 64, 64), np.nan, np.float32), nodata=np.nan)
    info = geoglot.inspect_raster(empty)
    assert (info.bands[0].low, info.bands[0].high, info.bands[0].nodata) == (None, None, "nan")
    assert any("shown in grey" in note for note in info.notes)
    json.dumps(info.to_json(), allow_nan=False)
    with pytest.raises(OutputError, match="does not exist"):
        geoglot.inspect_raster(empty, picture=tmp_path / "no" / "bands.png")


def test_the_first_of_very_many_bands_are_measured(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoglot.tasks.inspection._MOST_MEASURED", 2)
    monkeypatch.setattr("geoglot.tasks.inspection._MOST", 1)
    info = geoglot.inspect_raster(scene)
    assert [band.low is None for band in info.bands] == [False, True, True, True]
    assert "only the first 1 of 4 bands are measured" in info.notes
    monkeypatch.setattr("geoglot.cli.info._MOST_LINES", 1)
    assert "and 3 more bands, which --json lists" in describe(info)
