from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from geoglot.demo import SCENE
from geoglot.errors import ReadError
from geoglot.sources.raster import open_raster
from worlds import write_scene


def four_bands(path: Path, fourth: np.ndarray) -> Path:
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 255, (4, 96, 96), np.uint8)
    pixels[3] = fourth
    write_scene(path, pixels, photometric="RGB", alpha="yes")
    with rasterio.open(path) as dataset:
        assert dataset.colorinterp[3] == ColorInterp.alpha  # as GDAL marks a fourth band of bytes
    return path


@pytest.mark.parametrize("sensor", [None, "naip"])
def test_near_infrared_that_gdal_takes_for_transparency_is_a_band(tmp_path: Path, sensor: str | None) -> None:
    infrared = np.random.default_rng(1).integers(1, 255, (96, 96), np.uint8)
    with open_raster(four_bands(tmp_path / "scene.tif", infrared), sensor=sensor) as raster:
        assert raster.named.count == 4
        assert (raster.named.indexes.get("nir") == 4) == (sensor == "naip")


def test_transparency_is_no_band(tmp_path: Path) -> None:
    alpha = np.full((96, 96), 255, np.uint8)
    alpha[:, :20] = 0
    path = four_bands(tmp_path / "scene.tif", alpha)
    with rasterio.open(path, "r+") as dataset:
        pixels = dataset.read()
        pixels[:3, :, :20] = 0
        dataset.write(pixels)
    with open_raster(path) as raster:
        assert raster.named.count == 3 and "nir" not in raster.named.indexes


def test_a_scene_that_ends_too_early_has_bands_without_a_sample(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    path.write_bytes(SCENE.read_bytes()[:20_000])
    with open_raster(path) as raster:
        spectrum = raster.spectrum
        assert spectrum is not None and spectrum.is_empty
        with pytest.raises(ReadError):
            raster.read(raster.grid.whole)
