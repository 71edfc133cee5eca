"""Words over vectors that know no words, on a made-up country: do our maps teach a probe as well as the truth does?

    python recipes/world/bridging.py [--seed 0 --seed 1] [--smoke]      # four minutes of a core a seed

A satellite tower learns from geotagged photos, without text, as in `prove`. Two scenes of 5 % of the country are mapped
by it for each class. The whole country is also seen by somebody else: a vector of 32 numbers for every 64 m, the shares
of the classes turned at random, with noise, which knows no words. `geoglot.index.exchange.bridge` carries each class
from our maps to these vectors, and they are ranked; beside it a probe that is taught by the true shares in the same two
scenes. Average precision is measured on the cells outside the scenes, of those that show a class on more than 2 % of
their ground. Both figures, and their ratio, are printed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click
import numpy as np
import rasterio
import shapely
import torch
from prove import SIDE, TEMPLATE, Size, Tower, collect, open_ground, shares, store
from prove import train_tower as train_by_recipe
from tiles import render_tile
from world import CLASSES, World

from geoglot.evaluation.metrics import Ranking
from geoglot.geo import Window
from geoglot.index.build.build import add
from geoglot.index.concepts.background import background_of
from geoglot.index.exchange.batches import Places, make_batch
from geoglot.index.exchange.bridge import Asking, bridge, fit_probe
from geoglot.index.store.archive import Archive, ModelFacts
from geoglot.models.zoo import load_word_model
from geoglot.options import IndexOptions

OTHERS = ModelFacts("others", "", 32)
SHARE, SCENES = 0.05, 2
NOISE = 0.1
SMOKE = Size(1536, 96, 0, 3, 20, 20, 16)


def train_tower(world: World, size: Size, folder: Path, seed: int) -> Path:
    """A pixel-level tower that never saw a text; the folder of the model."""
    ground = open_ground(world, size, folder, seed)
    batch, vectors = collect(world, ground, size, np.random.default_rng(seed))
    store(folder / "all", batch, vectors, ground.card.sha256)
    return train_by_recipe(folder, "tower", Tower("tower", "all", "pixel"), size, seed)


def write_scenes(world: World, folder: Path, seed: int) -> list[Window]:
    """Scenes in two corners of the country."""
    rng, side = np.random.default_rng(seed), int(world.side_m * (SHARE / SCENES) ** 0.5)
    windows = [Window(0, 0, side, side), Window(world.side_m - side, world.side_m // 2, side, side)]
    for number, window in enumerate(windows):
        pixels = render_tile(world, window, rng)
        with rasterio.open(
            folder / f"scene-{number}.tif", "w", driver="GTiff", width=side, height=side, count=3, dtype="uint8",
            crs=world.grid.crs, transform=world.grid.window(window).transform, photometric="RGB",
        ) as dataset:  # fmt: skip
            dataset.write(pixels)
    return windows


def see_otherwise(world: World, folder: Path, seed: int) -> tuple[Archive, np.ndarray, np.ndarray]:
    """An archive of vectors without words, the true shares in its cells, and their windows."""
    rng = np.random.default_rng(seed + 1)
    corners = range(0, world.side_m - SIDE + 1, SIDE)
    windows = [Window(row, col, SIDE, SIDE) for row in corners for col in corners]
    truth = shares(np.stack([world.truth(window) for window in windows]))
    turn = np.linalg.qr(rng.normal(size=(OTHERS.dim, OTHERS.dim)))[0][: len(CLASSES)]
    vectors = np.sqrt(truth) @ turn + NOISE * rng.normal(size=(len(truth), OTHERS.dim))
    edges = np.array(windows)
    polygons = shapely.polygons(np.stack([
        np.stack(world.grid.to_lonlat(edges[:, 0] + down, edges[:, 1] + across), axis=-1)
        for down, across in ((0, 0), (0, SIDE), (SIDE, SIDE), (SIDE, 0))
    ], axis=1))  # fmt: skip
    places = Places(polygons, ["others"] * len(truth), [None] * len(truth), {})
    archive = Archive.create(folder, OTHERS).append(make_batch(OTHERS, vectors, places))
    return archive, truth, edges


def lies_in(edges: np.ndarray, scenes: list[Window]) -> np.ndarray:
    """Cells that a scene covers by half or more."""
    covered = np.zeros(len(edges))
    for scene in scenes:
        sides = [np.minimum(edges[:, axis] + SIDE, scene[axis] + scene.height) - np.maximum(edges[:, axis], scene[axis])
                 for axis in (0, 1)]  # fmt: skip
        covered += sides[0].clip(0) * sides[1].clip(0)
    return covered >= SIDE**2 / 2


def compare(seed: int, size: Size, folder: Path) -> np.ndarray:
    """Print AP of each class by our maps and by the truth, and return them (class, 2)."""
    world = World(seed, size.side_m)
    model = load_word_model(train_tower(world, size, folder, seed), device="cpu")
    scenes = write_scenes(world, folder, seed)
    add(folder / "ours", sorted(folder.glob("scene-*.tif")), model=model, options=IndexOptions(scale=f"{SIDE}m"))
    onto, truth, edges = see_otherwise(world, folder / "others", seed)
    inside = lies_in(edges, scenes)
    vectors = onto.shards[0].vectors.astype(np.float64)
    centre, found = background_of(onto).mean, []
    for kind, name in enumerate(CLASSES):
        others = ", ".join(other for other in CLASSES if other != name)
        made = bridge(Archive.open(folder / "ours"), onto, name, model=model, asking=Asking(others, (TEMPLATE,)))
        taught, _ = fit_probe(vectors[inside], truth[inside, kind], centre)
        scores = np.stack([vectors @ made.concept.vector.double().numpy(), vectors @ taught], axis=1)[~inside]
        shows = np.repeat(truth[~inside, kind : kind + 1] > 0.02, 2, axis=1)
        once = np.ones(len(shows), np.int64)
        found.append(Ranking.of(scores, shows, len(shows)).average_precisions(len(shows), once))
        print(f"seed {seed} {name:12} {shows[:, 0].mean():4.0%} of cells: our maps {found[-1][0]:.3f}, "
              f"truth {found[-1][1]:.3f}", flush=True)  # fmt: skip
    both = np.array(found)
    print(f"seed {seed} from {inside.mean():.1%} of the area: mean AP {both[:, 0].mean():.3f} by our maps, "
          f"{both[:, 1].mean():.3f} by the truth: {both[:, 0].mean() / both[:, 1].mean():.3f}", flush=True)  # fmt: skip
    return both


@click.command()
@click.option("--seed", "seeds", type=int, multiple=True, default=(0, 1), show_default=True)
@click.option("--smoke", is_flag=True, help="Everything in seconds, to see that it runs.")
def command(seeds: tuple[int, ...], smoke: bool) -> None:
    """Compare both for all seeds."""
    torch.manual_seed(0)
    means = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["GEOGLOT_CONCEPTS"] = f"{folder}/concepts"
            means.append(compare(seed, SMOKE if smoke else Size(), Path(folder)).mean(0))
    ours, truth = np.mean(means, axis=0)
    print(f"{len(seeds)} seeds: {ours:.3f} by our maps, {truth:.3f} by the truth: {ours / truth:.3f}")


if __name__ == "__main__":
    command()
