"""Ablation of SegCLIP on a made-up set, beside Mask2Former and a pixel network.

    python recipes/aerial/ablate.py [--seed 0 --seed 1 --seed 2] [--row "+ TMP"]    # five minutes a row and seed

`draw.py` draws the set. Every row trains from random weights for 700 steps of 8 crops, with the same crops in the same
order. Its score is the mIoU after the last step, from one confusion matrix of 60 unseen images. The bundled model
encodes the texts. Mean and standard deviation are over seeds of the weights and crops, on the same set.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from draw import draw_set
from rich.console import Console
from rich.table import Table

from geoglot.training.train_segment import train_segment

RECIPE = """
name = "aerial"
output = "{output}"
texts = "mini"
architecture = "{architecture}"
[data]
set = "folder"
folder = "{data}"
[model]
backbone = {{ embedding_size = 24, hidden_sizes = [24, 48, 96, 160], depths = [1, 1, 1, 1], layer_type = "basic" }}
queries = 20
width = 64
heads = 4
feed_forward = 128
layers = 6
encoder_layers = 2
encoder_feed_forward = 128
prompts = {{ on = {prompts} }}
fusion = {{ on = {fusion} }}
guidance = {{ on = {guidance} }}
[upernet]
backbone = {{ embedding_size = 24, hidden_sizes = [24, 48, 96, 160], depths = [1, 1, 1, 1], layer_type = "basic" }}
width = 64
[crops]
batch = 8
side = 128
scales = [0.8, 1.25]
workers = 0
seed = {seed}
[loss]
sampling = {{ points = 1024 }}
[fit]
steps = {steps}
rate = 2e-3
warmup = 0.02
schedule = "poly"
weight_decay = 0.05
clip = 0.1
evaluate_every = 10000
checkpoint_every = 10000
seed = {seed}
"""
#: Which parts are on: prompts, fusion, guidance
ROWS = {
    "pixel network (UPerNet)": ("upernet", (False, False, False)),
    "baseline (Mask2Former)": ("segclip", (False, False, False)),
    "+ TMP": ("segclip", (True, False, False)),
    "+ TMP + CFF": ("segclip", (True, True, False)),
    "+ TMP + CFF + GTG (full)": ("segclip", (True, True, True)),
}


def run(row: str, seed: int, data: Path, steps: int) -> dict[str, float]:
    """The scores of a row and seed."""
    architecture, parts = ROWS[row]
    on = dict(zip(("prompts", "fusion", "guidance"), (str(part).lower() for part in parts), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder, "recipe.toml")
        facts = {"output": f"{folder}/run", "data": data, "architecture": architecture, "seed": seed, "steps": steps}
        recipe.write_text(RECIPE.format(**facts, **on), encoding="utf-8")
        began = time.monotonic()
        trained = train_segment(recipe, "cpu")
        return {**trained.figures, "seconds": time.monotonic() - began}


def show(found: dict[str, list[dict[str, float]]]) -> None:
    """A table of means, with the standard deviation over seeds."""
    seeds = len(next(iter(found.values())))
    table = Table("", "mIoU", "mean F1", "overall accuracy", "seconds", title=f"{seeds} seeds, mean ± sd")
    for row, runs in found.items():
        cells = [[one[name] for one in runs] for name in ("miou", "mean_f1", "overall_accuracy")]
        spread = [f"{np.mean(cell):.3f} ± {np.std(cell):.3f}" for cell in cells]
        table.add_row(row, *spread, f"{np.mean([one['seconds'] for one in runs]):.0f}")
    Console(width=110).print(table)


@click.command()
@click.option("--seed", "seeds", multiple=True, type=int, default=(0, 1, 2), show_default=True)
@click.option("--row", "rows", multiple=True, type=click.Choice(tuple(ROWS)), default=tuple(ROWS))
@click.option("--steps", default=700, show_default=True)
def command(seeds: tuple[int, ...], rows: tuple[str, ...], steps: int) -> None:
    """Train every row with every seed, and print the table."""
    found: dict[str, list[dict[str, float]]] = {row: [] for row in rows}
    with tempfile.TemporaryDirectory() as folder:
        draw_set(Path(folder, "set"), 0)
        for seed in seeds:
            for row in rows:
                found[row].append(run(row, seed, Path(folder, "set"), steps))
                print(json.dumps({"seed": seed, "row": row, **found[row][-1]}), flush=True)
    show(found)


if __name__ == "__main__":
    command()
