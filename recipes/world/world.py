"""A country made from a seed: a map of classes (lakes, woods, fields, roads, houses, pools) on a UTM grid of 1 m.

Every block depends only on the seed and its place, so a larger country contains the smaller one. Whole blocks are kept
for testing, so no ground is in both parts.
"""

from __future__ import annotations

import math
from copy import copy
from typing import Literal, NamedTuple

import numpy as np
import pyproj
from affine import Affine
from noise import Floats, Ints, Numbers, nearest, smooth, uniform
from numpy.typing import NDArray

from geoglot.geo import Grid, Window

CLASSES = ("lake", "beach", "forest", "orchard", "field", "meadow", "road", "parking lot", "house", "pool")
LAKE, BEACH, FOREST, ORCHARD, FIELD, MEADOW, ROAD, PARKING, HOUSE, POOL = range(len(CLASSES))
GARDEN = 255  # meadow on which houses may stand, until they do

BLOCK = 256
"""Metres along a block, the unit of making and of the split."""
TEST_SHARE = 0.25
PARCEL = 64.0  # metres between parcel centres
ROAD_SPACING, ROAD_WIDTH = 210.0, 10.0
TRIES = 320  # places looked at for a house, a block; those that are no garden stay empty
FIRST_HOUSE = 1 << 24  # parcel numbers from here on are houses and pools

CORNER = (500_000.0, 5_400_000.0)  # of the north-west, in UTM zone 32 north
Split = Literal["train", "test"]


class Lot(NamedTuple):
    """A rectangle on the ground, turned by `angle`, in metres and radians."""

    row: float
    col: float
    angle: float
    length: float
    width: float


