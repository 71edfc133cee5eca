"""No data that no file declares is found; dark and bright places are left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from conftest import MakeGeotiff
from geoglot.sources.raster import open_raster
from geoglot.sources.tile import Tile
from worlds import class_field, paint

SIDE = 300


@pytest.fixture
def scene() -> np.ndarray:
    """Fields, water and roofs with noise, 8 bit, 1..254."""
    field = class_field((SIDE, SIDE), 3)
    noise = np.random.default_rng(0).normal(0, 12, (3, SIDE, SIDE))
    return (paint(field, ("water", "marsh", "sand")) + noise).clip(1, 254).astype(np.uint8)


def look(path: Path, **how: Any) -> tuple[Tile, list[str]]:
    with open_raster(path, **how) as raster:
        return raster.read(raster.grid.whole), [note for note in raster.warnings if "taken as no data" in note]


def wedge() -> np.ndarray:
    """What a scene that was turned by some degrees leaves of its raster."""
    rows, cols = np.mgrid[:SIDE, :SIDE]
    up, across = rows - SIDE / 2, cols - SIDE / 2
    angle = np.radians(20)
    turned = np.abs(up * np.cos(angle) + across * np.sin(angle)), np.abs(across * np.cos(angle) - up * np.sin(angle))
    half = SIDE / 2 / (np.cos(angle) + np.sin(angle))
    return np.maximum(*turned) > half


@pytest.mark.parametrize(
    ("number", "dtype"),
    [(-9999, "float32"), (-32768, "int16"), (1e20, "float32"), (np.finfo("float32").min, "float32"), (65535, "uint16")],
)
@pytest.mark.parametrize("bands", [slice(None), slice(1, 2)])
def test_a_number_far_outside_is_no_data(
    make_geotiff: MakeGeotiff, scene: np.ndarray, number: float, dtype: str, bands: slice
) -> None:
    pixels = scene.astype(dtype)
    pixels[bands, :30] = number
    path = make_geotiff(pixels)
    tile, notes = look(path)
    assert len(notes) == 1 and "10.0%" in notes[0] and f"{float(np.dtype(dtype).type(number)):.10g}" in notes[0]
    assert not tile.valid[:30].any() and tile.valid[30:].all()
    assert tile.pixels[:, 30:].std() > 0.1
    small = look(path, resolution=25.0)[0]
    assert small.valid.mean() == pytest.approx(0.9, abs=0.02)
    tile, notes = look(path, nodata="none")
    assert tile.valid.all() and not notes


@pytest.mark.parametrize("number", [0, 255])
@pytest.mark.parametrize("shape", ["wedge", "frame", "strip"])
def test_a_rim_without_shades_is_no_data(make_geotiff: MakeGeotiff, scene: np.ndarray, number: int, shape: str) -> None:
    rim = wedge() if shape == "wedge" else np.zeros((SIDE, SIDE), bool)
    rim[:, :40] |= shape != "wedge"
    if shape == "frame":
        rim[:25] = rim[-25:] = rim[:, -25:] = True
    scene[:, rim] = number
    scene[:, 140:160, 140:160] = number  # a thing in the middle
    tile, notes = look(make_geotiff(scene))
    assert len(notes) == 1 and "along the edge" in notes[0]
    np.testing.assert_array_equal(tile.valid, ~rim)
    assert look(make_geotiff(scene), nodata="none")[0].valid.all()


def test_sixteen_bits_have_rims_too(make_geotiff: MakeGeotiff, scene: np.ndarray) -> None:
    pixels = scene.astype(np.uint16) * 12
    pixels[:, wedge()] = 0
    tile, notes = look(make_geotiff(pixels))
    assert notes
    np.testing.assert_array_equal(tile.valid, ~wedge())


@pytest.mark.parametrize("number", [0, 255])
def test_dark_and_saturated_places_are_seen(make_geotiff: MakeGeotiff, scene: np.ndarray, number: int) -> None:
    rows, cols = np.mgrid[:SIDE, :SIDE]
    sea = cols < 90 + 25 * np.sin(rows / 20) + 15 * np.sin(rows / 7)
    spot = (rows - SIDE) ** 2 + (cols - 100) ** 2 < 50**2  # at the edge
    pond = (np.abs(rows - 140) < 40) & (np.abs(cols - 150) < 55)
    shades = np.random.default_rng(1).normal(-4, 4, (SIDE, SIDE)).clip(0).round()  # most are clipped, as in real ones
    for place in (sea, spot, pond):
        pixels = scene.copy()
        pixels[:, place] = np.abs(number - shades[place])
        tile, notes = look(make_geotiff(pixels))
        assert tile.valid.all() and not notes


def test_a_map_of_classes_and_what_is_declared_have_none(make_geotiff: MakeGeotiff, scene: np.ndarray) -> None:
    classes = class_field((SIDE, SIDE), 3).astype(np.uint16)[None] * 1000
    assert look(make_geotiff(classes))[1] == []
    scene[:, wedge()] = 0
    assert look(make_geotiff(scene, nodata=0))[1] == []


def with_fourth(make_geotiff: MakeGeotiff, scene: np.ndarray, fourth: np.ndarray, kind: str = "uint8") -> Path:
    pixels = np.concatenate([scene.astype(kind), fourth[None].astype(kind)])
    return make_geotiff(pixels, photometric="RGB", alpha="YES")


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("most", [1, 255])
def test_plain_transparency_hides(make_geotiff: MakeGeotiff, scene: np.ndarray, kind: str, most: int) -> None:
    alpha = np.where(wedge(), 0, most)
    scene[:, wedge()] = 0
    tile, _ = look(with_fourth(make_geotiff, scene, alpha, kind))
    np.testing.assert_array_equal(tile.valid, ~wedge())


def test_a_fourth_band_of_many_values_is_a_band(make_geotiff: MakeGeotiff, scene: np.ndarray) -> None:
    infrared = scene[1].copy()
    infrared[:80] = 0
    path = with_fourth(make_geotiff, scene, infrared)
    with open_raster(path) as raster:
        assert raster.read(raster.grid.whole).valid.all() and raster.thumbnail(60).valid.all()
        assert raster.thumbnail(60).pixels[:, 5].mean() > 0.1
        assert sum("not as transparency" in note for note in raster.warnings) == 1


def test_transparency_of_two_and_of_five_bands(make_geotiff: MakeGeotiff, scene: np.ndarray) -> None:
    alpha = np.where(wedge(), 0, 255).astype(np.uint8)[None]
    scene[:, wedge()] = 0
    grey = make_geotiff(np.concatenate([scene[:1], alpha]), alpha="YES")
    five = make_geotiff(np.concatenate([scene, scene[:2], alpha]), photometric="RGB", alpha="YES")
    with rasterio.open(five, "r+") as dataset:
        names = ("red", "green", "blue", "undefined", "undefined", "alpha")
        dataset.colorinterp = [ColorInterp[name] for name in names]
    for path in (grey, five):
        np.testing.assert_array_equal(look(path)[0].valid, ~wedge())


def test_transparency_that_hides_a_picture_is_told(make_geotiff: MakeGeotiff, scene: np.ndarray) -> None:
    with open_raster(with_fourth(make_geotiff, scene, np.zeros((SIDE, SIDE)))) as raster:
        assert raster.read(raster.grid.whole).valid.all()
        assert any("0 everywhere" in note for note in raster.warnings)
    half = np.full((SIDE, SIDE), 255)
    half[:150] = 0
    with open_raster(with_fourth(make_geotiff, scene, half)) as raster:
        assert raster.read(raster.grid.whole).valid.mean() == 0.5
        assert any("hides 50.0%" in note for note in raster.warnings)
    empty = with_fourth(make_geotiff, np.zeros_like(scene), np.zeros((SIDE, SIDE)))
    assert not look(empty)[0].valid.any()
