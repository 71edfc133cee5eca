"""geoglot train: fit models as recipes say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geoglot.training.trained import Trained

#: Figures that the result tells a person; metrics.jsonl and --json have all
_TOLD = {"loss": "loss", "miou": "mIoU", "mean_f1": "mean F1", "overall_accuracy": "overall accuracy"}
_PATIENCE_S = 5.0  # for torchrun to see that the first process failed


@contextmanager
def _one_voice() -> Iterator[None]:
    """Let the first tell what all processes fail of: torchrun ends the others while they wait."""
    from geoglot.errors import GeoglotError
    from geoglot.training.processes import is_main_process

    try:
        yield
    except GeoglotError:
        if not is_main_process():
            time.sleep(_PATIENCE_S)
        raise


@click.group()
def command() -> None:
    """Fit models as recipes say; running a recipe again goes on where it was."""


@command.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@options.device
@options.as_json
@options.quiet
@options.verbose
def align(recipe: Path, device: str | None, as_json: bool) -> None:
    """Train a GRAFT satellite encoder on geotagged photos, without any text.

    RECIPE is a TOML file; see recipes/graft. Under torchrun each process takes its share of every batch.

    Example: geoglot train align recipes/graft/naip-image.toml
    """
    from geoglot.training.processes import is_main_process
    from geoglot.training.train_align import train_align as run

    with _one_voice(), options.progress(is_main_process()) as progress:

        def report(step: int, steps: int, figures: Mapping[str, float]) -> None:
            progress("steps", step, steps, f"loss {figures['loss']:.3f}, {figures['tiles_per_second']:.0f} tiles/s")

        trained = run(recipe, device, report, progress)
    _tell(trained, as_json)


@command.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@options.device
@options.as_json
@options.quiet
@options.verbose
def segment(recipe: Path, device: str | None, as_json: bool) -> None:
    """Train SegCLIP, or a baseline, on images whose every pixel has a class.

    RECIPE is a TOML file; see recipes/segclip. Under torchrun each process takes its share of every batch. What comes
    out maps rasters: geoglot segment scene.tif --model OUTPUT/model -o map.tif

    Example: geoglot train segment recipes/segclip/loveda.toml
    """
    from geoglot.training.processes import is_main_process
    from geoglot.training.train_segment import train_segment

    with _one_voice(), options.progress(is_main_process()) as progress:

        def report(step: int, steps: int, figures: Mapping[str, float]) -> None:
            miou = f", mIoU {figures['miou']:.3f}" if "miou" in figures else ""
            speed = f"{figures['crops_per_second']:.1f} crops/s"
            progress("steps", step, steps, f"loss {figures['loss']:.3f}, {speed}{miou}")

        trained = train_segment(recipe, device, report, progress)
    _tell(trained, as_json)


def _tell(trained: Trained, as_json: bool) -> None:
    """The result; of several processes the first one tells it."""
    from geoglot.training.processes import is_main_process

    if not is_main_process():
        return
    kept = trained.figures.get("step", trained.steps)
    which = "the last" if kept == trained.steps else "the best that was evaluated"
    figures = "  ".join(f"{_TOLD[name]} {value:.4g}" for name, value in trained.figures.items() if name in _TOLD)
    text = f"{trained.steps:,} steps; the weights are those of step {kept:,}, {which}: {figures}"
    text = f"model    {trained.model}\nmetrics  {trained.metrics}\n{text}"
    text = "\n".join([text, *(f"note     {note}" for note in trained.notes)])
    options.emit(trained.to_json(), as_json, text)
