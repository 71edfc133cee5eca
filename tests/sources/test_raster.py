from __future__ import annotations

import json
import os
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from PIL import Image

import geoglot.sources.raster
from conftest import UTM, MakeGeotiff
from geoglot.errors import GridError, InputError, ReadError, SourceError
from geoglot.geo import Window
from geoglot.lonlat import lonlat_bounds
from geoglot.sources.pixels.band_reader import BandReader
from geoglot.sources.raster import open_raster, read_grid

COS, SIN = np.cos(np.radians(30)), np.sin(np.radians(30))
PLACES: dict[str, tuple[Any, Affine]] = {
    "north up": ("EPSG:32617", UTM),
    "bottom up": ("EPSG:32617", Affine(10, 0, 5e5, 0, 10, 4e6)),
    "rotated": ("EPSG:32617", Affine(10 * COS, 10 * SIN, 5e5, 10 * SIN, -10 * COS, 4e6)),
    "not square": ("EPSG:32617", Affine(10, 0, 5e5, 0, -25, 4e6)),
    "degrees": ("EPSG:4326", Affine(1e-4, 0, 10, 0, -1e-4, 60)),
    "antimeridian": ("EPSG:4326", Affine(1e-4, 0, 179.985, 0, -1e-4, 60)),
    "antimeridian from the west": ("EPSG:4326", Affine(1e-4, 0, -180.015, 0, -1e-4, -17)),
    "mercator": ("EPSG:3857", Affine(10, 0, 1e6, 0, -10, 9e6)),
    "feet": ("EPSG:2263", Affine(10, 0, 1e6, 0, -10, 2e5)),
    "pole": ("EPSG:3413", Affine(10, 0, -1e3, 0, -10, 1e3)),
}


