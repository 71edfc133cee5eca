"""GRAFT on a made-up country: what it learns without text, and what it loses in ablations.

    python recipes/world/prove.py [--seed 0 --seed 1 --seed 2] [--ablations]      # under ten minutes a seed

A tiny CLIP learns photos and captions. Satellite towers then learn from geotagged photos alone, and are tested with
words on unseen ground. The table has the mean and spread over seeds of:

- `segmentation`: mIoU of ten classes at every pixel; patches are 8 px, so even perfect ones reach only about 0.76;
- `scenes`: top-1, mean per class, on tiles that are at least 80 % of one class;
- `retrieval`: mean over classes of the average precision of tiles that hold the class (over 2 % of their pixels).

All metrics come from geoglot.evaluation.metrics. Pixel-level towers are scored by their patches (mean for scenes, best
for retrieval), the others by the class token.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from ground import train_ground
from noise import Ints
from photos import photo_points, render_photo
from rich.console import Console
from rich.table import Table
from tiles import render_tile
from torch import Tensor
from world import BLOCK, CLASSES, World

from geoglot.evaluation.metrics import Ranking, Statistic, class_accuracies, confusion, ious
from geoglot.geo import Window
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import Batch, Links
from geoglot.training.train_align import train_align

SIDE, PATCH = 64, 8
FIGURES = ("segmentation", "scenes", "retrieval")
TEMPLATE = "a photo of a {}"
RECIPE = """
name = "world-{name}"
pairs = "{pairs}"
output = "run-{name}"
ground = "ground"
{start}
[sampling]
batch = {batch}
side = 64
seed = {seed}
{sampling}
[loss]
level = "{level}"
{loss}
[fit]
steps = {steps}
rate = 1e-3
warmup = 0.1
seed = {seed}
checkpoint_every = 100000
"""


@dataclass(frozen=True)
class Size:
    """The size of an experiment."""

    side_m: int = 2560
    tiles: int = 1536
    test_tiles: int = 400
    photos: int = 10
    """At most, a tile."""
    ground_steps: int = 400
    steps: int = 400
    batch: int = 64
    """Tiles a step."""


Rows = dict[str, dict[str, float]]
"""The figures of a table, by the title of the row and the name of the figure."""
#: Makes the rows of one country in a folder, from its seed and the size of the experiment
Compare = Callable[[int, Size, Path], Rows]


@dataclass(frozen=True)
class Tower:
    """A row of the table."""

    title: str
    pairs: str
    """Pair set: all, one or wrong."""
    level: str
    loss: str = ""
    """More lines of the recipe's [loss]."""
    sampling: str = ""
    """More lines of the recipe's [sampling]."""
    start: str = ""
    """A line of the recipe that names the model to start from."""


TOWERS = (
    Tower("image level", "all", "image"),
    Tower("image level, wrong places", "wrong", "image"),
    Tower("pixel level", "all", "pixel"),
    Tower("pixel level, one photo a tile", "one", "pixel"),
    Tower("pixel level, wrong places", "wrong", "pixel"),
)
ABLATIONS = (
    Tower("pixel level, own tile no negative", "all", "pixel", "skip_own_tile = true"),
    Tower("pixel level, near tiles no negatives", "all", "pixel", f"skip_near_m = {SIDE}"),
    Tower("pixel level, learned temperature", "all", "pixel", "learn_temperature = true"),
    Tower("both levels", "all", "both"),
)
SMOKE = Size(1024, 96, 40, 3, 10, 12, 32)
SMALL = Size(1024, 192, 64, 5, 100, 100, 32)
"""Enough for the order of the towers, in half a minute of a core."""


@dataclass(frozen=True)
class Unseen:
    """Unseen tiles and their truth."""

    pixels: Tensor
    """(tile, 3, SIDE, SIDE), 0..1."""
    truth: Ints
    """(tile, SIDE, SIDE)."""


def open_ground(world: World, size: Size, folder: Path, seed: int) -> VisionLanguageModel:
    """The ground CLIP of a country, which is trained unless the folder has one."""
    if not (folder / "ground").exists():
        train_ground(world, folder / "ground", size.ground_steps, seed)
    return load_word_model(folder / "ground", device="cpu")


