"""What numbers mean under a preset is told by the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conftest import MakeGeotiff
from geoglot.aliases import Sensor
from geoglot.sources.pixels.reflectance import Scaling, ValueRange, choose_scaling
from geoglot.sources.raster import Raster, open_raster

NAMES = ("B4", "B3", "B2")


@pytest.fixture
def ground(rng: np.random.Generator) -> np.ndarray:
    """Reflectance of three bands, 0.02..0.4, with a corner of no data."""
    values = rng.uniform(0.02, 0.4, (3, 96, 96))
    values[:, :20, :20] = np.nan
    return values


def seen(raster: Raster) -> np.ndarray:
    return raster.read(raster.grid.whole).pixels


def stored(ground: np.ndarray, scale: float, offset: float, dtype: str) -> np.ndarray:
    """Numbers as a file holds them; integers hold 0 for no data."""
    numbers = (ground - offset) / scale
    return numbers.astype(dtype) if dtype.startswith("float") else np.nan_to_num(numbers).round().astype(dtype)


@pytest.mark.parametrize(
    ("scale", "offset", "dtype", "sensor", "told"),
    [
        (1e-4, 0, "uint16", "sentinel2-l2a", ""),
        (1e-4, 0, "float32", "sentinel2-l2a", "counts of Sentinel-2 L2A"),
        (1, 0, "float32", "sentinel2-l2a", "unscaled reflectances"),
        (0.01, 0, "float32", "sentinel2-l2a", "in percent"),
        (1e-4, -0.1, "float32", "sentinel2-l1c", "counts of Sentinel-2 L1C"),
        (1e-4, -0.1, "uint16", "sentinel2-l1c", ""),
        (2.75e-5, -0.2, "uint16", "landsat8-9-c2-l2", ""),
        (2.75e-5, -0.2, "float64", "landsat8-9-c2-l2", "counts of Landsat"),
        (1, 0, "float64", "landsat8-9-c2-l2", "unscaled reflectances"),
        (1e-4, 0, "int16", "landsat8-9-c2-l2", "reflectances x 10,000"),
        (2e-5, -0.1, "uint16", "landsat-c2-l1", ""),
        (1e-4, 0, "uint16", "planetscope", ""),
    ],
)
def test_the_same_ground_is_the_same_picture(
    make_geotiff: MakeGeotiff, ground: np.ndarray, scale: float, offset: float, dtype: str, sensor: Sensor, told: str
) -> None:
    nodata = np.nan if dtype.startswith("float") else 0
    path = make_geotiff(stored(ground, scale, offset, dtype), descriptions=NAMES, nodata=nodata)
    with open_raster(path, sensor=sensor) as raster:
        expected = np.nan_to_num(np.clip(ground / 0.3, 0, 1))
        np.testing.assert_allclose(seen(raster), expected, atol=0.005)
        assert told in " ".join(raster.warnings)


@pytest.mark.parametrize("most", [250, 65_000, 3e8])
def test_numbers_that_fit_no_reading_are_stretched_and_told(make_geotiff: MakeGeotiff, most: float) -> None:
    ramp = np.linspace(0, most, 96 * 96).reshape(1, 96, 96).repeat(3, 0)
    path = make_geotiff(ramp.astype("float64" if most > 1e6 else "uint16"), descriptions=NAMES)
    with open_raster(path, sensor="sentinel2-l2a") as raster:
        pixels = seen(raster)
        assert "do not fit Sentinel-2 L2A" in raster.warnings[0] and "e+" not in " ".join(raster.warnings)
    assert pixels.mean() == pytest.approx(0.5, abs=0.01)


def test_never_all_white_or_all_black(make_geotiff: MakeGeotiff, rng: np.random.Generator) -> None:
    for low, high in ((8000, 9000), (3, 60)):  # snow, and the deep sea
        path = make_geotiff(rng.integers(low, high, (3, 96, 96), dtype=np.uint16), descriptions=NAMES)
        with open_raster(path, sensor="sentinel2-l2a") as raster:
            assert 0.3 < seen(raster).mean() < 0.7


def test_a_picture_of_8_bit_is_shown_as_it_is_and_told(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with open_raster(make_geotiff(colours), sensor="sentinel2-l2a") as raster:
        np.testing.assert_array_equal(seen(raster), colours / np.float32(255))
        assert "is 8 bit: it is shown as it is" in raster.warnings[0]


def spread(**more: Any) -> ValueRange:
    plain: dict[str, Any] = {
        "name": "scene.tif",
        "tags": {},
        "is_float": False,
        "scales": (1.0,) * 3,
        "offsets": (0.0,) * 3,
        "low": (300.0,) * 3,
        "high": (3000.0,) * 3,
    }
    return ValueRange(**(plain | more))


def meant(one: ValueRange, sensor: Sensor = "sentinel2-l2a") -> Scaling:
    meaning = choose_scaling(one, sensor)
    assert meaning is not None
    return meaning


def test_tags_of_a_scale_that_was_applied_before_are_not_followed() -> None:
    one = spread(is_float=True, scales=(1e-4,) * 3, low=(0.03,) * 3, high=(0.3,) * 3)
    assert meant(one).scales == (1.0,) * 3 and "not as its scale and offset tags say" in meant(one).note


def test_an_offset_that_was_taken_off_before_is_seen() -> None:
    new = "S2B_MSIL2A_20230601T101609_N0509_R065_T32UQD.tif"
    assert meant(spread(name=new, low=(1200.0,) * 3, high=(4000.0,) * 3)).offsets == (-0.1,) * 3
    assert meant(spread(name=new)).offsets == (0.0,) * 3 and "must have been removed" in meant(spread(name=new)).note


def test_a_day_makes_dark_numbers_count_for_less() -> None:
    dark = {"low": (900.0,) * 3, "high": (4000.0,) * 3}
    assert meant(spread(name="cut_20230601.tif", **dark)).offsets == (-0.1,) * 3
    assert meant(spread(name="cut_2020-06-01.tif", **dark)).offsets == (0.0,) * 3
    assert meant(spread(**dark)).offsets == (0.0,) * 3
