from __future__ import annotations

import numpy as np
import pyproj
import pytest
from affine import Affine

from conftest import MakeGrid
from geoglot.crs import transform
from geoglot.geo import Window
from geoglot.sources import resample as module
from geoglot.sources.resample import Read, Resampler, area_means


def memory(values: np.ndarray, valid: np.ndarray | None = None) -> Read:
    """Reads from arrays."""

    def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
        part = np.s_[window.row : window.row + window.height, window.col : window.col + window.width]
        return values[:, *part], (np.ones(values.shape[1:], bool) if valid is None else valid)[part]

    return read


def test_a_ramp_stays_a_ramp_when_finer(make_grid: MakeGrid) -> None:
    grid = make_grid(shape=(30, 40))
    ramp = np.broadcast_to(np.arange(40) + 0.5, (3, 30, 40))
    values, valid = Resampler(grid, grid.metric(2.5)).read(memory(ramp), Window(0, 0, 120, 160))
    assert valid.all()
    expected = np.clip((np.arange(160) + 0.5) / 4, 0.5, 39.5)  # beyond the outermost centres there is no slope
    np.testing.assert_allclose(values, np.broadcast_to(expected, (3, 120, 160)), atol=1e-4)


def test_blocks_at_the_end_are_means_of_what_there_is(make_grid: MakeGrid, rng: np.random.Generator) -> None:
    grid, image = make_grid(shape=(10, 11)), rng.normal(size=(3, 10, 11))
    values, valid = Resampler(grid, grid.metric(40.0)).read(memory(image), Window(0, 0, 3, 3))
    assert valid.all()  # a centre on the border is inside
    np.testing.assert_allclose(values[:, 0, 2], image[:, :4, 8:].mean(axis=(1, 2)), atol=1e-6)
    np.testing.assert_allclose(values[:, 2, 2], image[:, 8:, 8:].mean(axis=(1, 2)), atol=1e-6)


def test_half_valid_is_valid_and_less_is_not(make_grid: MakeGrid) -> None:
    valid = np.zeros((4, 12), bool)
    valid[:2, :4] = valid[0, 4:8] = valid[:, 8:] = True
    image = np.where(valid, 7.0, np.nan)[None].repeat(3, 0)
    grid = make_grid(shape=(4, 12))
    values, found = Resampler(grid, grid.metric(40.0)).read(memory(image, valid), Window(0, 0, 1, 3))
    assert found.tolist() == [[True, False, True]]
    np.testing.assert_array_equal(values[0], [[7, 0, 7]])


def test_strips_change_nothing(make_grid: MakeGrid, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    grid, image = make_grid(shape=(90, 70)), rng.normal(size=(3, 90, 70))
    resampler = Resampler(grid, grid.metric(33.0))
    whole, _ = resampler.read(memory(image), resampler.target.whole)
    monkeypatch.setattr(module, "_MAX_PIXELS", 300)
    strips, _ = resampler.read(memory(image), resampler.target.whole)
    np.testing.assert_array_equal(strips, whole)


def test_positions_are_true_to_a_thousandth_of_a_pixel(make_grid: MakeGrid) -> None:
    degrees = make_grid(4326, Affine(1e-4, 0, 11.9, 0, -1e-4, 70), (3000, 4000))
    assert degrees.resolution_m is not None
    target = degrees.metric(degrees.resolution_m)
    window = Window(1111, 777, 50, 60)
    rows, cols = Resampler(degrees, target)._source_positions(window)
    centres = np.meshgrid(np.arange(50) + 1111.5, np.arange(60) + 777.5, indexing="ij")
    assert target.crs is not None
    exact = degrees.to_pixel(*transform(*target.to_map(*centres), target.crs, pyproj.CRS(4326)))
    np.testing.assert_allclose([rows, cols], exact, atol=1e-3)


def test_nothing_is_read_where_nothing_lies(make_grid: MakeGrid) -> None:
    def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
        raise AssertionError("read")

    grid = make_grid()
    values, valid = Resampler(grid, grid.metric(7.0)).read(read, Window(1000, 1000, 5, 5))
    assert not valid.any() and values.shape == (3, 5, 5)


@pytest.mark.parametrize("resolution", [70.0, 99.0, 130.0])
def test_a_scene_of_few_pixels_is_mapped_to_its_edge(make_grid: MakeGrid, resolution: float) -> None:
    grid, image = make_grid(shape=(13, 13)), np.full((3, 13, 13), 5.0)
    target = grid.metric(resolution)
    values, valid = Resampler(grid, target).read(memory(image), target.whole)
    assert valid.all()
    np.testing.assert_allclose(values, 5.0)


def test_means_by_area() -> None:
    values = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    known = np.ones(values.shape, np.bool_)
    known[0, 0, 0] = False
    means, there = area_means(values, known, (1, 2))
    np.testing.assert_array_equal(means, [[[5, 7]]])  # 5 = (1 + 4 + 5 + 8 + 9) / 5 rounded, 6.5 rounded up
    assert there.all()
    assert not area_means(values, np.zeros_like(known), (1, 2))[1].any()
    np.testing.assert_allclose(
        area_means(np.array([[[0.0, 3.0, 6.0]]]), np.ones((1, 1, 3), bool), (1, 2))[0], [[[1, 5]]]
    )
