"""The result of an evaluation: figures with their intervals, and the protocol that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from geoglot.datasets.dataset import Task
from geoglot.evaluation.metrics import Estimate

_DIGITS = 6


@dataclass(frozen=True)
class Scorecard:
    """One model on one data set by one protocol."""

    task: Task
    dataset: str
    model: str
    protocol: dict[str, Any]
    """Everything that decides the figures, as JSON."""
    samples: int
    metrics: dict[str, Estimate]
    """Shares of 1."""
    notes: tuple[str, ...] = ()
    """What keeps the figures from being compared with published ones."""

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
        """The figures for people, in percent, with their 95 % intervals."""
        width = max(len(name) for name in self.metrics)
        rows = [
            f"{name:<{width}}  {_percent(one.value)}   {_interval(one)}".rstrip() for name, one in self.metrics.items()
        ]
        head = f"{self.task} of {self.dataset} by {self.model}, protocol {self.protocol['name']}, {self.samples} images"
        if sides := self.protocol.get("window_px"):
            head += f", windows of {' to '.join(str(side) for side in dict.fromkeys((sides[0], sides[-1])))} px"
        return "\n".join([head, "", *rows, *(f"note: {note}" for note in self.notes)])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _percent(value: float | None) -> str:
    return "     -" if value is None else f"{value:6.1%}"


def _interval(one: Estimate) -> str:
    return "" if one.low is None or one.high is None else f"{one.low:.1%} to {one.high:.1%}"
