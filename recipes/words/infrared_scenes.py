"""Scenes of a made-up country with a fourth band, near infrared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from tiles import render_tile
from world import World

from geoglot.geo import Window

SCENE = 512
"""Pixels, which are metres."""
INFRARED = (0.03, 0.45, 0.42, 0.5, 0.48, 0.6, 0.28, 0.2, 0.3, 0.06)
"""Reflectance in the near infrared, by class: plants are bright, water is black."""
Scenes = list[tuple[Path, np.ndarray]]
"""Files of scenes, each with the class of every pixel."""


def write_scene(world: World, window: Window, rng: np.random.Generator, path: Path) -> Path:
    """A scene of four bands: red, green, blue, near infrared."""
    colours, truth = render_tile(world, window, rng), world.truth(window)
    infrared = np.array(INFRARED)[truth] * rng.uniform(0.8, 1.2) + rng.normal(0, 0.03, truth.shape)
    bands = np.concatenate([colours, (infrared.clip(0, 1) * 255).astype(np.uint8)[None]])
    grid = world.grid.window(window)
    form = {"driver": "GTiff", "count": 4, "height": SCENE, "width": SCENE, "dtype": "uint8"}
    with rasterio.open(path, "w", crs=grid.crs.to_wkt(), transform=grid.transform, photometric="RGB", **form) as file:
        file.write(bands)
    return path


def write_scenes(world: World, rows: range, folder: Path, rng: np.random.Generator) -> Scenes:
    """Adjacent scenes of some rows of the country, each in its own light."""
    folder.mkdir(parents=True)
    windows = [Window(row, col, SCENE, SCENE) for row in rows for col in range(0, world.side_m, SCENE)]
    return [
        (write_scene(world, window, rng, folder / f"{index}.tif"), world.truth(window).astype(np.int64))
        for index, window in enumerate(windows)
    ]
