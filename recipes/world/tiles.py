"""The satellite's view of the country: straight down, one metre per pixel, with shadows, seasons and haze.

Objects look the same in every tile that shows them, except for the light, which every tile draws. Colours of classes
overlap (dark water and dark wood, grey roofs, roads and parking lots), so texture and shape must tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from noise import Floats, Ints, nearest, smooth, uniform
from numpy.typing import NDArray
from world import BEACH, FIELD, FOREST, HOUSE, LAKE, MEADOW, ORCHARD, PARKING, POOL, ROAD, World, parcel_angle, turned
from world import axes as axes_of

from geoglot.geo import Window

MARGIN = 8  # metres beyond the tile whose shadows may fall into it
HEIGHTS = {FOREST: 6.0, ORCHARD: 1.5, HOUSE: 5.0}
CAR_COLOURS = np.array([[0.9, 0.9, 0.9], [0.15, 0.15, 0.18], [0.6, 0.15, 0.12], [0.2, 0.3, 0.55], [0.6, 0.6, 0.62]])
ROOFS = np.array([[0.62, 0.30, 0.22], [0.36, 0.33, 0.33], [0.50, 0.42, 0.34], [0.45, 0.22, 0.20], [0.60, 0.60, 0.58]])
CROPS = np.array([[0.56, 0.45, 0.32], [0.36, 0.46, 0.22], [0.72, 0.64, 0.36], [0.30, 0.36, 0.18], [0.64, 0.56, 0.45]])
#: Colours (pixel, 3) from the country's seed and of each pixel its row, column and parcel
Painter = Callable[[int, Ints, Ints, Ints], Floats]


def render_tile(world: World, window: Window, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A window of the map, RGB (3, rows, cols); `rng` draws the sun, the season, the haze and the sensor's noise."""
    wide = Window(window.row - MARGIN, window.col - MARGIN, window.height + 2 * MARGIN, window.width + 2 * MARGIN)
    classes, parcels = world.truth(wide), world.parcels(wide)
    rows, cols = axes_of(wide)
    image = np.zeros((*classes.shape, 3), np.float32)
    for value in np.unique(classes):
        here = classes == value
        row, col = (np.broadcast_to(axis, here.shape)[here] for axis in (rows, cols))
        image[here] = PAINTERS[value](world.seed, row, col, parcels[here].astype(np.int64))
    _pool_rims(image, classes == POOL)
    _season(image, classes, rng)
    image *= _shade(classes, rng)[..., None]
    inner = image[MARGIN:-MARGIN, MARGIN:-MARGIN]
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.92, 1.08, 3)
    haze = rng.uniform(0, 0.2)
    seen = inner * gain * (1 - haze) + haze * 0.75 + rng.normal(0, 0.015, inner.shape)
    return np.asarray((seen.clip(0, 1) * 255).round().transpose(2, 0, 1), np.uint8)


def _lake(seed: int, rows: Ints, cols: Ints, _: Ints) -> Floats:
    tint = smooth(seed + 100, rows, cols, 60)[..., None]
    ripple = smooth(seed + 101, rows, cols, 3) - 0.5
    return _mix([0.09, 0.15, 0.16], [0.20, 0.27, 0.20], tint) + 0.03 * ripple[..., None]


def _beach(seed: int, rows: Ints, cols: Ints, _: Ints) -> Floats:
    dune = np.sin(rows * 0.35 + 7 * smooth(seed + 110, rows, cols, 20))[..., None]
    return np.asarray(np.array([0.80, 0.75, 0.64]) + 0.05 * dune + 0.10 * _grain(seed + 111, rows, cols), np.float32)


def _forest(seed: int, rows: Ints, cols: Ints, parcels: Ints) -> Floats:
    row, col, distance = nearest(seed + 120, rows, cols, 6.5)
    crown = (1.15 - distance / 4.5).clip(0.25, 1.1) * (0.75 + 0.5 * uniform(seed + 121, row, col))
    leaf = _mix([0.16, 0.27, 0.13], [0.26, 0.33, 0.14], uniform(seed + 122, parcels)[..., None])
    return np.asarray(leaf * crown[..., None], np.float32)


def _orchard(seed: int, rows: Ints, cols: Ints, parcels: Ints) -> Floats:
    along, across = turned(rows, cols, parcel_angle(seed, parcels))
    tree = (np.hypot(along % 6 - 3, across % 6 - 3) < 2.0)[..., None]
    ground = _mix([0.52, 0.50, 0.33], [0.40, 0.50, 0.27], uniform(seed + 130, parcels)[..., None])
    return np.asarray(np.where(tree, [0.17, 0.28, 0.13], ground) + 0.04 * _grain(seed + 131, rows, cols), np.float32)


def _field(seed: int, rows: Ints, cols: Ints, parcels: Ints) -> Floats:
    _, across = turned(rows, cols, parcel_angle(seed, parcels))
    rows_of_crop = np.sin(across * (1.3 + 0.8 * uniform(seed + 140, parcels)))[..., None]
    patchy = smooth(seed + 141, rows, cols, 25)[..., None] - 0.5
    crop = CROPS[(uniform(seed + 142, parcels) * len(CROPS)).astype(int)]
    return np.asarray(crop * (1 + 0.16 * rows_of_crop + 0.2 * patchy), np.float32)


