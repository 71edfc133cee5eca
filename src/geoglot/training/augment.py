"""Views of a tile that keep the photos' places right: crop, flip, quarter turns, colour.

Pixel coordinates are (row, col), (0.5, 0.5) the centre of the first pixel, as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8


@dataclass(frozen=True)
class View:
    """A part of a tile, and the photos that were taken in it."""

    pixels: UInt8[np.ndarray, "band side side"]
    photo: Int[np.ndarray, " kept"]
    """Which of the tile's photos."""
    row: Float[np.ndarray, " kept"]
    col: Float[np.ndarray, " kept"]


def crop(
    pixels: UInt8[np.ndarray, "band rows cols"],
    row: Float[np.ndarray, " photo"],
    col: Float[np.ndarray, " photo"],
    side: int,
    rng: np.random.Generator,
) -> View:
    """A square of `side` pixels, anywhere, but around one of the photos: every tile keeps a photo."""
    around = int(rng.integers(len(row)))
    top = _start(row[around], pixels.shape[1], side, rng)
    left = _start(col[around], pixels.shape[2], side, rng)
    return _part(pixels, row, col, top, left, side)


def centre(
    pixels: UInt8[np.ndarray, "band rows cols"],
    row: Float[np.ndarray, " photo"],
    col: Float[np.ndarray, " photo"],
    side: int,
) -> View:
    """The square in the middle, for validation; it may hold no photo."""
    top, left = (pixels.shape[1] - side) // 2, (pixels.shape[2] - side) // 2
    return _part(pixels, row, col, top, left, side)


def _part(pixels: np.ndarray, row: np.ndarray, col: np.ndarray, top: int, left: int, side: int) -> View:
    inside = (row >= top) & (row < top + side) & (col >= left) & (col < left + side)
    part = pixels[:, top : top + side, left : left + side]
    return View(part, np.flatnonzero(inside), row[inside] - top, col[inside] - left)


def _start(place: float, length: int, side: int, rng: np.random.Generator) -> int:
    """First pixel of a window of `side` that holds `place`, each equally likely."""
    first = max(0, int(np.floor(place)) - side + 1)
    last = min(length - side, int(np.floor(place)))
    return int(rng.integers(first, last + 1))


def turn(view: View, rng: np.random.Generator) -> View:
    """One of the eight flips and quarter turns: there is no up in a satellite image."""
    quarters, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    pixels, row, col = view.pixels, view.row, view.col
    side = pixels.shape[1]
    if mirrored:
        pixels, col = pixels[:, :, ::-1], side - col
    pixels = np.rot90(pixels, quarters, (1, 2))
    for _ in range(quarters):  # counter-clockwise: what was right is up
        row, col = side - col, row
    return View(np.ascontiguousarray(pixels), view.photo, row, col)


def recolour(
    pixels: Float[np.ndarray, "band side side"], rng: np.random.Generator
) -> Float[np.ndarray, "band side side"]:
    """Brightness, contrast and a cast, as sensors and light differ; 0..1 in and out."""
    level, contrast = pixels.mean(), rng.uniform(0.8, 1.25)
    gain = rng.uniform(0.85, 1.15) * rng.uniform(0.95, 1.05, (len(pixels), 1, 1))
    changed = ((pixels - level) * contrast + level) * gain
    clipped: np.ndarray = np.clip(changed, 0, 1).astype(np.float32)
    return clipped


def patch_of(
    row: Float[np.ndarray, " photo"], col: Float[np.ndarray, " photo"], patch: int, side: int
) -> Int[np.ndarray, " photo"]:
    """The patch, counted row by row, in which each place lies; a place on the far border is in the last patch."""
    across = side // patch
    rows, cols = (np.clip((place // patch).astype(np.int64), 0, across - 1) for place in (row, col))
    patches: np.ndarray = rows * across + cols
    return patches