def collect(
    world: World, ground: VisionLanguageModel, size: Size, rng: np.random.Generator
) -> tuple[Batch, np.ndarray]:
    """Training tiles anywhere in the training blocks with up to `photos` photos each, and the photos' embeddings."""
    blocks = world.windows("train", SIDE)
    pixels, grids, points, vectors = [], [], [], []
    for tile in range(size.tiles):
        block = blocks[rng.integers(len(blocks))]
        top, left = (side // BLOCK * BLOCK + int(rng.integers(BLOCK - SIDE + 1)) for side in (block.row, block.col))
        window = Window(top, left, SIDE, SIDE)
        places = photo_points(world, window, int(rng.integers(1, size.photos + 1)), rng)
        photos = torch.from_numpy(np.stack([render_photo(world, row, col, rng) for row, col in places]))
        with torch.inference_mode():
            vectors.append(ground.encode_image(photos.float() / 255).numpy())
        pixels.append(render_tile(world, window, rng))
        grids.append(world.grid.window(window))
        points += [(tile, row - top + 0.5, col - left + 0.5) for row, col in places]
    tile, row, col = (np.array(axis) for axis in zip(*points, strict=True))
    names = [str(number) for number in range(len(tile))]
    links = Links(tile.astype(np.int64), names, row.astype(np.float64), col.astype(np.float64), names)
    return Batch(np.stack(pixels), grids, [str(number) for number in range(size.tiles)], links), np.concatenate(vectors)


def train_tower(folder: Path, name: str, tower: Tower, size: Size, seed: int) -> Path:
    """Train one row of a table in the folder that holds the ground CLIP and the pairs; returns the model."""
    facts = {"name": name, "pairs": tower.pairs, "level": tower.level, "loss": tower.loss,
             "sampling": tower.sampling, "start": tower.start}  # fmt: skip
    recipe = folder / f"{name}.toml"
    recipe.write_text(RECIPE.format(**facts, seed=seed, steps=size.steps, batch=size.batch))
    model = folder / f"run-{name}" / "model"
    return model if model.exists() else train_align(recipe).model


def store(folder: Path, batch: Batch, vectors: np.ndarray, sha256: str) -> None:
    """A pair set of one shard."""
    pairs = PairSet.create(folder, ("red", "green", "blue"), SIDE, 1.0).append(batch)
    pairs.shards[0].add_vectors(sha256, vectors.astype(np.float16))


def one_photo(batch: Batch, vectors: np.ndarray) -> tuple[Batch, np.ndarray]:
    """The same tiles, each with only its first photo."""
    first = np.flatnonzero(np.diff(batch.links.tile, prepend=-1))
    return replace(batch, links=take_links(batch.links, first)), vectors[first]


def wrong_places(batch: Batch, vectors: np.ndarray, rng: np.random.Generator) -> tuple[Batch, np.ndarray]:
    """The control, which must fail: every photo at the place of another."""
    return batch, vectors[rng.permutation(len(vectors))]


def take_links(links: Links, chosen: np.ndarray) -> Links:
    """Some of the photos, each by a user of its own."""
    names = [links.photo[index] for index in chosen]
    return Links(links.tile[chosen], names, links.row[chosen], links.col[chosen], names)


def unseen(world: World, count: int, rng: np.random.Generator) -> Unseen:
    """Tiles of the test blocks."""
    windows = world.windows("test", SIDE)[:count]
    pixels = torch.from_numpy(np.stack([render_tile(world, window, rng) for window in windows]))
    return Unseen(pixels.float() / 255, np.stack([world.truth(window) for window in windows]).astype(np.int64))


def score(model: VisionLanguageModel, test: Unseen, by_patches: bool) -> dict[str, float]:
    """The three metrics of the table."""
    values = prepare_scores(model, test, by_patches)(np.ones(len(test.truth), np.int64))
    return dict(zip(FIGURES, values.tolist(), strict=True))


def score_tower(folder: Path, name: str, tower: Tower, size: Size, seed: int, test: Unseen) -> dict[str, float]:
    """Train one row of a table as `train_tower`, and print and return its figures."""
    model = load_word_model(train_tower(folder, name, tower, size, seed), device="cpu")
    figures = score(model, test, tower.level != "image")
    print(f"seed {seed}: {tower.title}: {figures}", flush=True)
    return figures


@torch.inference_mode()
def prepare_scores(model: VisionLanguageModel, test: Unseen, by_patches: bool) -> Statistic:
    """The three metrics, from how often each tile counts."""
    texts = model.encode_text([TEMPLATE.format(name) for name in CLASSES])
    parts = test.pixels.split(64)
    patches = torch.cat([torch.einsum("tdrc,kd->tkrc", model.encode_patches(part), texts) for part in parts])
    images = torch.cat([model.encode_image(part) @ texts.T for part in parts])
    maps = F.interpolate(patches, scale_factor=PATCH, mode="bilinear").argmax(1).numpy()
    scenes, best = (patches.mean((2, 3)), patches.amax((2, 3))) if by_patches else (images, images)
    share, many = shares(test.truth), len(CLASSES)
    ranking = Ranking.of(best.numpy(), share > 0.02, len(share))
    pure, kind = share.max(1) >= 0.8, share.argmax(1)
    right = scenes.argmax(1).numpy() == kind
    matrices = np.stack([confusion(truth, seen, many) for truth, seen in zip(test.truth, maps, strict=True)])

    def statistic(counts: Ints) -> np.ndarray:
        segmentation = ious(np.tensordot(counts, matrices, 1))
        accuracies = class_accuracies(right[pure], kind[pure], many, counts[pure])
        precisions = ranking.average_precisions(int(counts.sum()), counts)
        return np.array([np.nanmean(each) for each in (segmentation, accuracies, precisions)])

    return statistic


def shares(truth: Ints) -> np.ndarray:
    """Share of each class in each tile, (tile, class)."""
    return np.stack([(truth == kind).mean((1, 2)) for kind in range(len(CLASSES))], 1)


def prove(seed: int, size: Size, towers: Sequence[Tower], folder: Path) -> Rows:
    """All towers of one country."""
    world, rng = World(seed, size.side_m), np.random.default_rng(seed)
    ground = open_ground(world, size, folder, seed)
    batch, vectors = collect(world, ground, size, rng)
    test = unseen(world, size.test_tiles, rng)
    sets = {"all": (batch, vectors), "one": one_photo(batch, vectors), "wrong": wrong_places(batch, vectors, rng)}
    for name, (some, theirs) in sets.items():
        store(folder / name, some, theirs, ground.card.sha256)
    chance = {"segmentation": float("nan"), "scenes": 1 / len(CLASSES), "retrieval": (shares(test.truth) > 0.02).mean()}
    rows = {"chance": chance, "ground CLIP, no training": score(ground, test, False)}
    for number, tower in enumerate(towers):
        rows[tower.title] = score_tower(folder, str(number), tower, size, seed, test)
    return rows


def run_seeds(compare: Compare, seeds: Sequence[int], size: Size, ground: Path | None = None) -> None:
    """Run an experiment for every seed in a folder of its own, and print the table.

    `ground` is the folder of a ground CLIP that was trained before.
    """
    runs = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            if ground:
                shutil.copytree(ground, Path(folder) / "ground")
            runs.append(compare(seed, size, Path(folder)))
    show(runs)


def command_of(compare: Compare, size: Size) -> click.Command:
    """The command of an experiment that compares towers."""

    @click.command()
    @click.option("--seed", "seeds", type=int, multiple=True, default=(0,), show_default=True)
    @click.option("--ground", type=click.Path(exists=True, path_type=Path), help="A ground CLIP that is there already.")
    @click.option("--smoke", is_flag=True, help="Everything in seconds, to see that it runs.")
    def command(seeds: tuple[int, ...], ground: Path | None, smoke: bool) -> None:
        """Train the towers of every seed and print the table."""
        run_seeds(compare, seeds, SMOKE if smoke else size, ground)

    return command


def show(runs: Sequence[Rows]) -> None:
    """A table of means, with the standard deviation over seeds."""
    table = Table("", "segmentation mIoU", "scenes top-1", "retrieval mAP", title=f"{len(runs)} seeds, mean ± sd")
    for title in runs[0]:
        columns = [[run[title][figure] for run in runs] for figure in FIGURES]
        cells = (
            "" if np.isnan(column).all() else f"{np.mean(column):.3f} ± {np.std(column):.3f}" for column in columns
        )
        table.add_row(title, *cells)
    Console(width=100).print(table)


@click.command()
@click.option("--seed", "seeds", type=int, multiple=True, default=(0, 1, 2), show_default=True)
@click.option("--ablations", is_flag=True, help="The trainer's options too, each alone.")
@click.option("--smoke", is_flag=True, help="Everything in a minute, to see that it runs.")
def command(seeds: tuple[int, ...], ablations: bool, smoke: bool) -> None:
    """Train and score all towers."""
    towers = TOWERS + ABLATIONS if ablations else TOWERS
    run_seeds(lambda seed, size, folder: prove(seed, size, towers, folder), seeds, SMOKE if smoke else Size())


if __name__ == "__main__":
    command()
