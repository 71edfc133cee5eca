"""An evaluation: what is measured, and its result, metrics with their intervals and the protocol they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from geoglot.aliases import Progress
from geoglot.datasets.dataset import DataSet, Task
from geoglot.evaluation.metrics import Estimate
from geoglot.options import EvaluateOptions
from geoglot.tasks.refine.refiner import Refiner

_DIGITS = 6


@dataclass(frozen=True)
class Run:
    """A checked request for one measurement."""

    task: Task
    dataset: DataSet
    split: str
    options: EvaluateOptions
    refiner: Refiner | None
    progress: Progress | None

    @property
    def refine(self) -> str:
        """Name of the refiner."""
        return self.refiner.name if self.refiner else "none"


@dataclass(frozen=True)
class Measured:
    """Metrics of a run, everything that decides them, and notes."""

    metrics: dict[str, Estimate]
    facts: dict[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scorecard:
    """Metrics of one model on one data set by one protocol."""

    task: Task
    dataset: str
    model: str
    protocol: dict[str, Any]
    """Everything that decides the metrics, as JSON."""
    samples: int
    metrics: dict[str, Estimate]
    """Between 0 and 1."""
    notes: tuple[str, ...] = ()
    """Reasons why the metrics do not compare with published ones."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot evaluate --json`."""
        metrics = {
            name: {"value": _rounded(one.value), "low": _rounded(one.low), "high": _rounded(one.high)}
            for name, one in self.metrics.items()
        }
        return {
            "task": self.task, "dataset": self.dataset, "model": self.model, "protocol": self.protocol,
            "samples": self.samples, "metrics": metrics, "notes": list(self.notes),
        }  # fmt: skip

    def table(self) -> str:
        """The metrics as text, in percent, with their 95 % intervals."""
        width = max(len(name) for name in self.metrics)
        rows = [f"{name:<{width}}  {_percent(one)}" for name, one in self.metrics.items()]
        head = f"{self.task} of {self.dataset} by {self.model}, protocol {self.protocol['name']}, {self.samples} images"
        if sides := self.protocol.get("window_px"):
            head += f", windows of {' to '.join(str(side) for side in dict.fromkeys((sides[0], sides[-1])))} px"
        return "\n".join([head, "", *rows, *(f"note: {note}" for note in self.notes)])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _percent(one: Estimate) -> str:
    value = "     -" if one.value is None else f"{one.value:6.1%}"
    return value if one.low is None or one.high is None else f"{value}   {one.low:.1%} to {one.high:.1%}"
