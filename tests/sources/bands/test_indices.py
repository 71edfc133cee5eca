"""Indices and the bands that they compare."""

import numpy as np
import pytest

from geoglot.sources.bands.indices import INDICES, spectral_bands

REFLECTANCES = {
    "water": {"blue": 0.08, "green": 0.07, "red": 0.05, "nir": 0.03, "swir1": 0.02, "swir2": 0.01},
    "forest": {"blue": 0.03, "green": 0.05, "red": 0.03, "nir": 0.40, "swir1": 0.20, "swir2": 0.10},
    "soil": {"blue": 0.10, "green": 0.15, "red": 0.22, "nir": 0.28, "swir1": 0.38, "swir2": 0.33},
    "snow": {"blue": 0.85, "green": 0.85, "red": 0.82, "nir": 0.75, "swir1": 0.10, "swir2": 0.08},
}


@pytest.mark.parametrize(
    ("index", "cover", "value"),
    [
        ("NDWI", "water", 0.4),
        ("MNDWI", "water", 5 / 9),
        ("NDVI", "forest", 37 / 43),
        ("NDBI", "soil", 10 / 66),
        ("BSI", "soil", (0.60 - 0.38) / 0.98),
        ("NDSI", "snow", 75 / 95),
        ("NBR", "forest", 0.6),
    ],
)
def test_the_published_formulas(index: str, cover: str, value: float) -> None:
    bands = {name: np.array([number], np.float32) for name, number in REFLECTANCES[cover].items()}
    assert INDICES[index].value(bands)[0] == pytest.approx(value, abs=1e-6)


def test_numbers_without_a_positive_sum_have_no_index() -> None:
    bands = {"green": np.array([0.0, -0.1, 0.3]), "nir": np.array([0.0, 0.1, -0.1])}
    np.testing.assert_array_equal(INDICES["NDWI"].value(bands), np.array([np.nan, np.nan, 1], np.float32))


def test_every_index_names_its_source() -> None:
    assert all(any(char.isdigit() for char in index.source) for index in INDICES.values())


def test_the_two_short_wave_infrareds_are_told_apart() -> None:
    colours = ("blue", "green", "red", "nir", "swir", "swir")
    by_order = {"blue": 1, "green": 2, "red": 3, "nir": 4, "swir1": 5, "swir2": 6}
    assert spectral_bands(colours, [""] * 6, [None] * 6) == by_order
    by_name = spectral_bands(colours, ["", "", "", "", "swir2", "swir1"], [None] * 6)
    assert (by_name["swir1"], by_name["swir2"]) == (6, 5)
    assert spectral_bands(("red", "swir"), ["", ""], [0.66, 2.2]) == {"red": 1, "swir2": 2}
    assert spectral_bands(("red", "swir"), ["", ""], [0.66, 1.6]) == {"red": 1, "swir1": 2}


def test_a_narrow_near_infrared_stands_in_for_the_wide_one() -> None:
    assert spectral_bands(("nir2", "red", None), [""] * 3, [None] * 3) == {"red": 2, "nir": 1}
