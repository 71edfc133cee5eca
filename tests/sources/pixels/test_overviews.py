"""Overviews decide nothing unless they show the pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling

from conftest import MakeGeotiff
from geoglot.sources.pixels import overviews
from geoglot.sources.raster import open_raster

TOLD = "do not show its pixels"


@pytest.fixture
def smooth(rng: np.random.Generator) -> np.ndarray:
    rows, cols = np.mgrid[:600, :800]
    waves = np.stack([np.sin(rows / wave) + np.cos(cols / (wave + 9)) for wave in (23, 31, 47)])
    return (waves * 800 + 2000 + rng.normal(0, 100, waves.shape)).astype(np.uint16)


def build(path: Path, how: Resampling, external: bool) -> None:
    with rasterio.Env(TIFF_USE_OVR=external), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8], how)


def stretch(path: Path) -> tuple[tuple[float, ...], np.ndarray, bool]:
    with open_raster(path) as raster:
        return raster.radiometry.high, raster.thumbnail(100).pixels, any(TOLD in note for note in raster.warnings)


@pytest.mark.parametrize("how", [Resampling.nearest, Resampling.average, Resampling.cubic, Resampling.mode])
@pytest.mark.parametrize("external", [False, True])
def test_overviews_of_the_pixels_are_used(
    make_geotiff: MakeGeotiff, smooth: np.ndarray, how: Resampling, external: bool
) -> None:
    path = make_geotiff(smooth)
    build(path, how, external)
    assert not stretch(path)[2]


def test_overviews_of_noise_are_used(make_geotiff: MakeGeotiff, rng: np.random.Generator) -> None:
    path = make_geotiff(rng.integers(0, 4000, (3, 600, 800)).astype(np.uint16))
    build(path, Resampling.nearest, False)
    assert not stretch(path)[2]


@pytest.mark.parametrize("before", ["empty", "turned over", "brighter"])
def test_overviews_of_other_pixels_are_not_used(make_geotiff: MakeGeotiff, smooth: np.ndarray, before: str) -> None:
    old = {"empty": smooth * 0, "turned over": smooth[:, ::-1], "brighter": smooth * 3}[before]
    path, twin = make_geotiff(old), make_geotiff(smooth)
    build(path, Resampling.average, True)
    path.write_bytes(twin.read_bytes())
    high, picture, told = stretch(path)
    expected, right, _ = stretch(twin)
    assert told and high == expected
    np.testing.assert_array_equal(picture, right)


def test_overviews_from_before_the_pixels_are_not_used(make_geotiff: MakeGeotiff, smooth: np.ndarray) -> None:
    path = make_geotiff(smooth * 0)
    build(path, Resampling.average, False)
    with rasterio.open(path, "r+") as dataset:
        dataset.write(smooth)
    high, _, told = stretch(path)
    assert told and min(high) > 2000


def test_a_raster_that_is_opened_again_is_compared_again_only_if_its_files_changed(
    make_geotiff: MakeGeotiff, smooth: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared, compare = list[str](), overviews._compare
    monkeypatch.setattr(
        overviews, "_compare", lambda dataset, uri, reader: (compared.append(uri), compare(dataset, uri, reader))[1]
    )
    path = make_geotiff(smooth)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.average)
    for _ in range(3):
        open_raster(path).close()
    assert len(compared) == 1
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(NOTE="changed")
    open_raster(path).close()
    assert len(compared) == 2
    open_raster(path, nodata=3).close()  # other pixels have data
    assert len(compared) == 3
