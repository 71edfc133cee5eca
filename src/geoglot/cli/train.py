"""geoglot train: fit models as recipes say."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import shared
from geoglot.cli.progress import progress
from geoglot.cli.train_init import init

if TYPE_CHECKING:
    from geoglot.training.trained import Trained

#: Figures that a person is shown; metrics.jsonl and --json have all
_FIGURES = {"loss": "loss", "miou": "mIoU", "mean_f1": "mean F1", "overall_accuracy": "overall accuracy"}
_PATIENCE_S = 5.0  # for torchrun to see that the first process failed

_recipe = shared.stacked(click.argument("recipe", type=shared.PATH), shared.device, shared.long)


@click.group()
def command() -> None:
    """Fit models as recipes say. The same command resumes a run that was interrupted."""


@command.command()
@_recipe
def align(recipe: Path, device: str | None, as_json: bool) -> None:
    """Train a GRAFT satellite encoder on geotagged photos, without any text.

    RECIPE is a TOML file; see recipes/graft. Under torchrun each process takes its part of every batch.

    Example: geoglot train align recipes/graft/naip-image.toml
    """
    from geoglot.training.train_align import train_align

    _train(train_align, recipe, device, as_json, lambda figures: f"{figures['tiles_per_second']:.0f} tiles/s")


@command.command()
@_recipe
def segment(recipe: Path, device: str | None, as_json: bool) -> None:
    """Train SegCLIP, or a baseline, on images in which every pixel has a class.

    RECIPE is a TOML file; see recipes/segclip. Under torchrun each process takes its part of every batch. The result
    maps rasters: geoglot segment scene.tif --model OUTPUT/model -o map.tif

    Example: geoglot train segment recipes/segclip/loveda.toml
    """
    from geoglot.training.train_segment import train_segment

    def describe(figures: Mapping[str, float]) -> str:
        miou = f", mIoU {figures['miou']:.3f}" if "miou" in figures else ""
        return f"{figures['crops_per_second']:.1f} crops/s{miou}"

    _train(train_segment, recipe, device, as_json, describe)


command.add_command(init)


def _train(
    train: Callable[..., Trained],
    recipe: Path,
    device: str | None,
    as_json: bool,
    describe: Callable[[Mapping[str, float]], str],
) -> None:
    """Train and print the result. Of several processes only the first one speaks."""
    from geoglot.errors import GeoglotError
    from geoglot.training.processes import is_main_process

    try:
        with progress(is_main_process()) as advance:

            def report(step: int, steps: int, figures: Mapping[str, float]) -> None:
                advance("steps", step, steps, f"loss {figures['loss']:.3f}, {describe(figures)}")

            trained = train(recipe, device, report, advance)
    except GeoglotError:
        if not is_main_process():
            time.sleep(_PATIENCE_S)  # the first one tells it; torchrun ends the others while they wait
        raise
    if is_main_process():
        shared.emit(trained.to_json(), as_json, _describe(trained))


def _describe(trained: Any) -> str:
    kept = trained.figures.get("step", trained.steps)
    which = "the last" if kept == trained.steps else "the best that was evaluated"
    figures = "  ".join(f"{_FIGURES[name]} {value:.4g}" for name, value in trained.figures.items() if name in _FIGURES)
    lines = [
        f"model    {trained.model}",
        f"metrics  {trained.metrics}",
        f"curves   {trained.curves}",
        f"{trained.steps:,} steps; the weights are those of step {kept:,}, {which}: {figures}",
        *(f"note     {note}" for note in trained.notes),
    ]
    return "\n".join(lines)
