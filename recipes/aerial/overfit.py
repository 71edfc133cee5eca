"""Can SegCLIP learn three images by heart? If it cannot, there is a fault between crop and map.

    python recipes/aerial/overfit.py TILES [--steps 5000]

TILES holds images/N.png and masks/N.png of LoveDA (1,024 px, ids 1..7, 0 = no data). SegCLIP
trains with all of its parts from random weights on crops of 256 px. The recipe prints the mIoU of the same images,
segmented in windows as by `geoglot segment`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click
import numpy as np
from draw import CLASSES
from PIL import Image

from geoglot.training.train_segment import train_segment

RECIPE = """
name = "overfit"
output = "{folder}/run"
texts = "mini"
[data]
set = "folder"
folder = "{folder}/set"
[model]
backbone = {{ embedding_size = 32, hidden_sizes = [32, 64, 128, 256], depths = [2, 2, 2, 2], layer_type = "basic" }}
queries = 20
width = 128
heads = 4
feed_forward = 256
layers = 3
pixel_decoder = "fpn"
encoder_layers = 2
encoder_feed_forward = 256
[crops]
batch = 4
side = 256
scales = [1.0, 1.0]
most_of_one = 0.75
augment = "none"
workers = 0
[loss]
sampling = {{ points = 4096 }}
[fit]
steps = {steps}
rate = 1e-3
warmup = 0.02
schedule = "poly"
weight_decay = 0.0
clip = 0.1
evaluate_every = {often}
checkpoint_every = 100000
"""


def lay_out(tiles: Path, folder: Path) -> None:
    """Write the tiles as a set of the layout `folder`, for training and scoring."""
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True)
        for image in sorted((tiles / "images").glob("*.png")):
            (folder / split / "images" / image.name).symlink_to(image.resolve())
            ids = np.asarray(Image.open(tiles / "masks" / image.name)).astype(np.int64)
            Image.fromarray(np.where(ids == 0, 255, ids - 1).astype(np.uint8)).save(
                folder / split / "masks" / image.name
            )
    rows = "".join(f"{index},{name}\n" for index, name in enumerate(CLASSES))
    (folder / "classes.csv").write_text(f"id,name\n{rows}", encoding="utf-8")


@click.command()
@click.argument("tiles", type=click.Path(exists=True, path_type=Path))
@click.option("--steps", default=5000, show_default=True)
def command(tiles: Path, steps: int) -> None:
    """Learn the images of TILES by heart."""
    with tempfile.TemporaryDirectory() as folder:
        lay_out(tiles, Path(folder, "set"))
        recipe = Path(folder, "recipe.toml")
        recipe.write_text(RECIPE.format(folder=folder, steps=steps, often=max(1, steps // 5)), encoding="utf-8")
        began = time.monotonic()

        def tell(step: int, steps: int, figures: object) -> None:
            assert isinstance(figures, dict)
            if "miou" in figures:
                shown = {
                    name: round(value, 3) for name, value in figures.items() if name in ("loss", "miou") or "/" in name
                }
                print(f"step {step} of {steps}, {time.monotonic() - began:.0f} s: {shown}", flush=True)

        train_segment(recipe, "cpu", tell)


if __name__ == "__main__":
    command()
