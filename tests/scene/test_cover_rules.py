"""From an index to log-odds: published thresholds for reflectances, the scene's own valley for plain numbers."""

import numpy as np
import pytest

from geoglot.scene.cover_rules import NEAR_INFRARED, Judge, judges_of
from geoglot.scene.covers import COVERS, MOST
from geoglot.sources.pixels.band_reader import BandReader
from geoglot.sources.spectrum import BandValues, Spectrum

COVER = {cover.name: cover for cover in COVERS}
RNG = np.random.default_rng(0)


def spectrum(is_reflectance: bool = False, **sample: np.ndarray) -> Spectrum:
    indexes = {name: number for number, name in enumerate(sample, 1)}
    reader = BandReader(tuple(indexes.values()), "uint8", ("all_valid",) * len(indexes))
    ones, zeros = np.ones(len(indexes), np.float32), np.zeros(len(indexes), np.float32)
    values: BandValues = {name: np.asarray(band, np.float32) for name, band in sample.items()}
    return Spectrum(indexes, reader, ones, zeros, is_reflectance, values)


def judged(cover: str, scene: Spectrum) -> dict[str, Judge]:
    return {judge.measure: judge for judge in judges_of(COVER[cover], scene)}


def pixels(**bands: float) -> BandValues:
    return {name: np.array([value], np.float32) for name, value in bands.items()}


def heap(mean: float, count: int, spread: float = 6) -> np.ndarray:
    return RNG.normal(mean, spread, count)


def lakes(gain: float = 1.0) -> Spectrum:
    """Plain numbers: a fifth is water, whose near infrared is dark."""
    green = np.concatenate([heap(60, 200), heap(90, 800)])
    return spectrum(green=green, red=green, nir=gain * np.concatenate([heap(25, 200), heap(150, 800)]))


@pytest.mark.parametrize(
    ("cover", "bands", "sign"),
    [
        ("water", {"green": 0.07, "red": 0.05, "nir": 0.03, "swir1": 0.02}, 1),
        ("water", {"green": 0.85, "red": 0.8, "nir": 0.75, "swir1": 0.1}, -1),  # snow: MNDWI for, near infrared against
        ("water", {"green": 0.15, "red": 0.22, "nir": 0.28, "swir1": 0.38}, -1),
        ("snow", {"green": 0.85, "red": 0.8, "nir": 0.75, "swir1": 0.1}, 1),
        ("snow", {"green": 0.07, "red": 0.05, "nir": 0.03, "swir1": 0.02}, -1),
        ("vegetation", {"green": 0.05, "red": 0.03, "nir": 0.4, "swir1": 0.2}, 1),
        ("vegetation", {"green": 0.15, "red": 0.22, "nir": 0.28, "swir1": 0.38}, -1),
    ],
)
def test_reflectances_are_judged_by_published_thresholds(cover: str, bands: dict[str, float], sign: int) -> None:
    scene = spectrum(True, **{name: np.array([value]) for name, value in bands.items()})
    odds = sum(judge.odds(pixels(**bands))[0] for judge in judged(cover, scene).values())
    assert np.sign(round(float(odds), 3)) == sign
    assert abs(odds) >= 2


def test_the_longest_wave_decides_about_water() -> None:
    with_swir = spectrum(True, **{name: np.ones(1) for name in ("green", "nir", "swir1")})
    assert list(judged("water", with_swir)) == ["MNDWI", NEAR_INFRARED]
    assert list(judged("water", spectrum(True, green=np.ones(1), nir=np.ones(1)))) == ["NDWI", NEAR_INFRARED]


def test_a_cover_without_its_index_is_not_judged_by_near_infrared_alone() -> None:
    assert judged("snow", spectrum(True, green=np.ones(1), nir=np.ones(1))) == {}


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.5])
def test_the_scene_tells_dark_water_whatever_the_gain_of_near_infrared(gain: float) -> None:
    judge = judged("water", lakes(gain))[NEAR_INFRARED]
    assert judge.odds(pixels(nir=25 * gain))[0] == pytest.approx(MOST / 2, abs=0.3)
    assert judge.odds(pixels(nir=150 * gain))[0] == pytest.approx(-MOST, abs=0.3)


def test_no_water_is_invented_where_near_infrared_has_one_heap() -> None:
    land = spectrum(green=heap(90, 1000), red=heap(90, 1000), nir=heap(150, 1000, 20))
    judges = judged("water", land)
    assert list(judges) == ["NDWI"]
    assert judges["NDWI"].odds(pixels(green=90, nir=90))[0] == 0  # a bare field in plain numbers
    assert judges["NDWI"].odds(pixels(green=90, nir=12))[0] == 0  # a pixel in the shade is noise
    assert judges["NDWI"].odds(pixels(green=20, nir=150))[0] == -MOST


def test_a_scene_whose_only_heap_is_water_has_water() -> None:
    sea = spectrum(green=heap(90, 1000), red=heap(60, 1000), nir=heap(15, 1000, 3))
    assert judged("water", sea)["NDWI"].odds(pixels(green=90, nir=12))[0] > 2


def test_plants_in_the_shade_are_no_water() -> None:
    green, nir = (np.concatenate([heap(mean, 300), heap(90, 700)]) for mean in (15, 0))
    nir = np.concatenate([heap(40, 300), heap(180, 700)])
    assert NEAR_INFRARED not in judged("water", spectrum(green=green, red=green, nir=nir))


def test_plain_numbers_far_from_the_threshold_speak_and_near_ones_do_not() -> None:
    flat = spectrum(green=heap(90, 500), red=heap(90, 500), nir=heap(100, 500))
    ndvi = judged("vegetation", flat)["NDVI"]
    assert [float(ndvi.odds(pixels(nir=nir, red=50))[0]) for nir in (25, 60, 100)] == [
        pytest.approx(-4.0, abs=0.7),
        0,
        0,
    ]


def test_a_pixel_without_a_value_is_not_judged() -> None:
    assert judged("water", lakes())["NDWI"].odds(pixels(green=0, nir=0))[0] == 0


@pytest.mark.filterwarnings("error")
def test_dark_pixels_without_any_number_say_nothing() -> None:
    """Black that no file declares: an index of nothing is nothing."""
    dark, bright = np.zeros(200), heap(150, 800)
    scene = spectrum(green=np.concatenate([dark, heap(90, 800)]), nir=np.concatenate([dark, bright]))
    assert NEAR_INFRARED not in judged("water", scene)