class World:
    """A square country of `side_m` metres. Rows run south, columns east, a pixel is a metre."""

    classes: tuple[str, ...] = CLASSES

    def __init__(self, seed: int, side_m: int) -> None:
        self.seed = seed
        self.side_m = side_m
        x, y = CORNER
        self.grid = Grid(pyproj.CRS.from_epsg(32632), Affine(1.0, 0.0, x, 0.0, -1.0, y), (side_m, side_m))
        blocks = [[_block(seed, row, col) for col in self._blocks] for row in self._blocks]
        self._classes = np.block([[classes for classes, _ in row] for row in blocks])[:side_m, :side_m]
        self._parcels = np.block([[parcels for _, parcels in row] for row in blocks])[:side_m, :side_m]

    def truth(self, window: Window) -> NDArray[np.uint8]:
        """Class of every pixel of a window, an index into `classes`; pixels beyond the border repeat the border."""
        return self._classes[self._index(window)]

    def parcels(self, window: Window) -> NDArray[np.int32]:
        """A number for every pixel, equal within a field, house or pool, from which its colour is drawn."""
        return self._parcels[self._index(window)]

    def with_maps(self, classes: NDArray[np.uint8], parcels: NDArray[np.int32]) -> World:
        """The same country with other classes and parcels at its pixels: at another time."""
        other = copy(self)
        other._classes, other._parcels = classes, parcels
        return other

    def split_of(self, row: int, col: int) -> Split:
        """The part of the country that a pixel belongs to."""
        draw = uniform(self.seed + 900, np.array([row // BLOCK]), np.array([col // BLOCK]))
        return "test" if draw[0] < TEST_SHARE else "train"

    def windows(self, split: Split, side: int) -> list[Window]:
        """Every tile of one part: adjacent square windows that do not cross the border of a block."""
        steps = range(0, BLOCK - side + 1, side)
        corners = [
            (block_row * BLOCK + down, block_col * BLOCK + right)
            for block_row in self._blocks
            for block_col in self._blocks
            if self.split_of(block_row * BLOCK, block_col * BLOCK) == split
            for down in steps
            for right in steps
        ]
        inside = [(row, col) for row, col in corners if max(row, col) + side <= self.side_m]
        return [Window(row, col, side, side) for row, col in inside]

    @property
    def _blocks(self) -> range:
        return range(math.ceil(self.side_m / BLOCK))

    def _index(self, window: Window) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        rows = np.arange(window.row, window.row + window.height).clip(0, self.side_m - 1)
        cols = np.arange(window.col, window.col + window.width).clip(0, self.side_m - 1)
        return rows[:, None], cols[None, :]


def axes(window: Window) -> tuple[Ints, Ints]:
    """Rows (row, 1) and columns (1, col) of a window, in pixels of the map."""
    rows = np.arange(window.row, window.row + window.height)[:, None]
    return rows, np.arange(window.col, window.col + window.width)[None, :]


def turned(rows: Numbers, cols: Numbers, angle: Floats | float) -> tuple[Floats, Floats]:
    """Coordinates along and across a direction."""
    along = rows * np.cos(angle) + cols * np.sin(angle)
    across = cols * np.cos(angle) - rows * np.sin(angle)
    return np.asarray(along, np.float32), np.asarray(across, np.float32)


def parcel_angle(seed: int, parcels: Ints) -> Floats:
    """Direction in which a parcel is ploughed, planted or parked on."""
    return uniform(seed + 60, parcels) * np.float32(math.pi)


def _block(seed: int, block_row: int, block_col: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Classes and parcel numbers of one block."""
    rows, cols = axes(Window(block_row * BLOCK, block_col * BLOCK, BLOCK, BLOCK))
    land, parcels = _land(seed, rows, cols)
    land = np.where(_roads(seed, rows, cols), ROAD, land)
    classes = _water(seed, rows, cols, land).astype(np.uint8)
    _build(classes, parcels, np.random.default_rng((seed, block_row, block_col)))
    return np.where(classes == GARDEN, MEADOW, classes).astype(np.uint8), parcels


def _land(seed: int, rows: Ints, cols: Ints) -> tuple[Ints, NDArray[np.int32]]:
    """Parcels with crooked borders, each of one class; gardens and parking lots form villages."""
    bend = [16 * (smooth(seed + way, rows, cols, 28) - 0.5) for way in (1, 2)]
    row, col, _ = nearest(seed + 3, rows + bend[0], cols + bend[1], PARCEL)
    parcels = ((row + 64) * 4096 + col + 64).astype(np.int32)
    village = smooth(seed + 5, row, col, 3.0) > 0.52
    draw = uniform(seed + 6, row, col)
    rural = np.select([draw < 0.28, draw < 0.56, draw < 0.8], [FOREST, FIELD, ORCHARD], MEADOW)
    return np.where(village, np.where(draw < 0.78, GARDEN, PARKING), rural), parcels


def _roads(seed: int, rows: Ints, cols: Ints) -> NDArray[np.bool_]:
    """Two families of winding lines."""
    down = rows + 60 * smooth(seed + 10, rows, cols, 130)
    right = cols + 60 * smooth(seed + 11, rows, cols, 130)
    return np.asarray(np.minimum(down % ROAD_SPACING, right % ROAD_SPACING) < ROAD_WIDTH)


def _water(seed: int, rows: Ints, cols: Ints, classes: Ints) -> Ints:
    """Lakes over other classes, with sand along some shores."""
    level = 0.8 * smooth(seed + 20, rows, cols, 110) + 0.2 * smooth(seed + 21, rows, cols, 25)
    sand = 0.14 * (smooth(seed + 22, rows, cols, 70) - 0.35).clip(0, 1) * 2
    return np.where(level > 0.7, LAKE, np.where(level > 0.7 - sand, BEACH, classes))


def _build(classes: NDArray[np.uint8], parcels: NDArray[np.int32], rng: np.random.Generator) -> None:
    """Put houses into the gardens, and pools beside most of them."""
    serial = FIRST_HOUSE + 4 * int(rng.integers(1 << 24))
    for number in range(TRIES):
        row, col, angle, *sides = rng.uniform((0, 0, 0, 11, 10), (BLOCK, BLOCK, math.pi, 18, 13))
        house = Lot(row, col, angle, *sides)
        if not place(classes, parcels, house, HOUSE, serial + 4 * number) or rng.random() < 0.15:
            continue
        down, right = turned(np.array([0.0]), np.array([sides[1] / 2 + 9.0]), -angle)
        for side in (-1, 1):
            pool = Lot(row + side * down[0], col + side * right[0], angle, rng.uniform(11, 16), rng.uniform(8, 10))
            if place(classes, parcels, pool, POOL, serial + 4 * number + 2):
                break


def place(
    classes: NDArray[np.uint8],
    parcels: NDArray[np.int32],
    lot: Lot,
    value: int,
    serial: int,
    ground: tuple[int, ...] = (GARDEN,),
) -> bool:
    """Paint a lot if it and a metre around it are of the `ground`, each half with its own number; else False."""
    reach = math.ceil(math.hypot(lot.length, lot.width) / 2) + 1
    top, left = round(lot.row) - reach, round(lot.col) - reach
    if min(top, left) < 0 or max(top, left) + 2 * reach > len(classes):
        return False
    part = (slice(top, top + 2 * reach), slice(left, left + 2 * reach))
    rows, cols = axes(Window(top, left, 2 * reach, 2 * reach))
    along, across = turned(rows - lot.row, cols - lot.col, lot.angle)
    beyond = np.maximum(abs(along) - lot.length / 2, abs(across) - lot.width / 2)
    if not np.isin(classes[part][beyond < 1], ground).all():
        return False
    classes[part][beyond < 0] = value
    parcels[part][beyond < 0] = (serial + (across > 0))[beyond < 0]
    return True
