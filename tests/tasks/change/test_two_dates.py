"""Two dates of a small country: nothing happened, something happened, and the same told backwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoglot.options import ReadOptions
from geoglot.tasks.change.change import change
from geoglot.tasks.change.result import ChangeResult
from stubs import ColourScorer
from worlds import UTM, class_field, paint, write_scene

NAMES = ("water", "forest", "sand", "roof", "snow")
ROOF = NAMES.index("roof")
SIDE = 320
SQUARES = ((40, 60), (150, 200), (250, 90))  # corners of new roofs, 24 px a side


def fields() -> tuple[np.ndarray, np.ndarray]:
    """Classes of the ground before and after new roofs."""
    before = class_field((SIDE, SIDE), ROOF, seed=3)  # water, forest, sand
    after = before.copy()
    for row, col in SQUARES:
        after[row : row + 24, col : col + 24] = ROOF
    return before, after


def write_date(path: Path, field: np.ndarray, seed: int, gain: float = 1.0, **profile: object) -> Path:
    """A date in its own light and noise."""
    noise = np.random.default_rng(seed).normal(0, 4, (3, *field.shape))
    return write_scene(path, (paint(field, NAMES) * gain + noise).clip(1, 255).astype(np.uint8), **profile)


@pytest.fixture
def dates(tmp_path: Path) -> tuple[Path, Path]:
    before, after = fields()
    return write_date(tmp_path / "before.tif", before, 1), write_date(tmp_path / "after.tif", after, 2, 0.9)


def compare(first: Path, second: Path, out: Path, **read: int) -> tuple[ChangeResult, np.ndarray]:
    """The result and the pairs (before, after) of names at every pixel, "" where nothing changed."""
    options = ReadOptions(**read)  # type: ignore[arg-type]
    result = change([first, second], list(NAMES), out, model=ColourScorer(NAMES), read=options, overwrite=True)
    with rasterio.open(out) as file:
        ids = file.read(1)
    pairs = np.full((256, 2), "", object)
    for each in result.transitions:
        pairs[each.number] = each.source, each.target
    return result, pairs[ids]


def test_one_picture_has_not_changed(dates: tuple[Path, Path], tmp_path: Path) -> None:
    result, pairs = compare(dates[0], dates[0], tmp_path / "map.tif")
    assert not result.transitions and (pairs == "").all()
    assert all(each.gain_m2 == each.loss_m2 == 0 for each in result.classes)
    assert all(each.area_m2[0] == each.area_m2[1] for each in result.classes)


def test_another_light_is_no_change(tmp_path: Path) -> None:
    before, _ = fields()
    files = [write_date(tmp_path / f"{seed}.tif", before, seed, gain) for seed, gain in ((1, 1.0), (2, 0.85))]
    assert not compare(*files, tmp_path / "map.tif")[0].transitions


def test_what_is_new_is_found(dates: tuple[Path, Path], tmp_path: Path) -> None:
    result, pairs = compare(*dates, tmp_path / "map.tif")
    before, after = fields()
    true, called = before != after, pairs[..., 1] == "roof"
    assert 2 * (true & called).sum() / (true.sum() + called.sum()) > 0.85  # by patches of 8 px
    roofs = next(each for each in result.classes if each.name == "roof")
    assert roofs.gain_pixels == called.sum() and roofs.loss_pixels == 0
    assert roofs.objects[0]["appeared"] == len(SQUARES)
    names = np.array(NAMES, object)
    assert (pairs[..., 0][true & called] == names[before[true & called]]).mean() > 0.95


def test_told_backwards_it_is_the_mirror(dates: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = dates
    (ahead, pairs), (back, mirrored) = (
        compare(first, second, tmp_path / "a.tif"),
        compare(second, first, tmp_path / "b.tif"),
    )
    assert (pairs != "").any() and np.array_equal(pairs, mirrored[..., ::-1])
    for one, other in zip(ahead.classes, back.classes, strict=True):
        assert (one.name, one.gain_m2, one.loss_m2) == (other.name, other.loss_m2, other.gain_m2)
        assert one.area_m2 == other.area_m2[::-1]


def test_windows_of_any_size_give_one_map(dates: tuple[Path, Path], tmp_path: Path) -> None:
    maps = [compare(*dates, tmp_path / f"{tile}.tif", tile=tile, overlap=0)[1] for tile in (64, 128, 320)]
    assert (maps[0] != "").any()
    assert all(np.array_equal(maps[0], other) for other in maps[1:])


@pytest.mark.parametrize("shift", [(1.3, -0.7), (-2.4, 1.6), (0.0, 0.0)])
def test_a_wrong_place_is_found_and_put_right(
    shift: tuple[float, float], dates: tuple[Path, Path], tmp_path: Path
) -> None:
    """`shift` is in pixels to the right and down of the place that the file of the second date states."""
    right, down = shift
    moved = UTM["transform"] @ Affine.translation(right, down)
    same = write_date(tmp_path / "same.tif", fields()[0], 5, 0.9, transform=moved)
    result, pairs = compare(dates[0], same, tmp_path / "map.tif")
    metres = np.array(result.shift_m)
    assert np.allclose(metres, [-0.5 * right, 0.5 * down], atol=0.3 * 0.5)
    assert (pairs[..., 0] != "").mean() < 0.002
