from __future__ import annotations

import pytest

from geoglot.errors import InputError
from geoglot.sources.bands import Bands

SENTINEL2 = Bands(("b02", "b03", "b04", "b08"), ("gray", "undefined", "undefined", "undefined"))
RGBA = Bands(("",) * 4, ("red", "green", "blue", "alpha"))
UNNAMED = Bands(("",) * 12, ("gray", *["undefined"] * 11))


def test_names_come_before_colours_and_colours_before_places() -> None:
    assert SENTINEL2.choose(None, None) == (3, 2, 1)
    assert Bands(("", "blue", "green", "red"), ("red", "green", "blue", "undefined")).choose(None, None) == (4, 3, 2)
    assert Bands(("",) * 4, ("alpha", "blue", "green", "red")).choose(None, None) == (4, 3, 2)
    assert UNNAMED.choose(None, None) == (1, 2, 3)


def test_alpha_is_no_colour_and_a_single_band_is_grey() -> None:
    assert RGBA.choose(None, None) == (1, 2, 3)
    assert Bands(("", ""), ("gray", "alpha")).choose(None, None) == (1, 1, 1)
    assert Bands(("",) * 4, ("alpha", *["undefined"] * 3)).choose(None, None) == (2, 3, 4)


def test_a_guess_is_called_a_guess() -> None:
    assert UNNAMED.is_guess(None, None)
    assert not UNNAMED.is_guess([1, 2, 3], None) and not UNNAMED.is_guess(None, "sentinel2-l2a")
    assert not RGBA.is_guess(None, None) and not Bands(("", ""), ("gray", "alpha")).is_guess(None, None)


def test_sensors() -> None:
    assert RGBA.choose(None, "naip") == (1, 2, 3)
    assert SENTINEL2.choose(None, "sentinel2-l2a") == (3, 2, 1)
    assert UNNAMED.choose(None, "sentinel2-l2a") == (4, 3, 2)
    assert Bands(("sr_b2", "sr_b3", "sr_b4"), ("gray",) * 3).choose(None, "landsat-c2-l2") == (3, 2, 1)
    assert Bands(("",) * 3, ("gray",) * 3).choose(None, "landsat-c2-l2") == (1, 2, 3)
    with pytest.raises(InputError, match="say it with bands"):
        Bands(("",) * 4, ("gray",) * 4).choose(None, "sentinel2-l2a")


def test_the_callers_choice() -> None:
    assert SENTINEL2.choose([4, "B03", "2"], None) == (4, 2, 2)
    assert SENTINEL2.choose(["b08"], None) == (4, 4, 4)
    assert RGBA.choose(["blue", "green", "red"], None) == (3, 2, 1)
    for wrong in ([0, 1, 2], [1, 2, 5], ["swir", "nir", "red"]):
        with pytest.raises(InputError, match="There is no band"):
            SENTINEL2.choose(wrong, None)
    with pytest.raises(InputError, match="Three bands"):
        SENTINEL2.choose([1, 2], None)


def test_what_a_band_is_called() -> None:
    assert [SENTINEL2.name(1), RGBA.name(3), UNNAMED.name(2)] == ["b02", "blue", "2"]
