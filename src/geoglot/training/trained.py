"""Where a training run writes, and what it made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoglot.errors import OutputError
from geoglot.outputs.atomic import disk_errors
from geoglot.outputs.own import is_marked, mark
from geoglot.training.checkpoint import BEST
from geoglot.training.checkpoint import NAME as CHECKPOINT
from geoglot.training.loop import METRICS, Fitted

_MODEL = "model"


@dataclass(frozen=True)
class Trained:
    """What a training run made."""

    model: Path
    metrics: Path
    steps: int
    figures: dict[str, int | float]
    """Of the step that the model's weights are of."""
    notes: tuple[str, ...] = ()
    """What of the data is left out or may surprise, and how a run that went on came about."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot train --json`."""
        paths = {"model": str(self.model), "metrics": str(self.metrics)}
        return paths | {"steps": self.steps, "figures": self.figures, "notes": list(self.notes)}


def from_its_weights(output: Path) -> str:
    """How to begin from what a complete run made, as a hint; empty before there is something."""
    target = output / _MODEL
    return f' and whole = "{target}" to begin from its weights' if target.is_dir() else ""


def open_output(output: Path) -> Path:
    """Make a run's folder; gives the model's, which is not there yet. OutputError where the run is complete."""
    target = output / _MODEL
    if target.exists():
        raise OutputError(f"{target} is there already: this run is complete; give another output to train anew")
    with disk_errors(output):
        output.mkdir(parents=True, exist_ok=True)
        _check_own(output)
        mark(output)
    return target


def _check_own(output: Path) -> None:
    """OutputError where the folder has files, of names that a run writes, that no run wrote."""
    if is_marked(output) or (output / CHECKPOINT).exists():  # which says itself of which recipe it is
        return
    for name in (METRICS, BEST):
        if (output / name).exists():
            raise OutputError(f"{output / name} was not written by a run in this folder; give another output")


def trained_of(output: Path, steps: int, fitted: Fitted, notes: tuple[str, ...] = ()) -> Trained:
    """What to tell of a run that is complete."""
    return Trained(output / _MODEL, output / METRICS, steps, fitted.figures, (*notes, *fitted.notes))
