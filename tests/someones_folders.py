"""Folders of images and labels as people have them, made up: a red, a green and a blue class as squares of 16 px."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from published import save

SIDE = 64
COLOURS = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200]], np.uint8)


def ids_of(number: int, classes: int = 3) -> np.ndarray:
    """Class ids of an image, the same in every call."""
    return (
        np.random.default_rng(number)
        .integers(0, classes, (SIDE // 16,) * 2)
        .repeat(16, 0)
        .repeat(16, 1)
        .astype(np.uint8)
    )


def picture(ids: np.ndarray) -> np.ndarray:
    """An image that shows its classes as colours."""
    return COLOURS[ids]


def write_tiff(path: Path, bands: np.ndarray, east: float, north: float = 5_000_000) -> Path:
    """A GeoTIFF of 0.5 m pixels in UTM 31 whose upper left corner is at the given place; bands (rows, cols, bands)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = bands[..., None] if bands.ndim == 2 else bands
    profile = {
        "driver": "GTiff",
        "height": bands.shape[0],
        "width": bands.shape[1],
        "count": bands.shape[2],
        "dtype": "uint8",
    }
    with rasterio.open(path, "w", crs="EPSG:32631", transform=Affine(0.5, 0, east, 0, -0.5, north), **profile) as file:
        file.write(np.moveaxis(bands, 2, 0))
    return path


def write_masks(
    root: Path, as_mask: Callable[[np.ndarray], np.ndarray], count: int = 6, classes: int = 3, labels: str = "masks",
    ending: str = ".png", name: str = "place{}",
) -> Path:  # fmt: skip
    """images/ and masks/, each mask made from the ids of its image."""
    for number in range(count):
        ids, stem = ids_of(number, classes), name.format("abcdefghijklmnop"[number])
        save(root / "images" / f"{stem}.png", picture(ids))
        save(root / labels / f"{stem}{ending}", as_mask(ids))
    return root


def write_yolo(root: Path, count: int = 6) -> Path:
    """A box in one half and an outline in the other, and names in classes.txt."""
    for number in range(count):
        save(root / "images" / f"{'abcdefgh'[number]}.png", picture(ids_of(number)))
        text = "0 0.25 0.5 0.25 0.5\n1 0.6 0.1 0.9 0.1 0.9 0.9 0.6 0.9\n"
        (root / "labels").mkdir(exist_ok=True)
        (root / "labels" / f"{'abcdefgh'[number]}.txt").write_text(text)
    (root / "classes.txt").write_text("roof\npool\n")
    return root


def write_coco(root: Path, count: int = 6) -> Path:
    """Outlines, and run lengths for the first image."""
    images, annotations = [], []
    for number in range(count):
        save(root / "images" / f"{'abcdefgh'[number]}.png", picture(ids_of(number)))
        images.append({"id": number, "file_name": f"{'abcdefgh'[number]}.png", "height": SIDE, "width": SIDE})
        outline = (
            {"counts": [0, 16 * SIDE, SIDE * SIDE - 16 * SIDE], "size": [SIDE, SIDE]}
            if number == 0
            else [[0, 0, 16, 0, 16, 64, 0, 64]]
        )
        annotations.append(
            {"id": number, "image_id": number, "category_id": 7, "segmentation": outline, "bbox": [0, 0, 16, 64]}
        )
    document = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "field"}]}
    (root / "annotations.json").write_text(json.dumps(document))
    return root


def write_vectors(root: Path, count: int = 6, column: str = "class", name: str = "labels.gpkg") -> Path:
    """Images side by side on the ground, and one file of polygons: the left half of each is a lake."""
    import geopandas as gpd
    import shapely

    boxes = []
    for number in range(count):
        east = 500_000 + number * 1000
        write_tiff(root / "images" / f"{'abcdefgh'[number]}.tif", picture(ids_of(number)), east)
        boxes.append(shapely.box(east, 5_000_000 - 32, east + 16, 5_000_000))
    gpd.GeoDataFrame({column: ["lake"] * count}, geometry=boxes, crs="EPSG:32631").to_file(root / name)
    return root
