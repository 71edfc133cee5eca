"""Dates of the made-up country as files, each with its own light, season and haze, and the nuisance that is asked for.

A shift moves the place that the file states, not its pixels: as a scene that was rectified badly. Another ground
resolution and another CRS are resampled from the pixels of the country's own grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import Resampling, reproject, transform_bounds
from tiles import render_tile
from world import World

from geoglot.geo import Grid

UTM32, UTM33 = "EPSG:32632", "EPSG:32633"
SHIFTS = (1.0, 3.0)
"""Least and largest shift along each axis, in metres: these are pixels of the first date."""


@dataclass(frozen=True)
class Nuisance:
    """What differs between two dates beside the ground. Light, season, haze and the sensor's noise always do."""

    shifted: bool = False
    resolution: float = 1.0
    crs: str = UTM32

    def shift(self, rng: np.random.Generator) -> tuple[float, float]:
        """Metres east and north by which a file's place is wrong."""
        if not self.shifted:
            return 0.0, 0.0
        east, north = rng.uniform(*SHIFTS, 2) * rng.choice((-1, 1), 2)
        return float(east), float(north)


#: From light alone to everything at once
NUISANCES = {
    "light, season, haze": Nuisance(),
    "+ shift of 1 to 3 px": Nuisance(shifted=True),
    "+ pixels of 1.3 m": Nuisance(shifted=True, resolution=1.3),
    "+ another CRS": Nuisance(shifted=True, resolution=1.3, crs=UTM33),
}


def write_date(world: World, path: Path, rng: np.random.Generator, nuisance: Nuisance = Nuisance()) -> np.ndarray:
    """Write a date as a GeoTIFF, RGB of 8 bits with 0 as no data; the shift of its place (east, north) in metres."""
    pixels = render_tile(world, world.grid.whole, rng).clip(1)
    shift = nuisance.shift(rng)
    grid, moved = _resample(pixels, world.grid, nuisance)
    away = Affine.translation(*shift) @ grid
    _write(path, moved, {"crs": nuisance.crs, "transform": away})
    return np.array(shift)


def _resample(pixels: NDArray[np.uint8], grid: Grid, nuisance: Nuisance) -> tuple[Affine, NDArray[np.uint8]]:
    """The pixels on the grid of a nuisance."""
    if (nuisance.resolution, nuisance.crs) == (1.0, UTM32):
        return grid.transform, pixels
    rows, cols = grid.shape
    west, north = grid.transform.c, grid.transform.f
    left, bottom, right, top = transform_bounds(UTM32, nuisance.crs, west, north - rows, west + cols, north)
    side = nuisance.resolution
    height, width = math.ceil((top - bottom) / side), math.ceil((right - left) / side)
    transform = Affine(side, 0.0, left, 0.0, -side, top)
    moved = np.zeros((len(pixels), height, width), np.uint8)
    reproject(
        pixels, moved, src_transform=grid.transform, src_crs=UTM32, dst_transform=transform, dst_crs=nuisance.crs,
        src_nodata=0, dst_nodata=0, resampling=Resampling.cubic,
    )  # fmt: skip
    return transform, moved


def _write(path: Path, pixels: NDArray[np.uint8], place: dict[str, Any]) -> None:
    count, height, width = pixels.shape
    form = {"driver": "GTiff", "dtype": "uint8", "nodata": 0, "photometric": "RGB", "tiled": True}
    with rasterio.open(path, "w", count=count, height=height, width=width, **form, **place) as file:
        file.write(pixels)


def read_onto(path: Path, grid: Grid, wrong: np.ndarray | tuple[float, float] = (0.0, 0.0)) -> NDArray[np.uint8]:
    """The first band of a raster on another grid, from its nearest pixels; 255 where it has no data there.

    `wrong` is by how many metres, east and north in its own CRS, its place is known to be wrong.
    """
    east, north = wrong
    with rasterio.open(path) as file:
        found = np.full(grid.shape, 255, np.uint8)
        reproject(
            file.read(1), found, src_transform=Affine.translation(-east, -north) @ file.transform, src_crs=file.crs,
            src_nodata=file.nodata, dst_transform=grid.transform, dst_crs=UTM32,
            dst_nodata=255, init_dest_nodata=True, resampling=Resampling.nearest,
        )  # fmt: skip
    return found
