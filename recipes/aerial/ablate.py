"""Ablation of SegCLIP on a made-up set, beside Mask2Former and a pixel network.

    python recipes/aerial/ablate.py [--seed 0 --seed 1 --seed 2] [--row "+ TMP"]    # five minutes a row and seed
    python recipes/aerial/ablate.py --group sources --group padding                 # other rows, beside the full model
    python recipes/aerial/ablate.py --group guidance --log runs/ablate.jsonl        # goes on where another call ended

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
{model}width = 64
heads = 4
feed_forward = 128
layers = 6
encoder_layers = 2
encoder_feed_forward = 128
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
_OFF, _ON = "{ on = false }", "{ on = true }"


def part(prompts: str = _ON, fusion: str = _ON, guidance: str = _ON, more: str = "") -> str:
    """Lines of [model] for a row."""
    return f"prompts = {prompts}\nfusion = {fusion}\nguidance = {guidance}\n{more}"


FULL = "+ TMP + CFF + GTG (full)"
#: Rows by group: lines of [model], or None for the pixel network
GROUPS: dict[str, dict[str, str | None]] = {
    "parts": {
        "pixel network (UPerNet)": None,
        "baseline (Mask2Former)": part(_OFF, _OFF, _OFF),
        "+ TMP": part(fusion=_OFF, guidance=_OFF),
        "+ TMP + CFF": part(guidance=_OFF),
        FULL: part(),
    },
    # Figure 5 of the paper as we read it: (a), (b) from the class list, (c), (d) from the ground truth
    "sources": {
        "(a) class texts, the rest blank": part('{ padding = "blank", context = 0 }', _OFF, _OFF),
        "(b) class texts and learned queries": part(fusion=_OFF, guidance=_OFF),
        "(c) texts of the ground truth alone": part(_OFF, _OFF),
        "(d) class texts, and ground truth as more queries": part(fusion=_OFF),
    },
    "templates": {
        f'"{template}"': part(f'{{ template = "{template}" }}')
        for template in ("{}", "an aerial photo of {}", "{} seen from above")
    },
    "queries": {
        "N = 10": part(more="queries = 10\n"),
        "N = 50": part(more="queries = 50\n"),
        "N_ctx = 4, blank texts": part('{ padding = "blank", context = 4 }'),
        "N_ctx = 12, blank texts": part('{ padding = "blank", context = 12 }'),
    },
    "guidance": {
        "GTG in the first three layers": part(guidance='{ layers = "first" }'),
        "GTG, 20 % of texts wrong": part(guidance="{ label_noise = 0.2 }"),
        "GTG, 20 % of mask pixels flipped": part(guidance="{ point_noise = 0.2 }"),
        "GTG, three groups with both noises": part(guidance="{ groups = 3, label_noise = 0.2, point_noise = 0.2 }"),
        "GTG, blocked both ways": part(guidance="{ apart = true }"),
    },
    # CFF is there to suppress blank texts, so it should help most where texts are padded
    "padding": {
        "blank texts": part('{ padding = "blank", context = 4 }', _OFF, _OFF),
        "blank texts + CFF": part('{ padding = "blank", context = 4 }', _ON, _OFF),
        "blank texts + CFF + GTG": part('{ padding = "blank", context = 4 }'),
    },
}
ROWS = {row: lines for rows in GROUPS.values() for row, lines in rows.items()}


def recipe_of(row: str, seed: int, steps: int, data: Path, output: Path) -> str:
    """The recipe of a row and seed."""
    lines = ROWS[row]
    architecture = "upernet" if lines is None else "segclip"
    queries = "" if lines and "queries =" in lines else "queries = 20\n"
    facts = {"output": output, "data": data, "architecture": architecture, "seed": seed, "steps": steps}
    return RECIPE.format(**facts, model=queries + (lines or ""))


def run(row: str, seed: int, data: Path, steps: int) -> dict[str, float]:
    """The scores of a row and seed."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder, "recipe.toml")
        recipe.write_text(recipe_of(row, seed, steps, data, Path(folder, "run")), encoding="utf-8")
        began = time.monotonic()
        trained = train_segment(recipe, "cpu")
        return {**trained.figures, "seconds": time.monotonic() - began}


def describe_gain(runs: list[dict[str, float]], full: list[dict[str, float]]) -> str:
    """Whether a row is better or worse than the full model by more than both spreads."""
    own, others = (np.array([one["miou"] for one in each]) for each in (runs, full))
    gap = own.mean() - others.mean()
    if abs(gap) <= own.std() + others.std() or len(own) < 2:
        return f"{gap:+.3f}, within the spread"
    return f"{gap:+.3f}"


def read_log(log: Path | None, steps: int) -> dict[tuple[str, int], dict[str, float]]:
    """The scores of runs of so many steps that a log has, by row and seed."""
    if log is None or not log.is_file():
        return {}
    runs = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return {(run["row"], run["seed"]): run for run in runs if run["step"] == steps}


def show(found: dict[str, list[dict[str, float]]]) -> None:
    """A table of means, with the standard deviation over seeds."""
    seeds = len(next(iter(found.values())))
    table = Table(
        "", "mIoU", "mean F1", "overall accuracy", "against full", "seconds", title=f"{seeds} seeds, mean ± sd"
    )
    for row, runs in found.items():
        cells = [[one[name] for one in runs] for name in ("miou", "mean_f1", "overall_accuracy")]
        spread = [f"{np.mean(cell):.3f} ± {np.std(cell):.3f}" for cell in cells]
        gain = describe_gain(runs, found[FULL]) if FULL in found and row != FULL else ""
        table.add_row(row, *spread, gain, f"{np.mean([one['seconds'] for one in runs]):.0f}")
    Console(width=140).print(table)


@click.command()
@click.option("--seed", "seeds", multiple=True, type=int, default=(0, 1, 2), show_default=True)
@click.option("--row", "rows", multiple=True, type=click.Choice(tuple(ROWS)), help="Default: the rows of --group.")
@click.option("--group", "groups", multiple=True, type=click.Choice(tuple(GROUPS)), default=("parts",))
@click.option("--steps", default=700, show_default=True)
@click.option("--log", type=click.Path(path_type=Path), help="Runs that this file has are not trained; others join it.")
def command(
    seeds: tuple[int, ...], rows: tuple[str, ...], groups: tuple[str, ...], steps: int, log: Path | None
) -> None:
    """Train every row with every seed, and print the table; the rows of a group stand beside the full model."""
    rows = rows or tuple(dict.fromkeys((*(row for group in groups for row in GROUPS[group]), FULL)))
    found: dict[str, list[dict[str, float]]] = {row: [] for row in rows}
    with tempfile.TemporaryDirectory() as folder:
        draw_set(Path(folder, "set"), 0)
        for seed in seeds:
            for row in rows:
                known = read_log(log, steps).get((row, seed))
                found[row].append(known or run(row, seed, Path(folder, "set"), steps))
                line = json.dumps({**found[row][-1], "seed": seed, "row": row})
                print(line, flush=True)
                if log is not None and known is None:
                    with log.open("a", encoding="utf-8") as file:
                        file.write(f"{line}\n")
    show(found)


if __name__ == "__main__":
    command()
