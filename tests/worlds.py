"""Scenes made in memory, whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
import torch.nn.functional as F
from affine import Affine
from rasterio.windows import Window

from geoglot.demo import SCENE
from stubs import COLOURS

UTM = {"crs": "EPSG:32631", "transform": Affine(0.5, 0, 593_270, 0, -0.5, 5_747_657)}


def class_field(shape: tuple[int, int], classes: int, seed: int = 0, blob: int = 40) -> np.ndarray:
    """A map of blobs some `blob` pixels wide, ids from 0: the highest of some smooth random fields."""
    noise = np.random.default_rng(seed).normal(size=(1, classes, shape[0] // blob + 3, shape[1] // blob + 3))
    smooth = F.interpolate(torch.from_numpy(noise), scale_factor=blob, mode="bicubic")
    field: np.ndarray = smooth[0, :, : shape[0], : shape[1]].argmax(0).numpy()
    return field


def paint(field: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """The field in the colours of its classes, uint8 `(3, rows, cols)`."""
    colours = np.array([COLOURS[name] for name in names])
    pixels: np.ndarray = (colours[field] * 255).round().astype(np.uint8).transpose(2, 0, 1)
    return pixels


def write_scene(path: Path, pixels: np.ndarray, **profile: Any) -> Path:
    """Pixels `(bands, rows, cols)` as a tiled GeoTIFF, in UTM at 0.5 m unless told otherwise."""
    size = {"count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2]}
    tiles = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
    with rasterio.open(
        path, "w", driver="GTiff", dtype=pixels.dtype.name, **size, **{**UTM, **tiles, **profile}
    ) as dataset:
        dataset.write(pixels)
    return path


def crop_demo(path: Path, side: int = 224) -> Path:
    """The first rows and columns of the demo's scene, which have all that it has: one window of the bundled model."""
    with rasterio.open(SCENE) as dataset:
        return write_scene(path, dataset.read(window=Window(0, 0, side, side)), nodata=0)


def scribble(path: Path, block: int) -> None:
    """Overwrite one compressed block."""
    with rasterio.open(path) as dataset:
        per_row = dataset.width // 64
        offset = int(dataset.get_tag_item(f"BLOCK_OFFSET_{block % per_row}_{block // per_row}", "TIFF", bidx=1))
        assert dataset.read(window=Window(0, 0, 1, 1)).any()
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 40)
