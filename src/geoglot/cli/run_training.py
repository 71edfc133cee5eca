"""What all commands of `geoglot train` do: train with a bar, and print the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from geoglot.cli import shared
from geoglot.cli.progress import progress

if TYPE_CHECKING:
    from geoglot.training.trained import Trained

#: Figures that a person is shown; metrics.jsonl and --json have all
_FIGURES = {"loss": "loss", "miou": "mIoU", "mean_f1": "mean F1", "overall_accuracy": "overall accuracy",
            "agreement": "agreement with the votes", "top1": "top-1"}  # fmt: skip
_PATIENCE_S = 5.0  # for torchrun to see that the first process failed


def run_training(
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


def _describe(trained: Trained) -> str:
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
