from __future__ import annotations

import pytest

from geoglot.errors import InputError
from geoglot.sources.bands.band_choice import Bands

SENTINEL2 = Bands(("b02", "b03", "b04", "b08"), ("gray", "undefined", "undefined", "undefined"))
RGBA = Bands(("",) * 4, ("red", "green", "blue", "alpha"))
UNNAMED = Bands(("",) * 12, ("gray", *["undefined"] * 11))


def test_names_come_before_colours_and_colours_before_places() -> None:
    assert SENTINEL2.choose(None, None).indexes == (3, 2, 1)
    assert Bands(("", "blue", "green", "red"), ("red", "green", "blue", "undefined")).choose(None, None).indexes == (
        4,
        3,
        2,
    )
    assert Bands(("",) * 4, ("alpha", "blue", "green", "red")).choose(None, None).indexes == (4, 3, 2)
    assert UNNAMED.choose(None, None).indexes == (1, 2, 3)


@pytest.mark.parametrize("names", [("nir", "red", "green"), ("b8", "b4", "b3"), ("ndvi", "", "")])
def test_a_band_that_is_called_otherwise_is_not_red_because_it_is_marked_so(names: tuple[str, str, str]) -> None:
    """GDAL marks the first three bands of 8 bit as red, green, blue if the writer says nothing."""
    choice = Bands(names, ("red", "green", "blue")).choose(None, None)
    assert choice.guessed and "are taken as red, green, blue" in choice.notes[0]


def test_alpha_is_no_colour_and_a_single_band_is_grey() -> None:
    assert RGBA.choose(None, None).indexes == (1, 2, 3)
    assert Bands(("", ""), ("gray", "alpha")).choose(None, None).indexes == (1, 1, 1)
    assert Bands(("",) * 4, ("alpha", *["undefined"] * 3)).choose(None, None).indexes == (2, 3, 4)


@pytest.mark.parametrize(
    ("name", "band"),
    [
        ("T31UFT_20220510T105621_B04_10m.jp2", "band 4 of Sentinel-2 (red) alone"),
        ("LC08_L2SP_199024_20220510_20220520_02_T1_SR_B5.TIF", "band 5 of Landsat 8-9 (nir) alone"),
        ("LC08_L1TP_199024_20220510_20220520_02_T1_B8.TIF", ""),  # panchromatic: it has no others
        ("T31UFT_20220510T105621_SCL_20m.jp2", ""),
        ("scan_b4.tif", ""),
    ],
)
def test_one_band_of_several_files_is_told(name: str, band: str) -> None:
    (note,) = Bands(("",), ("gray",), (None,), (name,)).choose(None, None).notes
    assert ("rio stack" in note) == bool(band) and band in note


@pytest.mark.parametrize(
    ("name", "names", "told"),
    [
        ("dop20cir_32_369_5612_1_nw.tif", ("",) * 3, True),
        ("ORTHO_IRC_2021.jp2", ("",) * 3, True),
        ("circle.tif", ("",) * 3, False),
        ("dop20rgbi_cir.tif", ("",) * 4, False),
        ("cir.tif", ("red", "green", "blue"), False),
    ],
)
def test_a_photo_that_is_called_colour_infrared_is_told(name: str, names: tuple[str, ...], told: bool) -> None:
    colours = ("red", "green", "blue", "undefined")[: len(names)]
    notes = Bands(names, colours, (None,) * len(names), (name,)).choose(None, None).notes
    assert any("colour-infrared" in note for note in notes) == told


def test_a_guess_is_called_a_guess() -> None:
    assert UNNAMED.choose(None, None).guessed
    assert not UNNAMED.choose([1, 2, 3], None).guessed and not UNNAMED.choose(None, "sentinel2-l2a").guessed
    assert not RGBA.choose(None, None).guessed and not Bands(("", ""), ("gray", "alpha")).choose(None, None).guessed


def test_sensors() -> None:
    assert RGBA.choose(None, "naip").indexes == (1, 2, 3)
    assert SENTINEL2.choose(None, "sentinel2-l2a").indexes == (3, 2, 1)
    assert UNNAMED.choose(None, "sentinel2-l2a").indexes == (4, 3, 2)
    assert Bands(("sr_b2", "sr_b3", "sr_b4"), ("gray",) * 3).choose(None, "landsat-c2-l2").indexes == (3, 2, 1)
    assert Bands(("",) * 3, ("gray",) * 3).choose(None, "landsat-c2-l2").indexes == (1, 2, 3)
    with pytest.raises(InputError, match="say it with bands"):
        Bands(("",) * 4, ("gray",) * 4).choose(None, "sentinel2-l2a")


