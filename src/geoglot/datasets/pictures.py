"""Image files of a data set, in their own pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from geoglot.sources.raster import Raster, open_raster

#: Reads one picture: RGB, float32, 0..1, (3, rows, cols)
Picture = Callable[[], Float[np.ndarray, "3 rows cols"]]


def open_native(path: Path, coarser: float = 1.0) -> Raster:
    """A raster in its own pixels, so that they lie under those of its mask; or in pixels so many times as large."""
    raster = open_raster(path)
    rows, cols = (max(1, round(side / coarser)) for side in raster.native.shape)
    return replace(raster, grid=raster.native if coarser == 1 else raster.native.resized((rows, cols)))


def read_picture(path: Path) -> Float[np.ndarray, "3 rows cols"]:
    """All of an image file as RGB 0..1."""
    with open_native(path) as raster:
        return raster.read(raster.grid.whole).pixels


def picture(path: Path) -> Picture:
    """What reads this file."""
    return partial(read_picture, path)
