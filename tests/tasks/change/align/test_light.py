"""The light of two dates made comparable, and what clouds hide left out, on places whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from scipy import ndimage

from geoglot.geo import Window
from geoglot.scene.class_words import ClassWords
from geoglot.scene.consult_bands import consult_bands
from geoglot.sources.raster import open_raster
from geoglot.tasks.change.align.align import align_dates
from geoglot.tasks.change.align.clouds import find_hidden
from geoglot.tasks.change.align.dated_raster import CLOUD, SHADOW
from geoglot.tasks.change.align.look import look
from worlds import class_field, paint, write_scene

SIDE = 400
GAINS, HAZE = np.array([0.8, 0.7, 0.65])[:, None, None], 0.12


def ground(seed: int = 0) -> np.ndarray:
    """Blobs of four classes, with the grain of each; 0..1."""
    grain = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(SIDE, SIDE)), 1.5)
    field = class_field((SIDE, SIDE), 4, seed, blob=30)
    return np.asarray(paint(field, ("water", "forest", "crop", "road")) / 255 * 0.5 + 0.2 + 0.12 * grain)


def seen(picture: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(scale=0.008, size=picture.shape)
    return np.asarray(((picture + noise).clip(0.02, 1) * 255).round(), np.uint8)


def test_light_and_haze_are_removed_though_a_third_of_the_ground_has_changed(tmp_path: Path) -> None:
    before = ground()
    after = np.where(class_field((SIDE, SIDE), 3, 7, blob=60) == 0, ground(9), before)
    paths = [
        write_scene(tmp_path / f"{name}.tif", seen(picture, number), nodata=0)
        for number, (name, picture) in enumerate((("2020-01-01", before), ("2021-01-01", after * GAINS + HAZE)))
    ]
    with align_dates(paths) as aligned:
        first, second = (dated.read(Window(0, 0, SIDE, SIDE)).pixels for dated in aligned.dates)
        same = (before == after).all(0)
        assert np.abs(first - second)[:, same].mean() < 0.012  # the noise of two sensors
        assert aligned.dates[0].gains is None  # the hazy date becomes the clear one
        gains = aligned.dates[1].gains
        assert gains is not None
        np.testing.assert_allclose(np.array(gains.shown)[:, 0], 1 / GAINS.ravel(), rtol=0.05)
        assert any("brightness of 2021-01-01 was made comparable" in note for note in aligned.notes)
    with align_dates(paths[::-1]) as aligned:
        np.testing.assert_array_equal(aligned.dates[0].read(Window(0, 0, SIDE, SIDE)).pixels, second)


def test_bands_beyond_the_visible_are_comparable_too(tmp_path: Path) -> None:
    picture = np.concatenate([ground(), 1 - ground()[1:2]])
    factor = np.array([1, 1, 1, 0.5])[:, None, None]
    paths = [tmp_path / f"{name}.tif" for name in ("2020-01-01", "2021-01-01")]
    for number, (path, pixels) in enumerate(zip(paths, (picture, (picture * 0.8 + 0.1) * factor), strict=True)):
        write_scene(path, seen(pixels, number), nodata=0)
    with align_dates(paths) as aligned:
        assert aligned.dates[0].spectrum is None  # no band is named
    for path in paths:
        with rasterio.open(path, "r+") as file:
            file.descriptions = ("red", "green", "blue", "nir")
    with align_dates(paths) as aligned:
        first, second = (dated.read_spectrum(Window(0, 0, 50, 50))[0]["nir"] for dated in aligned.dates)
        assert np.abs(first - second).mean() < 0.02 * 255
        assert all(dated.spectrum and dated.spectrum.sample["nir"].size for dated in aligned.dates)


def test_bands_that_not_every_date_has_decide_on_none(tmp_path: Path) -> None:
    picture = np.concatenate([ground(), 1 - ground()])
    names = ("red", "green", "blue", "nir", "swir1", "swir2")
    paths = []
    for year, count in ((2020, 6), (2021, 4), (2022, 3)):
        paths.append(write_scene(tmp_path / f"{year}-01-01.tif", seen(picture[:count], year), nodata=0))
        with rasterio.open(paths[-1], "r+") as file:
            file.descriptions = names[:count]
    with align_dates(paths[:2]) as aligned:
        assert [list(dated.spectrum.indexes) for dated in aligned.dates if dated.spectrum] == [
            ["blue", "green", "red", "nir"]
        ] * 2
        assert "swir1 and swir2 of 2020-01-01 are left out, since not every date has them" in " ".join(aligned.notes)
    with align_dates(paths) as aligned:
        assert [dated.spectrum for dated in aligned.dates] == [None] * 3
        assert "nir of 2021-01-01 is left out" in " ".join(aligned.notes)
        options = [ClassWords("water", ("water",))], "words+bands"
        assert not any(consult_bands(dated, *options, compete=True).notes for dated in aligned.dates)


def test_gains_that_would_not_help_are_left_out(tmp_path: Path) -> None:
    paths = [write_scene(tmp_path / f"{name}.tif", seen(ground(), number)) for number, name in enumerate("ab")]
    with align_dates(paths) as aligned:
        assert [dated.gains for dated in aligned.dates] == [None, None]
        assert not any("brightness" in note for note in aligned.notes)


def test_a_line_that_would_cut_off_the_bright_part_of_a_date_is_not_believed(tmp_path: Path) -> None:
    before = ground()
    after = before * 0.6 + 0.05
    after[:, :60] = 0.9 + 0.05 * before[:, :60]  # bright as nothing is on the first date, and beyond white by the line
    paths = [
        write_scene(tmp_path / f"{n}.tif", seen(picture, n), nodata=0) for n, picture in enumerate((before, after))
    ]
    with align_dates(paths) as aligned:
        assert [dated.gains for dated in aligned.dates] == [None, None]
        assert any("would cut off what is bright" in note for note in aligned.notes)


def test_two_places_that_have_nothing_in_common_keep_their_light(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [ndimage.gaussian_filter(rng.normal(size=(3, SIDE, SIDE)), (0, 3, 3)) for _ in range(2)]
    paths = [
        write_scene(tmp_path / f"{number}.tif", seen(0.4 + 0.8 * picture, number))
        for number, picture in enumerate(pictures)
    ]
    with align_dates(paths) as aligned:
        assert [dated.gains for dated in aligned.dates] == [None, None]
        assert any("was left as it is: too little ground is the same" in note for note in aligned.notes)


def test_a_grey_picture_tells_no_light(tmp_path: Path) -> None:
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(3, SIDE, SIDE)), (0, 2, 2))
    grey = 0.5 + 0.004 * grain / grain.std()
    paths = [write_scene(tmp_path / f"{gain}.tif", seen(grey * gain, 0)) for gain in (1, 0.7)]
    with align_dates(paths) as aligned:
        assert [dated.gains for dated in aligned.dates] == [None, None]
        assert any("has too little contrast to tell its light" in note for note in aligned.notes)


def clouds(down: int = 0, right: int = 0) -> np.ndarray:
    """The opacity 0..1 of some clouds with soft edges, moved by a step."""
    opacity = np.zeros((SIDE, SIDE))
    for row, col, size in ((90, 110, 26), (230, 300, 34), (300, 120, 20)):
        rows, cols = np.ogrid[:SIDE, :SIDE]
        ring = np.hypot(rows - row - down, (cols - col - right) * 0.7) / size
        opacity = np.maximum(opacity, (1.6 - ring).clip(0, 1))
    return opacity


def with_clouds(picture: np.ndarray) -> np.ndarray:
    shadow = 1 - 0.5 * clouds(40, -25)
    return np.asarray(picture * shadow * (1 - clouds()) + 0.95 * clouds())


def test_clouds_and_their_shadows_are_left_out_and_counted(tmp_path: Path) -> None:
    size = {"transform": Affine(10, 0, 500_000, 0, -10, 5_747_657), "nodata": 0}
    first = write_scene(tmp_path / "2020-01-01.tif", seen(with_clouds(ground()), 0), **size)
    later = write_scene(tmp_path / "2021-01-01.tif", seen(ground(), 1), **size)
    with align_dates([first, later]) as aligned:
        cloudy, clear = aligned.dates
        valid = cloudy.read(Window(0, 0, SIDE, SIDE)).valid
        assert valid[clouds() > 0.6].mean() < 0.05
        assert valid[(clouds(40, -25) > 0.6) & (clouds() < 0.1)].mean() < 0.2
        assert valid[(clouds() == 0) & (clouds(40, -25) == 0)].mean() > 0.99
        assert clear.read(Window(0, 0, SIDE, SIDE)).valid.all()
        np.testing.assert_array_equal(cloudy.read(Window(70, 80, 64, 50)).valid, valid[70:134, 80:130])
        assert cloudy.shares.cloud == pytest.approx((clouds() > 0.3).mean(), rel=0.3)
        assert cloudy.shares.shadow > 0.02
        assert any("of 2020-01-01 look like clouds, and" in note for note in aligned.notes)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bright_roofs_dry_fields_and_snow_are_no_clouds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = ground(seed)
    after = before.copy()
    for _ in range(12):  # new roofs, from a house to a hall of 400 m
        row, col = rng.integers(0, SIDE - 50, 2)
        height, width = rng.integers(3, 40, 2)
        after[:, row : row + height, col : col + width] = rng.uniform(0.8, 1)
    dry = class_field((SIDE, SIDE), 4, seed, blob=30) == 0
    after[:, dry] = 0.75 + 0.3 * (before[:, dry] - before[:, dry].mean())
    everywhere = np.ones((SIDE, SIDE), bool)
    for cells in find_hidden([before, after], [None, None], [everywhere, everywhere], 10.0):
        assert not cells.any()
    assert not any(
        cells.any() for cells in find_hidden([before, with_clouds(before)], [None, None], [everywhere] * 2, None)
    )
    snow = with_clouds(before)  # as white and as soft, but dark beyond the visible
    swir = [np.full((1, SIDE, SIDE), 0.4) + 0.1 * before[:1], np.full((1, SIDE, SIDE), 0.3)]
    found = find_hidden([before, snow], swir, [everywhere, everywhere], 10.0)
    assert not (found[1] == CLOUD).any()
    assert not (found[1] == SHADOW).any()


def test_a_picture_of_a_scene_is_the_mean_of_its_pixels(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "a.tif", seen(ground(), 0))
    with open_raster(path) as raster:
        values, valid = look(raster, 4)
        exact = raster.read(raster.grid.whole).pixels * 255
    assert valid.all()
    np.testing.assert_allclose(values, exact.reshape(3, SIDE // 4, 4, SIDE // 4, 4).mean((2, 4)), atol=0.6)
