"""Scenes with planted things, and how well objects match them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely

from stubs import COLOURS
from worlds import UTM

#: Name, row, column, radius
Thing = tuple[str, int, int, int]


@dataclass(frozen=True)
class Planted:
    """Things on sand, and where they are."""

    pixels: np.ndarray
    """uint8 `(3, rows, cols)`."""
    names: tuple[str, ...]
    masks: tuple[np.ndarray, ...]
    """One a thing."""

    def polygons(self, name: str) -> np.ndarray:
        """Outlines of the things of a name on the map."""
        found = []
        for own, mask in zip(self.names, self.masks, strict=True):
            if own == name:
                shapes = rasterio.features.shapes(mask.astype(np.uint8), mask, transform=UTM["transform"])
                found.append(shapely.union_all([shapely.geometry.shape(one) for one, _ in shapes]))
        return np.array(found, object)


def plant(shape: tuple[int, int], things: Sequence[Thing], seed: int = 0) -> Planted:
    """Things (name, row, col, radius) on sand with a little noise: discs, and squares where the radius is negative."""
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    colours = np.broadcast_to(np.array(COLOURS["sand"])[:, None, None], (3, *shape)).copy()
    masks = []
    for name, row, col, radius in things:
        disc = (rows - row) ** 2 + (cols - col) ** 2 <= radius**2
        mask = disc if radius > 0 else np.maximum(abs(rows - row), abs(cols - col)) <= -radius
        colours[:, mask] = np.array(COLOURS[name])[:, None]
        masks.append(mask)
    noise = np.random.default_rng(seed).normal(0, 0.02, colours.shape)
    pixels = ((colours + noise).clip(0, 1) * 255).round().astype(np.uint8)
    return Planted(pixels, tuple(name for name, *_ in things), tuple(masks))


def scatter(shape: tuple[int, int], count: int, names: tuple[str, ...], seed: int, gap: int = 20) -> list[Thing]:
    """Things of radius 8 to 30 at random places, `gap` pixels apart; every fifth is two that touch."""
    rng = np.random.default_rng(seed)
    placed: list[tuple[int, int, int]] = []
    things: list[Thing] = []
    while len(things) < count:
        radius = int(rng.integers(8, 31))
        pair = len(things) % 5 == 4
        reach = radius * (3 if pair else 1)
        row, col = (int(rng.integers(reach + 2, side - reach - 2)) for side in shape)
        if all(np.hypot(row - r, col - c) > reach + other + gap for r, c, other in placed):
            placed.append((row, col, reach))
            name = names[int(rng.integers(len(names)))]
            if pair:
                things += [(name, row, col - radius, radius), (name, row, col + radius, radius)]
            else:
                things.append((name, row, col, radius if rng.random() < 0.6 else -radius))
    return things


def precision_and_recall(objects: gpd.GeoDataFrame, planted: Planted, least: float = 0.5) -> tuple[float, float]:
    """Share of objects that cover a thing of their name with this IoU, and share of things that are covered."""
    right = total = 0
    for name in set(planted.names):
        found, truth = objects[objects["name"] == name].geometry.to_numpy(), planted.polygons(name)
        shared = shapely.area(shapely.intersection(found[:, None], truth[None]))
        iou = shared / (shapely.area(found)[:, None] + shapely.area(truth)[None] - shared)
        right += int((iou >= least).any(1).sum()) if len(found) else 0  # above 0.5 a thing has one partner at most
        total += len(truth)
    return right / max(1, len(objects)), right / total
