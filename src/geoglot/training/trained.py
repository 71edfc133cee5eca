"""The folder of a training run and its result."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoglot.errors import OutputError
from geoglot.figures import format_number
from geoglot.outputs.atomic import disk_errors
from geoglot.outputs.notebook.page import Page, Table
from geoglot.outputs.notebook.shown import Shown
from geoglot.outputs.own import is_marked, mark
from geoglot.training.chance import is_useful
from geoglot.training.checkpoint import BEST
from geoglot.training.checkpoint import NAME as CHECKPOINT
from geoglot.training.curves import CURVES
from geoglot.training.metrics_log import METRICS

MODEL = "model"


@dataclass(frozen=True)
class Trained(Shown):
    """Result of a training run."""

    output: Path
    steps: int
    figures: dict[str, int | float]
    """Metrics of the step that the model's weights are from."""
    notes: tuple[str, ...] = ()
    """Warnings about the data and a useless figure, and after how many steps the run was resumed."""
    last: Path | None = None
    """Folder of the metrics and curves, if another: that of the last of several trainings."""

    @property
    def model(self) -> Path:
        return self.output / MODEL

    @property
    def curves(self) -> Path:
        return (self.last or self.output) / CURVES

    @property
    def metrics(self) -> Path:
        return (self.last or self.output) / METRICS

    def page(self) -> Page:
        rows = [(name, format_number(value)) for name, value in self.figures.items()]
        files = {"model": self.model, "metrics": self.metrics, "curves": self.curves}
        return Page(f"{self.model}, {self.steps:,} steps", [Table(("figure", "value"), rows)], self.notes, files)

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot train --json`."""
        paths = {"model": str(self.model), "metrics": str(self.metrics), "curves": str(self.curves)}
        useful = {"useful": is_useful(self.figures)}
        return paths | {"steps": self.steps, "figures": self.figures} | useful | {"notes": list(self.notes)}


def open_output(output: Path) -> Path:
    """Create the folder of a run, or open that of an unfinished one. Returns the folder where the model will be.

    Raises OutputError if the run is complete, or if another program wrote files with the names of a run's.
    """
    model = output / MODEL
    if model.exists():
        raise OutputError(f"{model} is there already: this run is complete; give another output to train again")
    if not is_marked(output) and not (output / CHECKPOINT).exists():  # a checkpoint states its own recipe
        for name in (METRICS, BEST, CURVES):
            if (output / name).exists():
                raise OutputError(f"{output / name} was not written by a run in this folder; give another output")
    with disk_errors(output):
        output.mkdir(parents=True, exist_ok=True)
        mark(output)
    return model
