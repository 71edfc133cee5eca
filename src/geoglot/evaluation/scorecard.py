"""The request and the result of an evaluation."""

from dataclasses import asdict, dataclass
from typing import Any

from geoglot.aliases import Progress
from geoglot.datasets.dataset import DataSet
from geoglot.evaluation.metrics import Estimate
from geoglot.options import EvaluateOptions, Task
from geoglot.outputs.notebook.page import Page, Table
from geoglot.outputs.notebook.shown import Shown
from geoglot.tasks.ask.plan import Planner
from geoglot.tasks.refine.refiner import Refiner

_DIGITS = 6


@dataclass(frozen=True)
class Run:
    """A checked request."""

    task: Task
    dataset: DataSet
    split: str
    options: EvaluateOptions
    refiner: Refiner | None
    progress: Progress | None
    planner: Planner | None = None
    """Reads questions; None is the rules."""

    @property
    def refine(self) -> str:
        return self.refiner.name if self.refiner else "none"


@dataclass(frozen=True)
class Measured:
    """Metrics of a run."""

    metrics: dict[str, Estimate]
    facts: dict[str, Any]
    """Everything that decides the metrics, as JSON."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scorecard(Shown):
    """Metrics of a model on a data set by a protocol."""

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
            name: {end: None if value is None else round(value, _DIGITS) for end, value in asdict(estimate).items()}
            for name, estimate in self.metrics.items()
        }
        return {
            "task": self.task, "dataset": self.dataset, "model": self.model, "protocol": self.protocol,
            "samples": self.samples, "metrics": metrics, "notes": list(self.notes),
        }  # fmt: skip

    def page(self) -> Page:
        title = (
            f"{self.task} of {self.dataset} by {self.model}, protocol {self.protocol['name']}, {self.samples} images"
        )
        if sides := self.protocol.get("window_px"):
            title += f", windows of {' to '.join(str(side) for side in dict.fromkeys((sides[0], sides[-1])))} px"
        rows = [(name, *_to_percent(estimate)) for name, estimate in self.metrics.items()]
        return Page(title, [Table(("metric", "value", "95 % interval"), rows)], self.notes)

    def table(self) -> str:
        """The metrics as text, in percent, with their 95 % intervals."""
        page, width = self.page(), max(len(name) for name in self.metrics)
        rows = [f"{name:<{width}}  {value:>6}   {ends}".rstrip() for name, value, ends in page.tables[0].rows]
        return "\n".join([page.title, "", *rows, *(f"note: {note}" for note in self.notes)])


def _to_percent(estimate: Estimate) -> tuple[str, str]:
    """The value and the interval."""
    value = "-" if estimate.value is None else f"{estimate.value:.1%}"
    return value, "" if estimate.low is None or estimate.high is None else f"{estimate.low:.1%} to {estimate.high:.1%}"