def _meadow(seed: int, rows: Ints, cols: Ints, _: Ints) -> Floats:
    tint = 0.7 * smooth(seed + 150, rows, cols, 30) + 0.3 * smooth(seed + 151, rows, cols, 7)
    return _mix([0.32, 0.45, 0.22], [0.52, 0.56, 0.32], tint[..., None]) + 0.03 * _grain(seed + 152, rows, cols)


def _road(seed: int, rows: Ints, cols: Ints, _: Ints) -> Floats:
    wear = smooth(seed + 160, rows, cols, 40)[..., None]
    row, col, distance = nearest(seed + 161, rows, cols, 11)
    car = ((distance < 1.5) & (uniform(seed + 163, row, col) < 0.5))[..., None]
    asphalt = _mix([0.42, 0.42, 0.43], [0.66, 0.64, 0.60], wear) + 0.02 * _grain(seed + 164, rows, cols)
    return np.asarray(np.where(car, CAR_COLOURS[(uniform(seed + 165, row, col) * 5).astype(int)], asphalt), np.float32)


def _parking(seed: int, rows: Ints, cols: Ints, parcels: Ints) -> Floats:
    """Double rows of stalls of 3 x 5 m with aisles of 6 m; two thirds of the stalls are taken."""
    along, across = turned(rows, cols, parcel_angle(seed, parcels))
    lane, stall = np.floor(across / 16), np.floor(along / 3)
    depth = across % 16
    row_of_stalls = (depth >= 5).astype(np.int64)
    in_stall = depth < 10
    keys = (lane.astype(np.int64) * 2 + row_of_stalls, stall.astype(np.int64))
    car = in_stall & (along % 3 >= 0.8) & (depth % 5 >= 0.7) & (uniform(seed + 170, *keys) < 0.66)
    line = in_stall & (along % 3 < 0.8)
    asphalt = np.array([0.34, 0.34, 0.36]) + 0.03 * _grain(seed + 172, rows, cols)
    paint = CAR_COLOURS[(uniform(seed + 173, *keys) * len(CAR_COLOURS)).astype(int)]
    return np.asarray(np.where(car[..., None], paint, np.where(line[..., None], 0.62, asphalt)), np.float32)


def _house(seed: int, rows: Ints, cols: Ints, parcels: Ints) -> Floats:
    """A gable roof, with one half in the light."""
    roof = ROOFS[(uniform(seed + 180, parcels // 4) * len(ROOFS)).astype(int)]
    return np.asarray(
        roof * (0.75 + 0.4 * (parcels % 2)[..., None]) + 0.04 * _grain(seed + 181, rows, cols), np.float32
    )


def _pool(seed: int, rows: Ints, cols: Ints, parcels: Ints) -> Floats:
    tint = uniform(seed + 190, parcels // 4)[..., None]
    return _mix([0.24, 0.62, 0.68], [0.36, 0.72, 0.74], tint) + 0.06 * _grain(seed + 191, rows, cols)


PAINTERS: dict[int, Painter] = {
    LAKE: _lake,
    BEACH: _beach,
    FOREST: _forest,
    ORCHARD: _orchard,
    FIELD: _field,
    MEADOW: _meadow,
    ROAD: _road,
    PARKING: _parking,
    HOUSE: _house,
    POOL: _pool,
}


def _pool_rims(image: Floats, pool: NDArray[np.bool_]) -> None:
    """Pale stones along the edge of the water."""
    inside = pool.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            inside &= np.roll(pool, step, axis)
    image[pool & ~inside] = (0.82, 0.80, 0.76)


def _season(image: Floats, classes: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Shift the colour of plants in the whole tile towards straw (dry) or dark green (fresh)."""
    way = rng.uniform(0, 0.3)
    cast = np.array([0.55, 0.48, 0.28]) if rng.random() < 0.5 else np.array([0.22, 0.36, 0.16])
    grows = np.isin(classes, (FOREST, ORCHARD, FIELD, MEADOW))
    level = image[grows].mean(-1, keepdims=True) / cast.mean()
    image[grows] = image[grows] * (1 - way) + cast * level * way


def _shade(classes: NDArray[np.uint8], rng: np.random.Generator) -> Floats:
    """Light on the ground, which is less where something taller stands towards the sun."""
    height = np.zeros(classes.shape, np.float32)
    for value, metres in HEIGHTS.items():
        height[classes == value] = metres
    azimuth, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.2)  # shadow metres a metre of height
    down, right = np.cos(azimuth), np.sin(azimuth)
    dark = np.zeros(classes.shape, bool)
    for step in range(1, MARGIN):
        towards_sun = np.roll(height, (round(step * down), round(step * right)), (0, 1))
        dark |= towards_sun > height + step / length
    return np.where(dark, 0.55, 1.0).astype(np.float32)


def _grain(seed: int, rows: Ints, cols: Ints) -> Floats:
    """Noise in -0.5..0.5 of single pixels, (pixel, 1)."""
    return (uniform(seed, rows, cols) - 0.5)[..., None]


def _mix(first: list[float], second: list[float], way: Floats) -> Floats:
    """Mix two colours; `way` is 0 for the first, 1 for the second."""
    return np.asarray(np.array(first) * (1 - way) + np.array(second) * way, np.float32)