def test_a_raster_that_fits_passes_unchanged(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with open_raster(make_geotiff(colours)) as raster:
        tile = raster.read(raster.grid.whole)
    assert raster.grid is raster.native and raster.warnings == ()
    assert raster.bands == ("red", "green", "blue")
    np.testing.assert_array_equal(tile.pixels, colours / np.float32(255))
    assert tile.valid.all() and tile.pixels.dtype == np.float32


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("zoom", [0.6, 1.0, 3.3])
def test_a_pixel_does_not_depend_on_its_window(
    make_geotiff: MakeGeotiff, colours: np.ndarray, name: str, zoom: float, rng: np.random.Generator
) -> None:
    colours[:, 30:60, 50:90] = 0
    crs, transform = PLACES[name]
    path = make_geotiff(colours, crs, transform, nodata=0)
    with open_raster(path) as native:
        resolution = native.native.resolution_m * zoom
    with open_raster(path, resolution=resolution) as raster:
        assert raster.grid.is_north_up
        assert raster.grid.resolution_m == pytest.approx(resolution, rel=0.01)
        rows, cols = raster.grid.shape
        whole = raster.read(Window(-10, -10, rows + 20, cols + 20))
        for _ in range(6):
            row, col = rng.integers(-10, rows), rng.integers(-10, cols)
            window = Window(int(row), int(col), int(rng.integers(1, 120)), int(rng.integers(1, 120)))
            tile = raster.read(window)
            part = np.s_[window.row + 10 :, window.col + 10 :]
            height, width = whole.valid[part].shape
            same = np.s_[: min(height, window.height), : min(width, window.width)]
            np.testing.assert_array_equal(tile.pixels[:, *same], whole.pixels[:, *part][:, *same])
            np.testing.assert_array_equal(tile.valid[same], whole.valid[part][same])
            assert tile.grid == raster.grid.window(window)


@pytest.mark.parametrize("name", PLACES)
def test_the_analysis_grid_shows_what_lies_there(make_geotiff: MakeGeotiff, name: str) -> None:
    """A ramp over the file's rows and columns is still that ramp, at the place where it was."""
    rows, cols = np.mgrid[0:100, 0:150] + 0.5
    crs, transform = PLACES[name]
    ramp = np.stack([rows, cols, rows + cols]).astype(np.float32)
    with open_raster(make_geotiff(ramp, crs, transform)) as raster:
        tile = raster.read(raster.grid.whole)
        low, high = (np.array(ends)[:, None] for ends in (raster.radiometry.low, raster.radiometry.high))
        row, col = np.nonzero(tile.valid)
        x, y = raster.grid.to_map(row + 0.5, col + 0.5)
        x, y = pyproj.Transformer.from_crs(raster.grid.crs, crs, always_xy=True).transform(x, y)
        if "antimeridian" in name:
            x += 360 * np.round((transform.c - x) / 360)
        there = raster.native.to_pixel(x, y)
        seen = tile.pixels[:, row, col] * (high - low) + low
    inner = ((tile.pixels[:, row, col] > 0.01) & (tile.pixels[:, row, col] < 0.99)).all(axis=0)
    assert inner.sum() > 1000
    np.testing.assert_allclose(seen[:2, inner], np.stack(there)[:, inner], atol=0.02)
    ground = tile.valid.sum() * raster.grid.pixel_area_m2()
    assert ground == pytest.approx(15_000 * raster.native.pixel_area_m2(), rel=0.02)


def test_a_bottom_up_raster_is_exactly_turned_over(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with open_raster(make_geotiff(colours, *PLACES["bottom up"])) as raster:
        tile = raster.read(raster.grid.whole)
    np.testing.assert_allclose(tile.pixels, colours[:, ::-1] / 255.0, atol=1e-6)


def test_coarser_pixels_are_means(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with open_raster(make_geotiff(colours), resolution=50.0) as raster:
        tile = raster.read(raster.grid.whole)
    means = colours.reshape(3, 40, 5, 60, 5).mean(axis=(2, 4)) / 255
    np.testing.assert_allclose(tile.pixels, means, atol=1e-6)


@pytest.mark.parametrize(
    ("resolution", "expected"), [(None, 10), (20.0, 20), ((1.0, 5.0), 5), ((20.0, 40.0), 20), ((5.0, 15.0), 10)]
)
def test_resolution(make_geotiff: MakeGeotiff, colours: np.ndarray, resolution: Any, expected: float) -> None:
    with open_raster(make_geotiff(colours), resolution=resolution) as raster:
        assert raster.grid.transform.a == expected


@pytest.mark.parametrize("how", ["nodata", "alpha", "mask", "nan", "nodata of floats"])
@pytest.mark.parametrize("resolution", [None, 27.0])
def test_what_is_no_data_is_not_valid(
    make_geotiff: MakeGeotiff, colours: np.ndarray, how: str, resolution: float | None
) -> None:
    hole = np.zeros((200, 300), bool)
    hole[60:120, 90:210] = True
    options: dict[str, Any] = {}
    if how == "alpha":
        colours = np.concatenate([colours, np.where(hole, 0, 255).astype(np.uint8)[None]])
        options = {"photometric": "RGB", "alpha": "YES"}
    elif how == "mask":
        options = {"mask": np.where(hole, 0, 255).astype(np.uint8)}
    else:
        nodata = {"nodata": 0, "nan": None, "nodata of floats": -9999}[how]
        colours = colours if how == "nodata" else colours.astype(np.float32)
        colours[:, hole] = np.nan if how == "nan" else nodata
        options = {"nodata": nodata}
    with open_raster(make_geotiff(colours, **options), resolution=resolution) as raster:
        tile = raster.read(raster.grid.whole)
        small = raster.thumbnail(50)
    invalid = 1 - tile.valid.sum() * raster.grid.transform.a**2 / 6e6
    assert invalid == pytest.approx(hole.mean(), abs=0.01)
    assert (tile.pixels[:, ~tile.valid] == 0).all()
    assert (tile.pixels[:, tile.valid].mean(axis=1) > 0.4).all()
    assert 1 - small.valid.mean() == pytest.approx(hole.mean(), abs=0.03)


def test_zero_in_one_band_is_no_hole(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    colours[0] = 0
    with open_raster(make_geotiff(colours, nodata=0), resolution=27.0) as raster:
        tile = raster.read(Window(10, 10, 20, 20))
    assert tile.valid.all() and (tile.pixels[0] == 0).all()


def test_only_the_chosen_bands_say_what_is_nodata(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    near_infrared = colours[:1].copy()
    colours[:, :50] = 0
    path = make_geotiff(np.concatenate([colours, near_infrared]), nodata=0, photometric="MINISBLACK")
    with open_raster(path) as raster:
        tile = raster.read(raster.grid.whole)
    assert not tile.valid[:50].any() and tile.valid[50:].all()


def test_padding_is_not_valid(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with open_raster(make_geotiff(colours)) as raster:
        tile = raster.read(Window(-10, 290, 30, 30))
        outside = raster.read(Window(500, 500, 8, 8))
    np.testing.assert_array_equal(tile.pixels[:, 10:, :10], colours[:, :20, 290:] / np.float32(255))
    assert tile.valid.sum() == 200 and not outside.valid.any() and not outside.pixels.any()


def test_without_crs_it_works_and_says_so(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with open_raster(make_geotiff(colours, None, None), resolution=3.0) as raster:
        tile = raster.read(raster.grid.whole)
        assert raster.thumbnail(100).pixels.shape == (3, 66, 100)
    assert tile.grid.crs is None and tile.grid.transform == Affine.identity()
    assert "has no CRS" in raster.warnings[0]
    np.testing.assert_array_equal(tile.pixels, colours / np.float32(255))


def test_a_crs_without_a_way_to_earth_is_refused(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    path = make_geotiff(colours, 'LOCAL_CS["site",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]')
    with pytest.raises(GridError, match="rio edit-info"):
        open_raster(path)


def test_across_the_antimeridian_it_is_one_piece(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with open_raster(make_geotiff(colours, *PLACES["antimeridian"])) as raster:
        west, _, east, _ = lonlat_bounds(raster.grid)
        tile = raster.read(raster.grid.whole)
    assert west > 179.9 and east < -179.9
    assert tile.valid.mean() > 0.9


def test_a_palette_becomes_colours(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    index = np.tile(np.array([0, 7], np.uint8), (1, 40, 20))
    path = make_geotiff(index)
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (255, 0, 0, 255), 7: (0, 0, 255, 255)})
    with open_raster(path) as raster:
        pixels = raster.read(raster.grid.whole).pixels
    np.testing.assert_array_equal(pixels[:, 0, :2], [[1, 0], [0, 0], [0, 1]])


@pytest.mark.parametrize("driver", ["PNG", "JPEG", "WEBP"])
def test_plain_images(make_geotiff: MakeGeotiff, tmp_path: Path, driver: str) -> None:
    path = tmp_path / "photo"
    smooth = np.broadcast_to(np.linspace(20, 220, 300).astype(np.uint8), (3, 200, 300))
    make_geotiff(smooth, None, None, driver=driver, path=path)
    with open_raster(path) as raster:
        assert raster.grid.crs is None
        np.testing.assert_allclose(raster.read(raster.grid.whole).pixels, smooth / 255, atol=0.03)


@pytest.mark.parametrize("driver", ["PNG", "JPEG"])
def test_a_world_file_places_an_image(
    make_geotiff: MakeGeotiff, colours: np.ndarray, tmp_path: Path, driver: str
) -> None:
    path = make_geotiff(colours, None, None, driver=driver, path=tmp_path / f"photo.{driver.lower()}")
    path.with_suffix(".prj").write_text("not read without a world file")
    with open_raster(path) as raster:
        assert raster.grid.crs is None
    path.with_suffix(".wld").write_text("10\n0\n0\n-10\n500005\n3999995\n")
    path.with_suffix(".prj").write_text(pyproj.CRS(32617).to_wkt("WKT1_ESRI"))
    with open_raster(path) as raster:
        assert raster.grid.crs is not None and raster.grid.crs.to_epsg(min_confidence=25) == 32617
        assert raster.grid.transform == UTM


def scribble(path: Path) -> None:
    """Damage one compressed block in the middle of a tiled file."""
    with rasterio.open(path) as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1))
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 400)


@pytest.mark.parametrize("resolution", [None, 27.0])
def test_a_damaged_block_is_a_read_error_there_only(
    make_geotiff: MakeGeotiff, colours: np.ndarray, resolution: float | None
) -> None:
    path = make_geotiff(colours.astype(np.uint16), compress="deflate")
    scribble(path)
    with open_raster(path, resolution=resolution) as raster:
        assert raster.radiometry.high[0] > 200  # the other blocks are enough for the stretch
        with pytest.raises(ReadError, match=r"scene0.tif: .*download it again.*\(row, col, height, width\)"):
            raster.read(Window(30, 30, 40, 40))
        assert raster.read(Window(0, 0, 10, 10)).valid.all()


@pytest.mark.parametrize(("dtype", "part"), [(np.uint8, 2), (np.uint16, 2), (np.uint16, 8)])
def test_a_truncated_file_is_a_read_error(
    make_geotiff: MakeGeotiff, colours: np.ndarray, dtype: type[np.generic], part: int
) -> None:
    path = make_geotiff(colours.astype(dtype))
    os.truncate(path, path.stat().st_size // part)  # of 16 bits the stretch is measured, so blocks are read on opening
    with open_raster(path) as raster, pytest.raises(ReadError):
        raster.read(raster.grid.whole)


def test_many_threads_read_the_same(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    windows = [Window(row, col, 50, 50) for row in range(0, 200, 50) for col in range(0, 300, 50)] * 3
    with open_raster(make_geotiff(colours), resolution=12.0) as raster:
        expected = [raster.read(window).pixels for window in windows]
        with ThreadPoolExecutor(8) as pool:
            tiles = list(pool.map(raster.read, windows))
    for tile, pixels in zip(tiles, expected, strict=True):
        np.testing.assert_array_equal(tile.pixels, pixels)


def test_a_small_picture_is_opened_and_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.jpg")
    opened, decoded = list[Path](), list[Window | None]()
    open_again, read_again = geoglot.sources.raster.open_handle, BandReader.read
    monkeypatch.setattr(
        "geoglot.sources.raster.open_handle", lambda uri, level=None: opened.append(uri) or open_again(uri, level=level)
    )
    monkeypatch.setattr(
        BandReader, "read", lambda *given, **options: decoded.append(None) or read_again(*given, **options)
    )
    with open_raster(tmp_path / "a.jpg") as raster:
        tiles = [
            raster.read(Window(10, 20, 30, 40)),
            raster.thumbnail(224),
            replace(raster, _whole=None).thumbnail(224),
        ]
    assert len(opened) == 1 and len(decoded) == 2  # the last tile alone was not there yet
    np.testing.assert_array_equal(tiles[1].pixels, tiles[2].pixels)
    np.testing.assert_array_equal(tiles[0].pixels, tiles[2].pixels[:, 10:40, 20:60])


def test_pixels_of_a_small_scene_hide_what_its_rim_hides(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    pixels = np.zeros((3, 240, 340), np.uint8)
    pixels[:, 20:220, 20:320] = colours
    with open_raster(make_geotiff(pixels)) as raster:
        assert raster.grid is raster.native
        valid = raster.read(raster.grid.whole).valid
    assert not valid[:15].any() and valid[40:200, 40:300].any()


def test_the_grid_of_a_file_is_read_without_its_pixels(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    path = make_geotiff(colours)
    with open_raster(path) as raster:
        assert read_grid(path) == raster.native


def test_a_closed_raster_says_so(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with open_raster(make_geotiff(colours)) as raster:
        raster.read(Window(0, 0, 5, 5))
    with pytest.raises(SourceError, match="closed"):
        raster.read(Window(0, 0, 5, 5))


def test_fingerprint_is_json_that_changes_with_the_file(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    path = make_geotiff(colours, tags={"TIFFTAG_DATETIME": "2024:05:06 07:08:09"})
    with open_raster(path) as raster:
        before = json.loads(json.dumps(raster.fingerprint()))
        assert raster.time is not None and raster.time.isoformat() == "2024-05-06T07:08:09"
    assert before["shape"] == [3, 200, 300] and before["driver"] == "GTiff"
    make_geotiff(colours[:, :100], path=path)
    with open_raster(path) as raster:
        assert raster.fingerprint() != before


def test_a_file_is_the_same_however_its_path_is_spelled(
    make_geotiff: MakeGeotiff, colours: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_geotiff(colours)
    path.with_name(f"{path.stem}.prj").write_text(pyproj.CRS(32631).to_wkt())
    monkeypatch.chdir(path.parent)
    seen = []
    for spelled in (path, path.name, f"./{path.name}", f"../{path.parent.name}/{path.name}"):
        with open_raster(spelled) as raster:
            seen.append(raster.fingerprint())
    assert seen == seen[:1] * 4


def test_thumbnail_keeps_the_extent(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with open_raster(make_geotiff(colours, *PLACES["degrees"])) as raster:
        small = raster.thumbnail(60)
        assert max(small.pixels.shape) <= 60
        assert small.grid.bounds == pytest.approx(raster.grid.bounds)
        assert small.valid.mean() > 0.9


def test_beyond_the_raster_the_scene_is_mirrored_and_not_valid(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with open_raster(make_geotiff(colours[:, :5, :4])) as raster:
        inner, wide = raster.read(raster.grid.whole), raster.read(Window(-2, 0, 20, 10))
    np.testing.assert_array_equal(wide.pixels[:, 2:7, :4], inner.pixels)
    np.testing.assert_array_equal(wide.pixels[:, 1, :4], inner.pixels[:, 0])
    np.testing.assert_array_equal(wide.pixels[:, 7:12, 4:8], inner.pixels[:, ::-1, ::-1])
    assert wide.valid.sum() == 20 and wide.valid[2:7, :4].all()


def test_a_thumbnail_is_the_mean(make_geotiff: MakeGeotiff) -> None:
    stripes = np.zeros((3, 448, 448), np.uint8)
    stripes[:, ::2] = 255
    with open_raster(make_geotiff(stripes)) as raster:
        np.testing.assert_allclose(raster.thumbnail(224).pixels, 0.5, atol=0.01)


def test_archives_are_known_by_what_they_hold(make_geotiff: MakeGeotiff, colours: np.ndarray, tmp_path: Path) -> None:
    def packed(pixels: np.ndarray) -> dict[str, object]:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.write(make_geotiff(pixels), "scene.tif")
        with open_raster(f"/vsizip/{tmp_path}/a.zip/scene.tif") as raster:
            return raster.fingerprint()

    assert packed(colours) == packed(colours) != packed(255 - colours)


def test_guessed_bands_are_told(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    path = make_geotiff(np.concatenate([colours, colours[:1]]), photometric="minisblack")
    with open_raster(path) as raster:
        assert any("bands 1, 2, 3 are taken as red, green, blue" in warning for warning in raster.warnings)
    with open_raster(path, bands=[3, 2, 1]) as raster:
        assert raster.warnings == ()


def test_band_choice_reaches_the_pixels(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    path = make_geotiff(colours)
    with open_raster(path, bands=[3, "green", 1]) as raster:
        tile = raster.read(raster.grid.whole)
    np.testing.assert_array_equal(tile.pixels, colours[::-1] / np.float32(255))
    with open_raster(path, bands=["green"]) as raster:
        grey = raster.read(raster.grid.whole).pixels
    np.testing.assert_array_equal(grey, np.stack([colours[1]] * 3) / np.float32(255))
    with pytest.raises(InputError, match="no band 'nir'"):
        open_raster(path, bands=["nir"])


def test_pages_that_are_not_read_are_told(tmp_path: Path) -> None:
    first, *others = [Image.new("L", (70, 60), shade) for shade in (10, 20, 30)]
    first.save(tmp_path / "a.tif", save_all=True, append_images=others)
    with open_raster(tmp_path / "a.tif") as raster:
        assert any("holds 3 images, and the first is read" in note for note in raster.warnings)


def test_a_closed_raster_can_be_looked_at_again_until_its_file_changes(make_geotiff: MakeGeotiff) -> None:
    """As it was read: bands, numbers and grid."""
    numbers = np.random.default_rng(0).integers(100, 3000, (4, 90, 120)).astype(np.uint16)
    path = make_geotiff(numbers)
    with open_raster(path, bands=[4, 2, 1], resolution=20.0, nodata=100) as raster:
        seen = raster.thumbnail(64)
    again = pickle.loads(pickle.dumps(raster.reopened())).look_again(64)
    np.testing.assert_array_equal(again.pixels, seen.pixels)
    np.testing.assert_array_equal(again.valid, seen.valid)
    assert again.grid == seen.grid and again.bands == seen.bands
    make_geotiff(numbers + 1, path=path)
    with pytest.raises(SourceError, match="was changed since it was opened"):
        raster.look_again(64)