def test_the_callers_choice() -> None:
    assert SENTINEL2.choose([4, "B03", "2"], None).indexes == (4, 2, 2)
    assert SENTINEL2.choose(["b08"], None).indexes == (4, 4, 4)
    assert RGBA.choose(["blue", "green", "red"], None).indexes == (3, 2, 1)
    for wrong in ([0, 1, 2], [1, 2, 5], ["swir", "nir", "red"], ["²"], ["9" * 5000]):
        with pytest.raises(InputError, match="There is no band"):
            SENTINEL2.choose(wrong, None)
    with pytest.raises(InputError, match=r"no band 5; the raster has: 1 \(gray\), 2, 3 \(red\)$"):
        Bands(("", "", "red"), ("gray", "undefined", "undefined")).choose([1, 2, 5], None)
    with pytest.raises(InputError, match="Three bands"):
        SENTINEL2.choose([1, 2], None)
    with pytest.raises(InputError, match="at most 6 bands of this raster, got 5,000"):
        SENTINEL2.choose([1] * 5000, None)


def test_what_a_band_is_called() -> None:
    assert [SENTINEL2.name(1), RGBA.name(3), UNNAMED.name(2)] == ["b02", "blue", "2"]


def test_letters_words_and_wavelengths() -> None:
    assert Bands(("b", "g", "r", "n"), ("gray", *["undefined"] * 3)).choose(None, None).indexes == (3, 2, 1)
    lit = Bands(("",) * 4, ("gray",) * 4, (0.443, 0.56, 0.482, 0.655))
    assert lit.choose(None, None).indexes == (4, 2, 3) and lit.choose(["red", "green", "blue"], None).indexes == (
        4,
        2,
        3,
    )
    fine = Bands(("",) * 6, ("gray",) * 6, (0.475, 0.49, 0.55, 0.58, 0.63, 0.66))
    assert fine.choose(None, None).indexes == (6, 3, 1)  # the nearest to the middle of each colour
    drone = Bands(("band 1", "band 2", "band 3"), ("gray",) * 3, (0.45, 0.56, 0.65))
    assert drone.choose(None, None).indexes == (
        3,
        2,
        1,
    )  # 450 nm is blue where nothing is bluer, and places are no numbers


def test_what_contradicts_or_lacks_is_told() -> None:
    crossed = Bands(("blue", "green", "red"), ("red", "green", "blue")).choose(None, None)
    assert crossed.indexes == (3, 2, 1) and "colour interpretation that says bands 1, 2, 3" in crossed.notes[0]
    twice = Bands(("red", "green", "blue", "red"), ("gray",) * 4).choose(None, None)
    assert twice.indexes == (1, 2, 3) and "bands 1 and 4 red: the first is taken" in twice.notes[0]
    twice = Bands(("red", "green", "blue", "nir", "nir"), ("gray",) * 5).choose(None, None)
    assert "bands 4 and 5 nir: the first is taken" in twice.notes[0]
    false = Bands(("nir", "red", "green"), ("gray",) * 3).choose(None, None)
    assert false.guessed and "names red and green but no blue (nir, red, green)" in false.notes[0]


def test_grey_is_told() -> None:
    assert "shown in grey, by its one band" in Bands(("",), ("gray",)).choose(None, None).notes[0]
    assert "by band 1 of 2 (vv)" in Bands(("vv", "vh"), ("gray", "undefined")).choose(None, None).notes[0]
    assert Bands(("",), ("palette",)).choose(None, None).notes == ()


def test_any_form_of_a_name_can_be_asked_for() -> None:
    landsat = Bands(("sr_b2", "sr_b3", "sr_b4", "sr_b5"), ("gray",) * 4)
    assert landsat.choose(["B4", "b03", "SR-B2"], None).indexes == (3, 2, 1)
    assert landsat.choose(["nir", "red", "green"], None).indexes == (4, 3, 2)


def test_the_spectrum_of_the_bands() -> None:
    assert Bands(("r", "g", "b", "n"), ("gray",) * 4).spectrum() == ("red", "green", "blue", "nir")
    naip = Bands(("",) * 4, ("gray", *["undefined"] * 3), (), ("m_4709963_se_14_1_20150926.tif",))
    assert naip.spectrum() == ("red", "green", "blue", "nir")
    assert UNNAMED.spectrum() == (None,) * 12
