"""Training that continues: a GRAFT of one half of the country goes on with the pairs of the other half.

    python recipes/world/continued.py [--seed 0] [--ground FOLDER]      # some minutes of a core a seed

Four towers are tested on ground of neither half: west alone, east alone, west continued on east, and east for twice
the steps, which is as much work as the continued one. FOLDER is a ground CLIP that was trained before.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from prove import (
    SMALL,
    Rows,
    Size,
    Tower,
    collect,
    command_of,
    open_ground,
    score,
    score_tower,
    store,
    take_links,
    unseen,
)
from world import World

from geoglot.pairs.schema import Batch

CONTINUED = replace(SMALL, side_m=1536, tiles=384, test_tiles=144, steps=120)


def half(batch: Batch, vectors: np.ndarray, west: bool) -> tuple[Batch, np.ndarray]:
    """The tiles of one half of the country, and the photos in them."""
    lefts = np.array([grid.transform.c for grid in batch.grids])
    tiles = np.flatnonzero((lefts < np.median(lefts)) == west)
    links = np.flatnonzero(np.isin(batch.links.tile, tiles))
    kept = take_links(batch.links, links)
    kept = replace(kept, tile=np.searchsorted(tiles, kept.tile))
    grids, ids = [batch.grids[tile] for tile in tiles], [batch.ids[tile] for tile in tiles]
    return Batch(batch.pixels[tiles], grids, ids, kept), vectors[links]


def compare(seed: int, size: Size, folder: Path) -> Rows:
    """The figures of the four towers, and of the ground CLIP."""
    world, rng = World(seed, size.side_m), np.random.default_rng(seed)
    ground = open_ground(world, size, folder, seed)
    batch, vectors = collect(world, ground, size, rng)
    for name, west in (("west", True), ("east", False)):
        store(folder / name, *half(batch, vectors, west), ground.card.sha256)
    test = unseen(world, size.test_tiles, rng)
    start = 'start = "run-first/model"'
    towers = {
        "first": (Tower("west alone", "west", "pixel"), size),
        "other": (Tower("east alone", "east", "pixel"), size),
        "longer": (Tower("east alone, twice the steps", "east", "pixel"), replace(size, steps=2 * size.steps)),
        "then": (Tower("west, continued on east", "east", "pixel", start=start), size),
    }
    rows = {"ground CLIP, no training": score(ground, test, False)}
    for name, (tower, own) in towers.items():
        rows[tower.title] = score_tower(folder, name, tower, own, seed, test)
    return rows


if __name__ == "__main__":
    command_of(compare, CONTINUED)()
