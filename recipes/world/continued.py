"""Training that continues: a GRAFT of one half of the country goes on with the pairs of the other half.

    python recipes/world/continued.py [--seed 0] [--ground FOLDER]      # some minutes of a core a seed

Four towers are tested on ground of neither half: west alone, east alone, west continued on east, and east for twice
the steps, which is as much work as the continued one. FOLDER is a ground CLIP that was trained before.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from ground import train_ground
from prove import SMALL, SMOKE, Size, Tower, collect, score, show, store, train_tower, unseen
from world import World

from geoglot.models.zoo import load_word_model
from geoglot.pairs.schema import Batch, Links

CONTINUED = replace(SMALL, side_m=1536, tiles=384, test_tiles=144, steps=120)


def half(batch: Batch, vectors: np.ndarray, west: bool) -> tuple[Batch, np.ndarray]:
    """The tiles of one half of the country, and the photos in them."""
    lefts = np.array([grid.transform.c for grid in batch.grids])
    tiles = np.flatnonzero((lefts < np.median(lefts)) == west)
    number = {int(tile): place for place, tile in enumerate(tiles)}
    links = np.flatnonzero(np.isin(batch.links.tile, tiles))
    names = [batch.links.photo[index] for index in links]
    moved = np.array([number[int(tile)] for tile in batch.links.tile[links]], np.int64)
    kept = Links(moved, names, batch.links.row[links], batch.links.col[links], names)
    return Batch(
        batch.pixels[tiles], [batch.grids[tile] for tile in tiles], [batch.ids[t] for t in tiles], kept
    ), vectors[links]


def compare(seed: int, size: Size, folder: Path) -> dict[str, dict[str, float]]:
    """The figures of the four towers, and of the ground CLIP."""
    world, rng = World(seed, size.side_m), np.random.default_rng(seed)
    if not (folder / "ground").exists():
        train_ground(world, folder / "ground", size.ground_steps, seed)
    ground = load_word_model(folder / "ground", device="cpu")
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
        model = load_word_model(train_tower(folder, name, tower, own, seed), device="cpu")
        rows[tower.title] = score(model, test, True)
        print(f"seed {seed}: {tower.title}: {rows[tower.title]}", flush=True)
    return rows


@click.command()
@click.option("--seed", "seeds", type=int, multiple=True, default=(0,), show_default=True)
@click.option("--ground", type=click.Path(exists=True, path_type=Path), help="A ground CLIP that is there already.")
@click.option("--smoke", is_flag=True, help="Everything in seconds, to see that it runs.")
def command(seeds: tuple[int, ...], ground: Path | None, smoke: bool) -> None:
    """Train the towers of every seed and print the table."""
    runs = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            if ground:
                shutil.copytree(ground, Path(folder) / "ground")
            runs.append(compare(seed, SMOKE if smoke else CONTINUED, Path(folder)))
    show(runs)


if __name__ == "__main__":
    command()
