"""What the defects of collected pairs cost, and what each mend of them gives, on a made-up country that has them.

    python recipes/world/mends.py [--seed 0] [--ground FOLDER]      # some minutes of a core a seed

The country may have three defects. A camera is not what it shows: a photo shows what lies up to LOOK_M metres away.
Users take many photos of one thing: half of the tiles begin with BURST photos of one user at one spot. Tiles are
neighbours: half of them overlap an earlier one, and the photos of the overlap belong to both. The settings of the
paper are the first MOST photos of a tile, with equal weights, and every other photo of the batch as a negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from photos import photo_points, render_photo
from prove import SIDE, SMALL, Rows, Size, Tower, command_of, open_ground, score_tower, store, unseen
from tiles import render_tile
from world import BLOCK, World

from geoglot.geo import Window
from geoglot.models.base import VisionLanguageModel
from geoglot.pairs.schema import Batch, Links

LOOK_M, BURST, MOST = 24.0, 6, 4
MENDED = replace(SMALL, side_m=1536, tiles=320, test_tiles=144, steps=120)
PAPER = f'most_photos = {MOST}\ndraw = "first"'
RANDOM = f"most_photos = {MOST}"
NEAR = f"skip_near_m = {SIDE}"


@dataclass(frozen=True)
class Defects:
    """Which defects the pairs of a country have."""

    looks: bool = False
    bursts: bool = False
    neighbours: bool = False


COUNTRIES = {
    "clean": Defects(),
    "looks": Defects(looks=True),
    "bursts": Defects(bursts=True),
    "neighbours": Defects(neighbours=True),
    "all": Defects(True, True, True),
}
TOWERS = (
    *(Tower(f"{name}: the paper's settings", name, "pixel", sampling=PAPER) for name in COUNTRIES),
    Tower("all: photos at random", "all", "pixel", sampling=RANDOM),
    Tower("all: and users weigh alike", "all", "pixel", sampling=f"{RANDOM}\nby_user = true"),
    Tower("all: the paper's, near tiles no negatives", "all", "pixel", NEAR, PAPER),
    Tower("all: the paper's, own tile no negative", "all", "pixel", "skip_own_tile = true", PAPER),
    Tower("all: every mend", "all", "pixel", f"{NEAR}\nskip_own_tile = true", f"{RANDOM}\nby_user = true"),
)


@dataclass(frozen=True)
class Photo:
    """Where a photo was taken, by whom, and its embedding."""

    row: int
    col: int
    user: str
    vector: np.ndarray


def collect(
    world: World, ground: VisionLanguageModel, size: Size, defects: Defects, rng: np.random.Generator
) -> tuple[Batch, np.ndarray]:
    """Tiles of the training blocks with their photos, in the order in which a service would give them."""
    windows = list(_place_tiles(world, size.tiles, defects, rng))
    taken = [_take(world, ground, window, number, size, defects, rng) for number, window in enumerate(windows)]
    photos = [photo for of_tile in taken for photo in of_tile]
    own = np.repeat(np.arange(len(windows)), [len(of_tile) for of_tile in taken])
    rows, cols = np.array([photo.row for photo in photos]), np.array([photo.col for photo in photos])
    tile, links = list[int](), list[int]()
    for number, window in enumerate(windows):
        inside = (rows >= window.row) & (rows < window.row + SIDE) & (cols >= window.col) & (cols < window.col + SIDE)
        mine = np.flatnonzero(inside if defects.neighbours else own == number)
        tile += [number] * len(mine)
        links += mine.tolist()
    chosen, at = np.array(links), np.array(tile, np.int64)
    corner = np.array([[window.row, window.col] for window in windows])[at]
    made = Links(
        at, [str(index) for index in links], rows[chosen] - corner[:, 0] + 0.5, cols[chosen] - corner[:, 1] + 0.5,
        [photos[index].user for index in links],
    )  # fmt: skip
    pixels = np.stack([render_tile(world, window, rng) for window in windows])
    batch = Batch(
        pixels, [world.grid.window(window) for window in windows], [str(n) for n in range(len(windows))], made
    )
    return batch, np.stack([photos[index].vector for index in links])


def _place_tiles(world: World, count: int, defects: Defects, rng: np.random.Generator) -> Iterator[Window]:
    """Tiles anywhere in the training blocks; of neighbours, every second one lies half over the one before."""
    blocks, before = world.windows("train", SIDE), Window(0, 0, SIDE, SIDE)
    for number in range(count):
        block = before if defects.neighbours and number % 2 else blocks[rng.integers(len(blocks))]
        corner = np.array([block.row, block.col]) // BLOCK * BLOCK  # tiles stay in their block, and so in its split
        if block is before:
            place = np.array([block.row, block.col]) + rng.integers(-SIDE // 2, SIDE // 2 + 1, 2)
        else:
            place = corner + rng.integers(BLOCK - SIDE + 1, size=2)
        row, col = np.clip(place, corner, corner + BLOCK - SIDE).tolist()
        before = Window(row, col, SIDE, SIDE)
        yield before


def _take(
    world: World, ground: VisionLanguageModel, window: Window, number: int, size: Size, defects: Defects,
    rng: np.random.Generator,
) -> list[Photo]:  # fmt: skip
    """The photos of a tile: a burst of one user if there is one, then photos of users of their own."""
    places = photo_points(world, window, int(rng.integers(1, size.photos + 1)), rng)
    users = [f"{number}-{index}" for index in range(len(places))]
    if defects.bursts and rng.random() < 0.5:
        [spot] = photo_points(world, window, 1, rng)
        places, users = [spot] * BURST + places, [f"{number}-burst"] * BURST + users
    shown = []
    for row, col in places:
        reach, angle = rng.uniform(0, LOOK_M) if defects.looks else 0.0, rng.uniform(0, 2 * np.pi)
        at = (np.array([row, col]) + reach * np.array([np.sin(angle), np.cos(angle)])).round().astype(int)
        shown.append(render_photo(world, *np.clip(at, 0, world.side_m - 1).tolist(), rng))
    with torch.inference_mode():
        vectors = ground.encode_image(torch.from_numpy(np.stack(shown)).float() / 255).numpy()
    return [Photo(*place, user, vector) for place, user, vector in zip(places, users, vectors, strict=True)]


def compare(seed: int, size: Size, folder: Path) -> Rows:
    """The figures of every tower of one country."""
    world = World(seed, size.side_m)
    ground = open_ground(world, size, folder, seed)
    for name, defects in COUNTRIES.items():
        store(folder / name, *collect(world, ground, size, defects, np.random.default_rng(seed)), ground.card.sha256)
    test = unseen(world, size.test_tiles, np.random.default_rng(seed + 1))
    return {
        tower.title: score_tower(folder, str(number), tower, size, seed, test) for number, tower in enumerate(TOWERS)
    }


if __name__ == "__main__":
    command_of(compare, MENDED)()
