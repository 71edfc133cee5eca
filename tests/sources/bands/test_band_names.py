from __future__ import annotations

import pytest

from geoglot.sources.bands.band_names import (
    colour_of_wavelength,
    is_same_name,
    parse_band_number,
    parse_colour,
    parse_wavelength,
)

COLOURS = {
    "red": [
        "red1",
        "RedReflectance",
        "B4_red",
        "red",
        "Red",
        "R",
        "RED_BAND",
        "red-band",
        "bandRed",
        "Band 4 - Red",
        "nbart_red",
        "Red (665 nm)",
        "band_r",
        "2021_red",
        "Rot",
        "Bande 3 - Rouge",
        "rojo",
    ],
    "green": ["g", "GREEN", "Green II", "green_2021", "GRN", "Band_G", "Grün", "gruen", "Vert", "verde"],
    "blue": ["B", "blue", "Blue_mean", "BLU", "BAND_B", "Blau", "bleu", "azul"],
    "nir": [
        "N",
        "NIR",
        "nir_1",
        "Near infrared",
        "near-infrared",
        "NearInfrared",
        "band_n",
        "VNIR",
        "nir08",
        "PIR",
        "Nahes Infrarot",
        "proche infrarouge",
    ],
    "rededge": ["RedEdge", "red edge 1", "Red-Edge", "RE", "rededge", "vegetation red edge", "re2"],
    "coastal": ["coastal_blue", "Coastal aerosol", "BAND_C", "ultra blue", "deep blue"],
    "green1": ["green_i"],
    "swir": ["SWIR1", "swir 22", "shortwave infrared"],
    "thermal": ["thermal", "TIRS1", "surface temperature"],
    "quality": ["qa_pixel", "cloud mask", "alpha", "SCL"],
    "index": ["NDVI", "ratio of red and green", "red_std"],
    None: [
        "",
        "Band 4",
        "b4",
        "redness",
        "greenland",
        "red minus green",
        "elevation",
        "x",
        "VV2",
        "rotation",
        "vertical",
    ],
}


@pytest.mark.parametrize(("name", "colour"), [(name, colour) for colour, names in COLOURS.items() for name in names])
def test_colours_in_words_and_letters(name: str, colour: str | None) -> None:
    assert parse_colour(name) == colour


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("B4", "4"),
        ("b04", "4"),
        ("B8A", "8a"),
        ("SR_B4", "4"),
        ("ST_B10", "10"),
        ("Band 4", "4"),
        ("band_12", "12"),
        ("sur_refl_b01", "1"),
        ("T31UFU_20200601T105031_B04_10m", "4"),
        ("LC08_L2SP_196030_20200601_SR_B4", "4"),
        ("B0", "0"),
        ("b", None),
        ("20200601", None),
        ("rgb4", None),
        ("10m", None),
    ],
)
def test_the_numbers_of_bands(name: str, number: str | None) -> None:
    assert parse_band_number(name) == number


@pytest.mark.parametrize(
    ("name", "length", "colour"),
    [
        ("Red (664.6 nm)", 0.6646, "red"),
        ("0.48 um", 0.48, "blue"),
        ("Band 2 (0.5613)", 0.5613, "green"),
        ("842nm", 0.842, "nir"),
        ("10.9 micrometers", 10.9, "thermal"),
        ("B4", None, None),
        ("1.6 µm", 1.6, "swir"),
    ],
)
def test_wavelengths(name: str, length: float | None, colour: str | None) -> None:
    found = parse_wavelength(name)
    assert found == pytest.approx(length) if length else found is None
    assert colour_of_wavelength(found) == colour


def test_case_and_punctuation_do_not_matter() -> None:
    assert is_same_name("SR_B4", "sr-b4") and not is_same_name("SR_B4", "SR_B5")
