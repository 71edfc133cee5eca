"""Views of a tile with the places of its photos: crop, flip, quarter turns, colour.

Pixel coordinates are (row, col); (0.5, 0.5) is the centre of the first pixel, as everywhere.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8


@dataclass(frozen=True)
class View:
    """A part of a tile, and the photos that were taken in it."""

    pixels: UInt8[np.ndarray, "band side side"]
    photo: Int[np.ndarray, " kept"]
    """Index of each photo in the tile's list."""
    row: Float[np.ndarray, " kept"]
    col: Float[np.ndarray, " kept"]


def crop(
    pixels: UInt8[np.ndarray, "band rows cols"],
    row: Float[np.ndarray, " photo"],
    col: Float[np.ndarray, " photo"],
    side: int,
    rng: np.random.Generator,
) -> View:
    """A random square of `side` pixels that contains at least one photo."""
    around = int(rng.integers(len(row)))
    corner = []
    for place, length in ((row[around], pixels.shape[1]), (col[around], pixels.shape[2])):
        pixel = int(np.floor(place))
        corner.append(int(rng.integers(max(0, pixel - side + 1), min(length - side, pixel) + 1)))
    return _cut(pixels, row, col, (corner[0], corner[1]), side)


def crop_centre(
    pixels: UInt8[np.ndarray, "band rows cols"],
    row: Float[np.ndarray, " photo"],
    col: Float[np.ndarray, " photo"],
    side: int,
) -> View:
    """The square in the middle, for validation; it may contain no photo."""
    return _cut(pixels, row, col, ((pixels.shape[1] - side) // 2, (pixels.shape[2] - side) // 2), side)


def _cut(pixels: np.ndarray, row: np.ndarray, col: np.ndarray, corner: tuple[int, int], side: int) -> View:
    top, left = corner
    inside = (row >= top) & (row < top + side) & (col >= left) & (col < left + side)
    part = pixels[:, top : top + side, left : left + side]
    return View(part, np.flatnonzero(inside), row[inside] - top, col[inside] - left)


def turn(view: View, rng: np.random.Generator) -> View:
    """One of the eight flips and quarter turns: a satellite image has no up."""
    quarters, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    pixels, row, col = view.pixels, view.row, view.col
    side = pixels.shape[1]
    if mirrored:
        pixels, col = pixels[:, :, ::-1], side - col
    pixels = np.rot90(pixels, quarters, (1, 2))
    for _ in range(quarters):  # counter-clockwise: right becomes up
        row, col = side - col, row
    return View(np.ascontiguousarray(pixels), view.photo, row, col)


def recolour(
    pixels: Float[np.ndarray, "band rows cols"], rng: np.random.Generator
) -> Float[np.ndarray, "band rows cols"]:
    """Change brightness, contrast and colour cast, as sensors and light do; 0..1 in and out."""
    level, contrast = pixels.mean(), rng.uniform(0.8, 1.25)
    gain = rng.uniform(0.85, 1.15) * rng.uniform(0.95, 1.05, (len(pixels), 1, 1))
    changed: np.ndarray = np.clip(((pixels - level) * contrast + level) * gain, 0, 1).astype(np.float32)
    return changed


def patch_of(
    row: Float[np.ndarray, " photo"], col: Float[np.ndarray, " photo"], patch: int, side: int
) -> Int[np.ndarray, " photo"]:
    """Number of the patch at each place, counted row by row; a place on the far border is in the last patch."""
    across = side // patch
    rows, cols = (np.clip((place // patch).astype(np.int64), 0, across - 1) for place in (row, col))
    patches: np.ndarray = rows * across + cols
    return patches
