"""The GRAFT of `geoglot demo graft`: towers of the ground and of the satellite, trained on a made-up country.

    python recipes/world/small_graft.py OUT            # trains; about four minutes of a core
    python recipes/world/small_graft.py OUT --check    # measures the one that ships, on ground that nobody trained on

OUT/ground is the CLIP of photos and captions, OUT/pairs the pair set, OUT/pixel/model the GRAFT. What is there already
is used again. The figures are those of `prove.py`; the intervals come from drawing tiles with replacement.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from prove import FIGURES, Size, Tower, Unseen, collect, open_ground, prepare_scores, store, train_tower, unseen
from tiles import render_tile
from world import World

from geoglot.evaluation.metrics import Estimate, bootstrap
from geoglot.geo import Window
from geoglot.models.base import VisionLanguageModel
from geoglot.models.model_files import write_model
from geoglot.models.zoo import load_word_model

SEED, ELSEWHERE = 0, 100
"""Of the country of training, and of the one that the demo shows."""
SHOWN_M = 768
NAME = "graft-world"
SOURCE = (
    "GRAFT (arXiv 2312.06960) at pixel level, trained by recipes/world/small_graft.py on photos and tiles of a made-up "
    "country: it knows ten things of that country, and nothing of the Earth"
)


def train(folder: Path, size: Size, level: str = "pixel", seed: int = SEED) -> Path:
    """Train a tower in a folder, with the ground CLIP and the pairs that are there or are made; returns the model."""
    world = World(seed, size.side_m)
    ground = open_ground(world, size, folder, seed)
    if not (folder / "pairs").exists():
        batch, vectors = collect(world, ground, size, np.random.default_rng(seed))
        store(folder / "pairs", batch, vectors, ground.card.sha256)
    return train_tower(folder, level, Tower(level, "pairs", level), size, seed)


def measure(model: VisionLanguageModel, test: Unseen) -> dict[str, Estimate]:
    """The three figures of `prove.py` with their 95 % intervals."""
    statistic = prepare_scores(model, test, by_patches=model.card.level != "image")
    return dict(zip(FIGURES, bootstrap(statistic, len(test.pixels), draws=200), strict=True))


def ship(model: Path, folder: Path, figures: dict[str, Estimate]) -> None:
    """Write the model of the demo, with half of the digits, and the scene that it is shown on."""
    told = f"on ground that it did not see, mIoU {figures['segmentation'].value:.3f} and retrieval mAP "
    source = f"{SOURCE}; {told}{figures['retrieval'].value:.3f}"
    loaded = load_word_model(model, device="cpu")
    weights = {name: tensor.half() for name, tensor in loaded.state_dict().items()}
    card = replace(loaded.card, name=NAME, source=source, licence="Apache-2.0", languages=("en",))
    write_model(folder / "model", card, weights, loaded.tokenizer.to_str())
    draw_scene(folder / "scene.tif")


def draw_scene(path: Path) -> None:
    """Another country from above, as a GeoTIFF of 1 m."""
    import rasterio

    world = World(ELSEWHERE, SHOWN_M)
    pixels = render_tile(world, Window(0, 0, SHOWN_M, SHOWN_M), np.random.default_rng(ELSEWHERE))
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "height": SHOWN_M, "width": SHOWN_M}
    packed = {"compress": "jpeg", "photometric": "ycbcr", "jpeg_quality": 90, "tiled": True}
    place = {"crs": world.grid.crs.to_wkt(), "transform": world.grid.transform}
    with rasterio.open(path, "w", **profile, **packed, **place) as file:
        file.write(pixels)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--level", type=click.Choice(["pixel", "image"]), default="pixel", show_default=True)
@click.option("--check", is_flag=True, help="Measure the model that ships with geoglot; OUT is not used.")
@click.option("--ship", "target", type=click.Path(path_type=Path), help="Also write the demo's files to this folder.")
def command(out: Path, level: str, check: bool, target: Path | None) -> None:
    """Train and measure the small GRAFT, or only measure the one that ships."""
    from geoglot.demo import GRAFT

    size = Size()
    path = GRAFT if check else train(out, size, level)
    test = unseen(World(SEED, size.side_m), size.test_tiles, np.random.default_rng(1))
    figures = measure(load_word_model(path, device="cpu"), test)
    for name, estimate in figures.items():
        print(f"{name:14} {estimate.value:.3f}  95 % interval {estimate.low:.3f} to {estimate.high:.3f}")
    if target:
        ship(path, target, figures)


if __name__ == "__main__":
    command()
