from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image

from conftest import MakeGeotiff
from geoglot.aliases import Sensor
from geoglot.sources.pixels import radiometry as module
from geoglot.sources.pixels.radiometry import FULL_RANGE, Radiometry
from geoglot.sources.raster import open_raster


@pytest.fixture
def reflectances(rng: np.random.Generator) -> np.ndarray:
    """12 bands of reflectance 0.02..0.5, (12, 128, 128)."""
    return rng.uniform(0.02, 0.5, (12, 128, 128))


def radiometry(path: Path, sensor: Sensor | None = None) -> Radiometry:
    with open_raster(path, sensor=sensor) as raster:
        return raster.radiometry


def test_bytes_pass_unchanged(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    found = radiometry(make_geotiff(colours // 4 + 1))
    assert found.how == FULL_RANGE
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16).repeat(3, 0)
    np.testing.assert_array_equal(found.apply(values, np.ones((16, 16), bool)), values / np.float32(255))


def test_other_numbers_are_stretched_by_percentiles(make_geotiff: MakeGeotiff, rng: np.random.Generator) -> None:
    values = rng.normal(1000, 200, (3, 256, 256)) * np.array([1, 2, 3])[:, None, None]
    values[:, :20] = -9999
    found = radiometry(make_geotiff(values.astype(np.float32), nodata=-9999))
    low, high = np.percentile(values[:, 20:].reshape(3, -1), [2, 98], axis=1)
    np.testing.assert_allclose(found.low, low, rtol=1e-3)
    np.testing.assert_allclose(found.high, high, rtol=1e-3)
    assert found.how == "percentile 2-98"
    assert json.loads(json.dumps(found.to_json()))["how"] == found.how


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 2.0**31), (1e300, 0.0), (1e-310, 0.0)])
def test_numbers_that_no_float32_tells_apart_are_stretched(
    make_geotiff: MakeGeotiff, rng: np.random.Generator, scale: float, offset: float
) -> None:
    values = rng.integers(0, 256, (3, 64, 64)).astype(np.float64)
    plain, other = (make_geotiff(numbers) for numbers in (values, values * scale + offset))
    with open_raster(plain) as expected, open_raster(other) as raster:
        whole = raster.grid.whole
        np.testing.assert_allclose(raster.read(whole).pixels, expected.read(whole).pixels, atol=1e-6)


def test_a_constant_band_does_not_divide_by_zero(make_geotiff: MakeGeotiff) -> None:
    with open_raster(make_geotiff(np.full((3, 64, 64), 700, np.uint16))) as raster:
        tile = raster.read(raster.grid.whole)
    assert tile.valid.all() and (tile.pixels == 0).all()


def test_nothing_valid_is_no_error(make_geotiff: MakeGeotiff) -> None:
    with open_raster(make_geotiff(np.zeros((3, 64, 64), np.uint16), nodata=0)) as raster:
        assert not raster.read(raster.grid.whole).valid.any()


def test_a_large_raster_is_sampled_not_read(
    make_geotiff: MakeGeotiff, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = rng.integers(0, 4000, (3, 900, 1100), dtype=np.uint16)
    path = make_geotiff(values)
    whole = radiometry(path)
    monkeypatch.setattr(module, "_WHOLE_MAX_PIXELS", 1000)
    monkeypatch.setattr(module, "_BLOCK", 32)
    lattice = radiometry(path)
    assert lattice != whole  # 64 blocks of 32 x 32 instead of all
    np.testing.assert_allclose(lattice.high, whole.high, rtol=0.01)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4])
    np.testing.assert_allclose(radiometry(path).high, whole.high, rtol=0.01)


SENTINEL2_CASES: dict[str, tuple[int, dict[str, Any], str, int]] = {
    "tag, new": (1000, {"tags": {"PROCESSING_BASELINE": "05.09"}}, "scene.tif", 1000),
    "tag, old": (0, {"tags": {"PROCESSING_BASELINE": "03.01"}}, "scene.tif", 0),
    "name, new": (1000, {}, "S2B_MSIL2A_20230601T101609_N0509_R065_T32UQD.tif", 1000),
    "name, old": (1000, {}, "S2B_MSIL2A_20200601T101609_N0214_R065_T32UQD.tif", 0),
    "unknown, with offset": (1000, {}, "scene.tif", 1000),
    "unknown, harmonised": (0, {}, "scene.tif", 0),
}


@pytest.mark.parametrize("case", SENTINEL2_CASES)
def test_sentinel2(make_geotiff: MakeGeotiff, tmp_path: Path, reflectances: np.ndarray, case: str) -> None:
    stored_offset, options, name, expected = SENTINEL2_CASES[case]
    stored = (reflectances * 10_000 + stored_offset).astype(np.uint16)
    found = radiometry(make_geotiff(stored, path=tmp_path / name, **options), "sentinel2-l2a")
    assert found.low == pytest.approx((expected,) * 3)
    assert found.high == pytest.approx((expected + 3000,) * 3)
    assert found.how.startswith("sensor:sentinel2-l2a")


def test_landsat_shows_reflectance(make_geotiff: MakeGeotiff, reflectances: np.ndarray) -> None:
    stored = np.round((reflectances[:7] + 0.2) / 2.75e-5).astype(np.uint16)
    with open_raster(make_geotiff(stored), sensor="landsat-c2-l2") as raster:
        pixels = raster.read(raster.grid.whole).pixels
    np.testing.assert_allclose(pixels, np.clip(reflectances[[3, 2, 1]] / 0.3, 0, 1), atol=1e-3)


def test_scale_and_offset_tags_come_before_the_sensors(make_geotiff: MakeGeotiff, reflectances: np.ndarray) -> None:
    path = make_geotiff(((reflectances + 0.05) * 20_000).astype(np.uint16))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (1 / 20_000,) * 12, (-0.05,) * 12
    with open_raster(path, sensor="sentinel2-l2a") as raster:
        pixels = raster.read(raster.grid.whole).pixels
    np.testing.assert_allclose(pixels, np.clip(reflectances[[3, 2, 1]] / 0.3, 0, 1), atol=1e-3)
    assert "tags" in raster.radiometry.how


@pytest.mark.parametrize("bits", ["abc", "", "4.5", "2000", "-5", "9" * 5000])
def test_bits_that_cannot_be_do_not_count(tmp_path: Path, colours: np.ndarray, bits: str) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.moveaxis(colours, 0, 2)).save(path)
    tags = f'<Metadata domain="IMAGE_STRUCTURE"><MDI key="NBITS">{bits}</MDI></Metadata>'
    bands = "".join(f'<PAMRasterBand band="{band}">{tags}</PAMRasterBand>' for band in (1, 2, 3))
    Path(f"{path}.aux.xml").write_text(f"<PAMDataset>{bands}</PAMDataset>")
    assert radiometry(path).how == FULL_RANGE
