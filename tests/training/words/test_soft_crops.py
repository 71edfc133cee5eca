"""Crops of scenes with the votes about them, and the ground that is held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from affine import Affine

from geoglot.errors import InputError
from geoglot.geo import Grid, Window
from geoglot.options import ReadOptions
from geoglot.sources.tile import Tile
from geoglot.training.words.soft_crops import SoftCrops, SoftSampling, hold_out
from geoglot.training.words.surest import ClassFound, Surest
from geoglot.training.words.votes import Cell, Taught, Votes, split_ground

SAMPLING = SoftSampling(batch=2, side=32, scales=(0.8, 1.25), augment="none")


class Ground(Taught):
    """A scene whose first band is its row and whose second is its column, and whose best class is that of the row."""

    def __init__(self) -> None:
        super().__init__((), ReadOptions(), (1.0, 1.0))
        object.__setattr__(self, "asked", list[Cell]())

    def pixels(self, cell: Cell) -> Tile:
        self.asked.append(cell)  # type: ignore[attr-defined]
        rows, cols = np.mgrid[cell.window.slices].astype(np.float32)
        pixels = np.stack([rows, cols, rows]) / 1000
        grid = Grid(None, Affine.identity(), rows.shape)
        return Tile(pixels, np.ones(rows.shape, bool), grid, ("red", "green", "blue"), None, "ground")

    def votes(self, cell: Cell, side: tuple[int, int] | None = None) -> Votes:
        assert side is not None
        rows = np.linspace(cell.window.row, cell.window.row + cell.window.height, side[0], endpoint=False)
        lower = torch.from_numpy((rows >= 160).astype(np.float32))[:, None].expand(side)
        return Votes(torch.stack([1 - lower, lower]), torch.ones(side))


def crops(sampling: SoftSampling = SAMPLING, seen: tuple[int, ...] = (0, 1, 2, 3)) -> SoftCrops:
    cells = [Cell(0, window) for window in split_ground((320, 320), 160)]
    found = tuple(ClassFound(name, 0.5, 1.0, 1.0, 0.0) for name in ("above", "below"))
    counts = np.array([[9, 0], [9, 0], [0, 9], [0, 9]])
    ground = Ground()
    return SoftCrops(ground, cells, seen, Surest(found, 0.75, counts), sampling)


def test_crops_stay_within_the_cells_that_training_sees() -> None:
    drawn = crops(seen=(0, 3))
    for position in range(40):
        drawn.crop(position)
    cells = [drawn.cells[0].window, drawn.cells[3].window]
    for cell in drawn.taught.asked:  # type: ignore[attr-defined]
        assert any(cell.window.intersection(whole) == cell.window for whole in cells)


def test_a_crop_follows_from_its_position_and_pixels_lie_under_their_votes() -> None:
    for position in range(8):
        pixels, shares, counts = crops().crop(position)
        assert pixels.shape == (3, 32, 32) and shares.shape == (2, 8, 8) and counts.all()
        assert all(map(torch.equal, crops().crop(position), (pixels, shares, counts)))
        rows = torch.nn.functional.avg_pool2d(pixels[:1] * 1000, 4)[0]
        clear = (rows - 160).abs() > 4
        assert torch.equal((rows >= 160)[clear], shares[1][clear] > 0.5)


def test_turned_crops_turn_their_votes() -> None:
    turned = crops(replace(SAMPLING, augment="aerial"))
    for position in range(8):
        pixels, shares, _ = turned.crop(position)
        if (shares[1] > 0.5).any() and (shares[1] < 0.5).any():
            level = torch.nn.functional.avg_pool2d(pixels[:1], 4)[0]
            assert level[shares[1] > 0.5].min() >= level[shares[1] < 0.5].max() - 0.02


def test_half_of_the_crops_are_drawn_for_a_class() -> None:
    """A class on a fifth of the ground, which only one cell shows."""
    drawn = crops(replace(SAMPLING, balanced=1.0))
    drawn = SoftCrops(
        drawn.taught, drawn.cells, (0, 1, 2, 3),
        replace(drawn.surest, cells=np.array([[9, 0], [9, 0], [9, 0], [9, 1]])), replace(SAMPLING, balanced=1.0),
    )  # fmt: skip
    for position in range(60):
        drawn.crop(position)
    last = [cell.window.row >= 160 and cell.window.col >= 160 for cell in drawn.taught.asked]  # type: ignore[attr-defined]
    assert 0.45 < np.mean(last) < 0.8


def test_a_part_of_the_ground_is_held_out() -> None:
    cells = [Cell(0, Window(0, 0, 1, 1))] * 40
    assert len(hold_out(cells, 0.125, 0)) == 5 and hold_out(cells, 0.125, 0) == hold_out(cells, 0.125, 0)
    assert len(hold_out(cells[:4], 0.125, 0)) == 1 and hold_out(cells[:3], 0.125, 0) == []
    assert hold_out(cells, 0.0, 0) == []


def test_a_scene_is_split_into_equal_parts() -> None:
    parts = list(split_ground((100, 250), 100))
    assert sum(part.height * part.width for part in parts) == 100 * 250
    assert {part.height for part in parts} == {100} and {part.width for part in parts} == {125}


def test_sides_that_no_network_takes_are_refused() -> None:
    with pytest.raises(InputError, match="multiple of 32"):
        SoftSampling(side=100)
    with pytest.raises(InputError, match="smallest and the largest"):
        SoftSampling(scales=(2.0, 1.0))
