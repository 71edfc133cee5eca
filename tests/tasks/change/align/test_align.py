"""Dates of one made-up place that differ in place, light and pixels, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from PIL import Image
from scipy import ndimage

from geoglot.crs import transform
from geoglot.errors import InputError, ReadError
from geoglot.geo import Grid, Window
from geoglot.options import ReadOptions
from geoglot.scene.read import reading_notes
from geoglot.sources.raster import open_raster
from geoglot.tasks.change.align.align import align_dates
from stubs import ColourScorer
from worlds import class_field, paint, scribble, write_scene

NAMES = ("water", "forest", "crop", "road")
SIDE, MARGIN, TOP = 320, 16, 5_747_657


def ground(seed: int = 0) -> np.ndarray:
    """A place with a margin around it: blobs of classes, each with a grain of its own; 0..1."""
    side = SIDE + 2 * MARGIN
    grain = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), 1.2)
    return np.asarray(paint(class_field((side, side), 4, seed, blob=24), NAMES) / 255 * 0.6 + 0.2 + 0.15 * grain)


def seen(picture: np.ndarray, down: float = 0.0, right: float = 0.0, noise: int = 1) -> np.ndarray:
    """The place in bytes, with everything `down` and `right` of where it is, and the noise of a sensor."""
    moved = np.stack([ndimage.shift(band, (down, right), order=3, mode="nearest") for band in picture])
    grain = np.random.default_rng(noise).normal(scale=0.01, size=moved.shape)
    inner = (moved + grain)[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    return np.asarray((inner.clip(0.02, 1) * 255).round(), np.uint8)


@pytest.fixture(scope="module")
def place() -> np.ndarray:
    return ground()


@pytest.mark.parametrize(("down", "right"), [(0.5, 0.5), (1.3, -2.4), (-3.0, 0.25), (11.0, 7.6)])
def test_a_shift_is_found_within_a_third_of_a_pixel(
    tmp_path: Path, place: np.ndarray, down: float, right: float
) -> None:
    first = write_scene(tmp_path / "a_20200601.tif", seen(place))
    later = write_scene(tmp_path / "b_20210601.tif", seen(place * 0.8 + 0.1, down, right, noise=2))
    with align_dates([first, later]) as aligned:
        shift = aligned.dates[1].shift
        assert shift.applied
        assert abs(shift.down - down) < 0.3
        assert abs(shift.right - right) < 0.3
        east, north = aligned.dates[1].moved_m or (0, 0)
        assert (east, north) == pytest.approx((-right / 2, down / 2), abs=0.15)
        assert any("was moved by" in note and "m east and" in note for note in aligned.notes)


def test_edges_that_turned_from_bright_to_dark_tell_a_shift_too(tmp_path: Path, place: np.ndarray) -> None:
    first, later = (write_scene(tmp_path / f"{name}.tif", pixels) for name, pixels in (
        ("2020-01-01", seen(place)), ("2020-07-01", seen(1 - place, 2.0, -1.0, noise=2)),
    ))  # fmt: skip
    with align_dates([first, later]) as aligned:
        shift = aligned.dates[1].shift
        assert (shift.down, shift.right) == pytest.approx((2.0, -1.0), abs=0.3)


def test_a_moved_date_lies_on_the_other(tmp_path: Path, place: np.ndarray) -> None:
    first = write_scene(tmp_path / "2020-01-01.tif", seen(place))
    later = write_scene(tmp_path / "2021-01-01.tif", seen(place, 2.0, -3.0))
    with align_dates([first, later]) as aligned:
        before, after = (dated.read(aligned.grid.whole) for dated in aligned.dates)
        both = before.valid & after.valid
        assert both.mean() > 0.9
        assert not after.valid[-1].any()  # the file ends before the ground does
        assert abs(before.pixels - after.pixels)[:, both].mean() < 0.02


def test_the_order_of_the_dates_does_not_decide_what_is_read(tmp_path: Path, place: np.ndarray) -> None:
    views = [("old", 0.9, 0.0), ("new", 0.6, 1.4), ("newer", 0.8, -2.0)]
    paths = [
        write_scene(tmp_path / f"{name}.tif", seen(place * gain, down, 0.7, noise=number))
        for number, (name, gain, down) in enumerate(views)
    ]
    window = Window(40, 30, 100, 120)
    with align_dates(paths) as one, align_dates(paths[::-1]) as other:
        assert [dated.name for dated in one.dates] == ["old", "new", "newer"]
        for dated, same in zip(one.dates, other.dates[::-1], strict=True):
            np.testing.assert_array_equal(dated.read(window).pixels, same.read(window).pixels)
            assert dated.to_json() == same.to_json()


def test_of_two_alike_the_earlier_is_the_reference_also_by_its_tags(tmp_path: Path, place: np.ndarray) -> None:
    late, early = write_scene(tmp_path / "a.tif", seen(place)), write_scene(tmp_path / "b.tif", seen(place, 2.0, -1.0))
    for path, year in ((late, 2020), (early, 2010)):
        with rasterio.open(path, "r+") as file:
            file.update_tags(TIFFTAG_DATETIME=f"{year}:06:01 10:00:00")
    with align_dates([late, early]) as aligned:
        assert [dated.name for dated in aligned.dates] == ["2020-06-01", "2010-06-01"]
        assert [dated.shift.applied for dated in aligned.dates] == [True, False]


def test_the_year_in_a_name_orders_dates_as_a_day_does(tmp_path: Path, place: np.ndarray) -> None:
    late, early = (write_scene(tmp_path / name, seen(place)) for name in ("a_2020.tif", "b_1990.tif"))
    with align_dates([late, early]) as aligned:
        assert [dated.name for dated in aligned.dates] == ["a_2020", "b_1990"]
        assert [dated.to_json()["day"] for dated in aligned.dates] == [None, None]
        assert "the dates are compared in the order given: 2020, 1990" in aligned.notes
    with align_dates([early, late]) as aligned:
        assert not any("order given" in note for note in aligned.notes)


def test_files_of_one_name_are_named_by_their_folders(tmp_path: Path, place: np.ndarray) -> None:
    for folder in ("A", "B"):
        (tmp_path / folder).mkdir()
    dates = [write_scene(tmp_path / folder / "town.tif", seen(place)) for folder in ("A", "B")]
    with align_dates(dates) as aligned:
        assert [dated.name for dated in aligned.dates] == ["A/town", "B/town"]
    with align_dates([dates[0], dates[0]]) as aligned:
        assert [dated.name for dated in aligned.dates] == ["town (1)", "town (2)"]


def test_one_file_as_two_dates_is_one_picture(tmp_path: Path, place: np.ndarray) -> None:
    path = write_scene(tmp_path / "2020-01-01.tif", seen(place))
    with align_dates([path, path]) as aligned:
        first, second = (dated.read(aligned.grid.whole) for dated in aligned.dates)
        np.testing.assert_array_equal(first.pixels, second.pixels)
        assert not aligned.dates[1].shift.applied
        assert aligned.dates[1].gains is None
        assert len({dated.name for dated in aligned.dates}) == 2


def test_pixels_of_another_size_and_crs_are_read_on_those_of_the_coarser(tmp_path: Path) -> None:
    picture = ndimage.gaussian_filter(ground(), (0, 1.5, 1.5))
    fine = write_scene(tmp_path / "2020-01-01.tif", seen(picture))
    misplaced = write_scene(
        tmp_path / "fine.tif", seen(picture, noise=3), transform=Affine(0.5, 0, 593_271, 0, -0.5, TOP)
    )
    with open_raster(misplaced) as raster:
        x, y = transform(np.array([593_275.0]), np.array([TOP - 5.0]), raster.grid.known_crs, pyproj.CRS(32632))
        grid = Grid(pyproj.CRS(32632), Affine(1.3, 0, float(x[0]), 0, -1.3, float(y[0])), (100, 100))
        pixels = (raster.read_onto(grid).pixels * 255).astype(np.uint8)
    later = write_scene(tmp_path / "2021-01-01.tif", pixels, crs="EPSG:32632", transform=grid.transform, nodata=0)
    with align_dates([fine, later]) as aligned:
        assert aligned.grid.resolution_m == pytest.approx(1.3, rel=0.02)
        assert not aligned.dates[1].shift.applied  # the coarser is the reference
        east, north = aligned.dates[0].moved_m or (0, 0)
        assert (east, north) == pytest.approx((1.0, 0.0), abs=0.3 * 1.3)
        notes = reading_notes(aligned.dates[0], ColourScorer(("water",)).card, ReadOptions())
        assert any("is read in WGS 84 / UTM zone 32N, which is not its own CRS" in note for note in notes)


def test_places_that_disagree_are_refused(tmp_path: Path) -> None:
    turned = ndimage.rotate(ground(), 4.0, axes=(1, 2), reshape=False, mode="nearest", order=1)
    paths = [write_scene(tmp_path / f"{name}.tif", seen(picture)) for name, picture in (("a", ground()), ("b", turned))]
    with (
        pytest.raises(InputError, match=r"cannot be aligned .* places .* agree on about [+-].* m east"),
        align_dates(paths),
    ):
        pass


def test_few_places_that_disagree_are_told_with_the_estimate(tmp_path: Path) -> None:
    first = seen(ground())[:, :64, :192]
    thirds = zip((0.0, 7.0, -9.0), (slice(0, 64), slice(64, 128), slice(128, 192)), strict=True)
    moved = np.concatenate([seen(ground(), down, -down, 2)[:, :64, part] for down, part in thirds], 2)
    with align_dates([write_scene(tmp_path / "a.tif", first), write_scene(tmp_path / "b.tif", moved)]) as aligned:
        assert not aligned.dates[1].shift.applied
        told = next(note for note in aligned.notes if "could not be aligned" in note)
        assert "places agree on one shift, about " in told and " m east, " in told


def test_without_structure_nothing_is_moved_and_that_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    flat = [rng.integers(90, 93, (3, 200, 200)).astype(np.uint8) for _ in range(2)]
    with align_dates(
        [write_scene(tmp_path / f"{name}.tif", pixels) for name, pixels in zip("ab", flat, strict=True)]
    ) as aligned:
        assert not aligned.dates[1].shift.applied
        assert aligned.uncertainty_px == 1
        assert any("could not be aligned: the pictures have too few edges" in note for note in aligned.notes)


def test_only_the_ground_of_all_dates_inside_the_area_counts(tmp_path: Path, place: np.ndarray) -> None:
    first = write_scene(tmp_path / "2020-01-01.tif", seen(place))
    east = Affine(0.5, 0, 593_270 + 40, 0, -0.5, TOP)  # 80 pixels east of the first
    later = write_scene(tmp_path / "2021-01-01.tif", seen(np.roll(place, -80, 2)), transform=east)
    circle = shapely.Point(593_270 + 90, TOP - 60).buffer(30)
    gpd.GeoDataFrame(geometry=[circle], crs="EPSG:32631").to_file(tmp_path / "area.geojson", driver="GeoJSON")
    with align_dates([first, later]) as aligned:
        assert aligned.grid.shape == (SIDE, SIDE - 80)
        assert aligned.counts(Window(3, 4, 5, 6)).all()
    with align_dates([first, later], area=tmp_path / "area.geojson") as aligned:
        assert aligned.grid.shape == (120, 120)
        counted = aligned.counts(aligned.grid.whole)
        assert counted.mean() == pytest.approx(np.pi / 4, abs=0.02)
        np.testing.assert_array_equal(aligned.counts(Window(10, 20, 50, 60)), counted[10:60, 20:80])
        small = aligned.dates[0].thumbnail(500)  # the area alone, as sharp as the scene is
        np.testing.assert_allclose(small.pixels, aligned.dates[0].read(aligned.grid.whole).pixels, atol=1e-6)
        assert aligned.dates[1].thumbnail(30).pixels.shape == (3, 30, 30)


def test_a_tiny_area_has_the_alignment_of_its_surroundings(tmp_path: Path, place: np.ndarray) -> None:
    first = write_scene(tmp_path / "2020-01-01.tif", seen(place))
    later = write_scene(tmp_path / "2021-01-01.tif", seen(place * 0.7, 1.5, -2.0, noise=2))
    box = shapely.box(593_270 + 50, TOP - 70, 593_270 + 60, TOP - 50)
    gpd.GeoDataFrame(geometry=[box], crs="EPSG:32631").to_file(tmp_path / "box.geojson", driver="GeoJSON")
    with align_dates([first, later]) as whole, align_dates([first, later], area=tmp_path / "box.geojson") as part:
        assert part.grid.shape == (40, 20)
        for dated, same in zip(part.dates, whole.dates, strict=True):
            np.testing.assert_allclose(
                dated.read(part.grid.whole).pixels, same.read(Window(100, 100, 40, 20)).pixels, atol=2e-6
            )
            assert (dated.shift, dated.gains) == (same.shift, same.gains)


def test_pictures_without_a_place_are_moved_in_pixels(tmp_path: Path, place: np.ndarray) -> None:
    for name, pixels in (("a", seen(place)), ("b", seen(place, 1.5, -2.0, noise=2))):
        Image.fromarray(pixels.transpose(1, 2, 0)).save(tmp_path / f"{name}.png")
    with align_dates([tmp_path / "a.png", tmp_path / "b.png"]) as aligned:
        assert aligned.dates[1].moved_m is None
        assert aligned.dates[1].shift.down == pytest.approx(1.5, abs=0.3)
        assert any("b was moved 2." in note and "px to the right and -1." in note for note in aligned.notes)


def test_a_damaged_block_costs_its_own_windows_alone(tmp_path: Path, place: np.ndarray) -> None:
    first = write_scene(tmp_path / "2020-01-01.tif", seen(place))
    later = write_scene(tmp_path / "2021-01-01.tif", seen(place, 1.5, -2.0, noise=2))
    scribble(later, 7)
    with align_dates([first, later]) as aligned:
        shift = aligned.dates[1].shift
        assert (shift.down, shift.right) == pytest.approx((1.5, -2.0), abs=0.3)
        assert aligned.dates[1].read(Window(200, 200, 60, 60)).valid.all()
        with pytest.raises(ReadError):
            aligned.dates[1].read(Window(64, 128, 60, 60))


def test_a_date_without_a_pixel_is_left_as_it_is(tmp_path: Path, place: np.ndarray) -> None:
    first = write_scene(tmp_path / "2020-01-01.tif", seen(place))
    empty = write_scene(tmp_path / "2021-01-01.tif", np.zeros((3, SIDE, SIDE), np.uint8), nodata=0)
    with align_dates([first, empty]) as aligned:
        assert aligned.dates[1].shares.no_data == 1
        assert not aligned.dates[1].read(Window(0, 0, 50, 50)).valid.any()
        assert aligned.dates[0].read(Window(0, 0, 50, 50)).valid.all()


def test_dates_that_share_no_ground_are_refused(tmp_path: Path, place: np.ndarray) -> None:
    first = write_scene(tmp_path / "a.tif", seen(place))
    far = write_scene(tmp_path / "b.tif", seen(place), transform=Affine(0.5, 0, 600_000, 0, -0.5, TOP))
    unplaced = tmp_path / "c.png"
    Image.fromarray(seen(place).transpose(1, 2, 0)).save(unplaced)
    for paths, said in (
        ([first, far], "do not overlap"),
        ([first, unplaced], "must have a CRS"),
        ([first], "two dates"),
    ):
        with pytest.raises(InputError, match=said), align_dates(paths):
            pass


def test_the_resolution_of_the_model_or_the_user_is_kept(tmp_path: Path, place: np.ndarray) -> None:
    paths = [write_scene(tmp_path / f"{name}.tif", seen(place)) for name in "ab"]
    with align_dates(paths, understood=(1.0, 10.0)) as aligned:
        assert aligned.grid.resolution_m == pytest.approx(1.0, rel=0.01)
    with align_dates(paths, ReadOptions(resolution=2.0)) as aligned:
        assert aligned.grid.resolution_m == pytest.approx(2.0, rel=0.01)
