"""The same picture in any form of storage is the same picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from conftest import MakeGeotiff
from geoglot.errors import InputError
from geoglot.geo import Window
from geoglot.sources.pixels.validity import parse_nodata
from geoglot.sources.raster import open_raster
from geoglot.sources.tile import Tile


def looks(path: Path, side: int = 50, **how: Any) -> tuple[Tile, Tile, tuple[str, ...]]:
    with open_raster(path, **how) as raster:
        return raster.read(raster.grid.whole), raster.thumbnail(side), raster.warnings


def assert_same(one: Path, other: Path, **how: Any) -> None:
    (whole, small, _), (expected, expected_small, _) = looks(one, **how), looks(other, **how)
    np.testing.assert_array_equal(whole.pixels, expected.pixels)
    np.testing.assert_array_equal(whole.valid, expected.valid)
    np.testing.assert_allclose(small.pixels, expected_small.pixels, atol=1.01 / 255)  # GDAL rounds means


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_palette_of_any_depth_is_its_colours(make_geotiff: MakeGeotiff, rng: np.random.Generator, bits: int) -> None:
    count = min(2**bits, 300)
    dtype = np.uint16 if bits == 16 else np.uint8
    index = rng.integers(0, count, (1, 90, 120)).astype(dtype)
    table = rng.integers(1, 255, (count, 3))
    path = make_geotiff(index, photometric="palette", nbits=bits)
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {number: (*map(int, colour), 255) for number, colour in enumerate(table)})
    twin = make_geotiff(np.moveaxis(table[index[0]], -1, 0).astype(np.uint8))
    assert_same(path, twin)
    assert_same(path, twin, resolution=27.0)


@pytest.mark.parametrize("entries", [[0], [0, 3]])
def test_transparent_colours_are_no_data(tmp_path: Path, rng: np.random.Generator, entries: list[int]) -> None:
    index = rng.integers(0, 16, (80, 80)).astype(np.uint8)
    picture = Image.fromarray(index, "P")
    picture.putpalette(rng.integers(10, 245, 48).tolist())
    picture.save(tmp_path / "a.png", transparency=bytes(0 if number in entries else 255 for number in range(16)))
    whole, small, notes = looks(tmp_path / "a.png", side=80)
    np.testing.assert_array_equal(whole.valid, ~np.isin(index, entries))
    np.testing.assert_array_equal(small.valid, whole.valid)
    assert not any("no data" in note for note in notes)
    assert looks(tmp_path / "a.png", nodata="none")[0].valid.all()


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 16), (np.uint8, 1)])
def test_where_zero_is_white_the_picture_is_turned_over(
    make_geotiff: MakeGeotiff, rng: np.random.Generator, dtype: type[np.generic], bits: int
) -> None:
    top = 2**bits - 1
    grey = rng.integers(0, top + 1, (1, 90, 120)).astype(dtype)
    negative = make_geotiff((top - grey).astype(dtype), photometric="MINISWHITE", nbits=bits)
    assert_same(negative, make_geotiff(grey, nbits=bits))


def test_no_data_where_zero_is_white_is_a_stored_number(make_geotiff: MakeGeotiff, rng: np.random.Generator) -> None:
    grey = rng.integers(60, 200, (1, 90, 120)).astype(np.uint16)
    grey[:, :30] = 7
    whole, _, _ = looks(make_geotiff(grey, photometric="MINISWHITE", nodata=7))
    np.testing.assert_array_equal(whole.valid, grey[0] != 7)
    assert whole.pixels[0][grey[0] == 60].min() > whole.pixels[0][grey[0] == 199].max()


@pytest.mark.parametrize(("dtype", "nodata"), [(np.int16, -9999), (np.uint16, 0), (np.float32, np.nan)])
def test_no_data_of_one_band_is_no_brightness(
    make_geotiff: MakeGeotiff, colours: np.ndarray, dtype: type[np.generic], nodata: float
) -> None:
    scene = colours.astype(dtype) + dtype(1)
    gap = scene.copy()
    gap[2, :20] = nodata
    with open_raster(make_geotiff(gap, nodata=nodata)) as raster, open_raster(make_geotiff(scene)) as twin:
        tile = raster.read(raster.grid.whole)
        np.testing.assert_allclose(raster.radiometry.low, twin.radiometry.low, rtol=0.1)
        np.testing.assert_allclose(raster.radiometry.high, twin.radiometry.high, rtol=0.1)
    assert not tile.valid[:20].any() and tile.valid[20:].all()


@pytest.mark.parametrize("nodata", [7, 7.0])
def test_the_caller_says_what_is_no_data(make_geotiff: MakeGeotiff, colours: np.ndarray, nodata: Any) -> None:
    scene = colours.astype(np.uint16) + np.uint16(100)
    scene[:, 50:60, 50:90] = 7
    whole, small, _ = looks(make_geotiff(scene, nodata=130), nodata=nodata)
    np.testing.assert_array_equal(whole.valid, (scene != 7).all(axis=0))
    assert small.pixels[:, small.valid].min() >= 0
    assert parse_nodata("7") == 7 and parse_nodata("none") == "none" and parse_nodata(None) is None
    with pytest.raises(InputError, match="must be a number or none"):
        parse_nodata("no")


def test_with_none_every_number_is_data(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    alpha = np.zeros_like(colours[:1])
    declared = make_geotiff(colours, nodata=int(colours[0, 0, 0]))
    hidden = make_geotiff(np.concatenate([colours, alpha]), photometric="RGB", alpha="YES")
    for path in (declared, hidden):
        assert looks(path, nodata="none")[0].valid.all()


def test_what_is_no_data_is_in_the_fingerprint(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    path = make_geotiff(colours)
    with open_raster(path) as one, open_raster(path, nodata=0) as other:
        assert one.fingerprint() != other.fingerprint()


@pytest.mark.parametrize("where", ["inside", "beyond"])
def test_four_bands_are_read_on_another_grid(make_geotiff: MakeGeotiff, colours: np.ndarray, where: str) -> None:
    turned = Affine.translation(5e5, 4e6) @ Affine.rotation(30) @ Affine.scale(10, -10)
    path = make_geotiff(np.concatenate([colours, colours[:1]]), transform=turned, photometric="MINISBLACK")
    with open_raster(path, bands=[1, 2, 3, 4]) as raster:
        window = raster.grid.whole if where == "inside" else Window(0, 0, 4, 4)
        tile = raster.read(window)
    assert len(tile.pixels) == 4 and tile.valid.any() == (where == "inside")


def test_pair_collection_reads_as_models_do(make_geotiff: MakeGeotiff, rng: np.random.Generator) -> None:
    from geoglot.sources.gdal import open_dataset
    from geoglot.sources.imagery.window import read_window

    scene = rng.integers(100, 900, (3, 200, 300)).astype(np.uint16)
    scene[2, :40] = 0
    path = make_geotiff(scene, nodata=0)
    with open_raster(path) as raster, open_dataset(str(path)) as dataset:
        tile = raster.read(raster.grid.whole)
        values, valid = read_window(dataset, (1, 2, 3), raster.grid)
    np.testing.assert_array_equal(valid, tile.valid)
    np.testing.assert_allclose(raster.radiometry.apply(values, valid), tile.pixels, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_number_for_no_data_counts_beside_a_mask(
    make_geotiff: MakeGeotiff, rng: np.random.Generator, dtype: type
) -> None:
    pixels = rng.integers(20, 250, (3, 90, 120)).astype(dtype)
    mask = np.full((90, 120), 255, np.uint8)
    mask[:20], pixels[:, 60:] = 0, 7
    path = make_geotiff(pixels, nodata=7, mask=mask)
    whole, small, _ = looks(path, side=60)
    expected = np.zeros((90, 120), np.bool_)
    expected[20:60] = True
    np.testing.assert_array_equal(whole.valid, expected)
    np.testing.assert_array_equal(small.valid, expected[::2, ::2])
    with open_raster(path) as raster:
        assert min(raster.radiometry.low) == 0 if dtype == np.uint8 else min(raster.radiometry.low) > 7
    assert looks(path, nodata=9)[0].valid.sum() == 70 * 120


def test_a_number_for_no_data_counts_beside_transparency_upside_down(
    make_geotiff: MakeGeotiff, rng: np.random.Generator
) -> None:
    grey, alpha = rng.integers(20, 250, (2, 80, 80)).astype(np.uint8)
    alpha[:], grey[:30] = 255, 7
    path = make_geotiff(np.stack([grey, alpha]), nodata=7, photometric="MINISWHITE", alpha="YES")
    assert (looks(path)[0].valid.sum(axis=1) > 0).argmax() == 30


def test_several_bands_are_no_numbers_of_a_palette(make_geotiff: MakeGeotiff, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 250, (3, 64, 64)).astype(np.uint8)
    path, twin = make_geotiff(pixels), make_geotiff(pixels)
    table = "<ColorTable><Entry c1='9' c2='9' c3='9' c4='255'/></ColorTable>"
    band = f"<PAMRasterBand band='1'><ColorInterp>Palette</ColorInterp>{table}</PAMRasterBand>"
    Path(f"{path}.aux.xml").write_text(f"<PAMDataset>{band}</PAMDataset>", "utf-8")
    assert_same(path, twin)


def test_a_palette_band_without_a_palette_is_grey(make_geotiff: MakeGeotiff, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 250, (1, 64, 64)).astype(np.uint8)
    path, twin = make_geotiff(pixels), make_geotiff(pixels)
    band = "<PAMRasterBand band='1'><ColorInterp>Palette</ColorInterp></PAMRasterBand>"
    Path(f"{path}.aux.xml").write_text(f"<PAMDataset>{band}</PAMDataset>", "utf-8")
    assert_same(path, twin)
