"""Pair sets made in memory, whose truth is known: the colour of a tile says which photos it has."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyproj
from affine import Affine
from PIL import Image

from geoglot.geo import Grid
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import Batch, Links

UTM = pyproj.CRS("EPSG:32631")


def make_batch(tiles: int, side: int = 96, seed: int = 0, most: int = 4, bands: int = 3) -> Batch:
    """Tiles of one colour each, with 1..most photos; the photos of a tile are of a colour of their own kind."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, tiles)
    colours = np.array([(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40)])
    flat = colours[kind][:, :, None, None] + rng.integers(-30, 30, (tiles, 3, side, side))
    pixels = np.concatenate([flat, flat[:, : bands - 3]], axis=1).clip(0, 255).astype(np.uint8)
    counts = rng.integers(1, most + 1, tiles)
    tile = np.repeat(np.arange(tiles), counts)
    names = [f"photo-{seed}-{index}" for index in range(len(tile))]
    place = rng.uniform(0, side, (2, len(tile)))
    links = Links(tile, names, place[0], place[1], [f"user-{index % 3}" for index in range(len(tile))])
    grids = [
        Grid(UTM, Affine(1, 0, 400_000 + 500 * index, 0, -1, 5_700_000 + 500 * seed), (side, side))
        for index in range(tiles)
    ]
    images = [_photo(colours[(kind[index] + 1) % 4], rng) for index in tile]
    return Batch(pixels, grids, [f"tile-{seed}-{index}" for index in range(tiles)], links, images)


def make_pairs(
    folder: Path, shards: tuple[int, ...] = (5, 3, 6), side: int = 96, bands: int = 3, seed: int = 0
) -> PairSet:
    """A pair set of so many tiles a shard."""
    names = ("red", "green", "blue", "nir")[:bands]
    pairs = PairSet.create(folder, names, side, 1.0)
    for number, tiles in enumerate(shards):
        pairs = pairs.append(make_batch(tiles, side, seed + number, bands=bands))
    return pairs


def _photo(colour: np.ndarray, rng: np.random.Generator) -> bytes:
    pixels = (colour + rng.integers(-30, 30, (40, 60, 3))).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
