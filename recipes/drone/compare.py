"""SegCLIP beside Mask2Former and a pixel network on drone photos: train all, and print one table.

    python recipes/drone/compare.py [--seed 0 --seed 1 --seed 2] [--model segclip]    # 40 minutes of a core for a seed

`segclip.toml` says what comes first. Each model takes the same number of steps, over the same crops in the same order.
Scores come from one confusion matrix of the 40 held-out photos after the last step, never from the best of several
evaluations. Runs that are complete are read and not trained again, so that seeds may be trained side by side.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from geoglot.recipe import read_recipe
from geoglot.training.train_segment import SegmentRecipe, train_segment
from geoglot.training.trained import MODEL

MODELS = ("segclip", "mask2former", "upernet")
_FIGURES = {"miou": "mIoU", "mean_f1": "mean F1", "overall_accuracy": "overall accuracy"}


def recipe_of(model: str, seed: int) -> SegmentRecipe:
    """The recipe of a model, with this seed for weights and crops and an output of its own."""
    folder = Path(__file__).parent
    recipe = read_recipe(folder / f"{model}.toml", SegmentRecipe)
    return replace(
        recipe, output=recipe.output.with_name(f"{model}-{seed}"), backbone=str(folder / str(recipe.backbone)),
        fit=replace(recipe.fit, seed=seed), crops=replace(recipe.crops, seed=seed),
    )  # fmt: skip


def score(recipe: SegmentRecipe) -> dict[str, float]:
    """The metrics of the last step, after the training that is still missing."""
    if not (recipe.output / MODEL).is_dir():
        train_segment(recipe, "cpu")
    last = (recipe.output / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return dict(json.loads(last))


def show(found: dict[str, list[dict[str, float]]]) -> None:
    """A table of means and spread over seeds, and one of each class's IoU."""
    console, count = Console(width=110), len(next(iter(found.values())))
    table = Table("", *_FIGURES.values(), title=f"{count} seeds, mean ± sd (least to most)")
    for model, runs in found.items():
        cells = [np.array([run[name] for run in runs]) for name in _FIGURES]
        table.add_row(model, *(f"{c.mean():.3f} ± {c.std():.3f} ({c.min():.3f} to {c.max():.3f})" for c in cells))
    console.print(table)
    # The IoU of a class that no held-out photo shows is 0 in runs that found it, and missing in the others.
    runs_of_all = [run for runs in found.values() for run in runs]
    classes = dict.fromkeys(name for run in runs_of_all for name in run if name.startswith("iou/"))
    by_class = Table("IoU, mean over the seeds that have one", *found)
    for name in classes:
        own = [[run[name] for run in runs if name in run] for runs in found.values()]
        by_class.add_row(name.removeprefix("iou/"), *(f"{np.mean(each):.3f}" if each else "-" for each in own))
    console.print(by_class)


@click.command()
@click.option("--seed", "seeds", multiple=True, type=int, default=(0, 1, 2), show_default=True)
@click.option("--model", "models", multiple=True, type=click.Choice(MODELS), default=MODELS)
def command(seeds: tuple[int, ...], models: tuple[str, ...]) -> None:
    """Train what is missing, and print the tables."""
    found: dict[str, list[dict[str, float]]] = {model: [] for model in models}
    for seed in seeds:
        for model in models:
            found[model].append(score(recipe_of(model, seed)))
            print(json.dumps({"seed": seed, "model": model, **found[model][-1]}), flush=True)
    show(found)


if __name__ == "__main__":
    command()
