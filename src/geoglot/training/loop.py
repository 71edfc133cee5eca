"""The loop: batch, loss, gradient, step, and now and then a look at the validation set and a checkpoint."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypedDict, runtime_checkable

import torch
from torch import nn

from geoglot.aliases import Amount, Count, Part, Positive, Weight
from geoglot.errors import MissingExtraError, ModelError
from geoglot.outputs.atomic import disk_errors, write_bytes
from geoglot.training import checkpoint
from geoglot.training.checkpoint import Run
from geoglot.training.processes import Process, average_gradients, average_statistics, seed_torch

METRICS = "metrics.jsonl"
_POWER = 0.9  # of the polynomial schedule


@dataclass(frozen=True)
class Fit:
    """How a model is fitted, whatever its objective."""

    steps: Count = 1000
    rate: Positive = 1e-5
    """Peak learning rate."""
    warmup: Part = 0.05
    """Share of the steps in which the rate rises from 0; then it falls to 0 again."""
    schedule: Literal["cosine", "poly"] = "cosine"
    """How it falls: along half a cosine, or by a polynomial of power 0.9 (DeepLab: Chen et al., 2016)."""
    weight_decay: Weight = 1e-2
    clip: Positive = 1.0
    """Largest norm of the gradient."""
    average: Part = 0.0
    """Share that the running mean of the weights keeps at each step; 0 keeps no mean."""
    bfloat16: bool = False
    seed: Amount = 0
    checkpoint_every: Count = 500
    evaluate_every: Count = 500
    tensorboard: bool = False
    """Also write what is logged for TensorBoard, beside the metrics."""


class Group(TypedDict):
    """Parameters that learn alike."""

    params: list[nn.Parameter]
    weight_decay: float
    lr_scale: float
    """Of the learning rate."""


@runtime_checkable
class Objective(Protocol):
    """What is fitted: a model, its batches, and the gradient of its loss."""

    @property
    def model(self) -> nn.Module:
        """What is fitted."""
        ...

    @property
    def batch(self) -> tuple[int, str]:
        """How much a step takes over all processes, and of what: 256, "tiles"."""
        ...

    @property
    def best(self) -> str:
        """Which of the figures of `evaluate` decides the best weights, the larger the better; empty for none."""
        ...

    def groups(self, weight_decay: float) -> list[Group]:
        """What is learned, and how."""
        ...

    def batches(self, first_step: int, steps: int) -> Iterator[Any]:
        """The batches of steps first_step..steps-1, the same whenever they are asked for."""
        ...

    def backward(self, batch: Any) -> Mapping[str, float]:
        """Add the gradient of the mean loss of a batch; returns what is to be logged, the loss under "loss".

        FloatingPointError where there is none, for numbers that are not finite.
        """
        ...

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Figures on the validation set; empty without one."""
        ...


Report = Callable[[int, int, Mapping[str, float]], None]
"""Called with the steps done, the steps in all, and what was logged."""


def quiet(step: int, steps: int, figures: Mapping[str, float]) -> None:
    """The report to nobody."""


@dataclass(frozen=True)
class Fitted:
    """A model at the end of its training."""

    model: nn.Module
    figures: dict[str, int | float]
    """What was logged of the step that its weights are of; empty in a process that does not write."""
    notes: tuple[str, ...] = ()


def fit(objective: Objective, settings: Fit, folder: Path, recipe: str, process: Process, report: Report) -> Fitted:
    """Train to the end, from the last checkpoint in `folder` if it is of the same recipe.

    With an average its weights are the ones that are returned and evaluated; with a figure that decides, those of the
    best evaluation are returned. The first process writes.
    """
    run = start(objective, settings)
    notes = _notes(run, settings, process) if checkpoint.load(run, recipe, folder) else []
    run.processes = process.world_size
    main = process.rank == 0
    log = _Log(folder, run.step, settings.tensorboard) if main else None
    began = ready = time.monotonic()
    for batch in objective.batches(run.step, settings.steps):
        figures = _step(run, objective, batch, settings, process)
        last = run.step == settings.steps
        judged = run.step % settings.evaluate_every == 0 or last
        kept = run.step % settings.checkpoint_every == 0 or last
        if judged or kept:
            _check_weights(run)
        count, unit = objective.batch
        figures[f"{unit}_per_second"] = count / (time.monotonic() - ready)
        if judged:
            figures |= objective.evaluate(run.average or run.model)
            if main:
                checkpoint.keep_best(run, figures.get(objective.best), folder)
            if run.best is not None:
                figures[f"best_{objective.best}"] = run.best
        figures["seconds"] = round(time.monotonic() - began, 2)
        if log:
            log.add(run.step, figures)
        report(run.step, settings.steps, figures)
        if main and kept:
            checkpoint.save(run, recipe, folder)
        ready = time.monotonic()
    checkpoint.load_best(run, folder)
    return Fitted(run.average or run.model, log.of(run.best_step or run.step) if log else {}, tuple(notes))


def _notes(run: Run, settings: Fit, process: Process) -> list[str]:
    """What a user should know of a run that goes on."""
    if run.step == settings.steps:
        return []
    notes = [f"the run went on after {run.step:,} of {settings.steps:,} steps"]
    if run.processes != process.world_size:
        notes.append(
            f"the run was begun on {run.processes} processes and went on with {process.world_size}: each draws random "
            "numbers of its own, so the weights are not those, bit by bit, of a run on as many throughout"
        )
    return notes


def _step(run: Run, objective: Objective, batch: Any, settings: Fit, process: Process) -> dict[str, float]:
    """One step of the optimiser; returns what is to be logged."""
    seed_torch(settings.seed, run.step, process.rank)  # so that what is drawn is the same after a restart
    for group in run.optimiser.param_groups:
        group["lr"] = settings.rate * group["lr_scale"] * lr_factor(run.step, settings)
    parameters = [parameter for group in run.optimiser.param_groups for parameter in group["params"]]
    run.optimiser.zero_grad()
    try:
        figures = dict(objective.backward(batch))
    except FloatingPointError as error:
        raise _diverged(run.step, str(error)) from None
    average_gradients(parameters)
    average_statistics(run.model)
    figures["gradient"] = float(nn.utils.clip_grad_norm_(parameters, settings.clip))
    _check_finite(figures, run.step)
    run.optimiser.step()
    run.step += 1
    _follow(run, settings.average)
    return figures | {"rate": run.optimiser.param_groups[0]["lr"]}


def start(objective: Objective, settings: Fit) -> Run:
    """A run before its first step."""
    groups = [dict(group) for group in objective.groups(settings.weight_decay) if group["params"]]
    optimiser = torch.optim.AdamW(groups, lr=settings.rate)
    average = copy.deepcopy(objective.model).requires_grad_(False) if settings.average else None
    return Run(objective.model, optimiser, average)


def decay_groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[Group]:
    """One rate for all; gains, biases and single numbers do not decay, as in CLIP."""
    learned = [parameter for parameter in parameters if parameter.requires_grad]
    return [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": weight_decay, "lr_scale": 1.0},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0, "lr_scale": 1.0},
    ]


def lr_factor(step: int, settings: Fit) -> float:
    """Share of the peak rate: a linear rise, then the schedule's way down to 0."""
    rising = round(settings.warmup * settings.steps)
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, settings.steps - rising)
    return float((1 - done) ** _POWER) if settings.schedule == "poly" else 0.5 * (1 + math.cos(math.pi * done))


def _check_finite(figures: Mapping[str, float], step: int) -> None:
    """ModelError before a step that would make all weights NaN; the last checkpoint is from before."""
    if not (math.isfinite(figures["loss"]) and math.isfinite(figures["gradient"])):
        raise _diverged(step, f"the loss is {figures['loss']:g} and its gradient {figures['gradient']:g}")


def _check_weights(run: Run) -> None:
    """ModelError before weights that are no numbers would be judged, or kept in place of good ones."""
    parts = [run.model, *([run.average] if run.average is not None else [])]
    for name, tensor in (named for part in parts for named in part.state_dict().items()):
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise _diverged(run.step, f"{name} is no longer finite")


def _diverged(step: int, what: str) -> ModelError:
    return ModelError(
        f"after {step} {'step' if step == 1 else 'steps'} {what}; "
        "lower fit.rate or lengthen fit.warmup, and train anew in another output folder"
    )


@torch.no_grad()
def _follow(run: Run, keep: float) -> None:
    """Move the average towards the weights; early on it keeps less, so that the start is forgotten."""
    if run.average is None:
        return
    keep = min(keep, run.step / (run.step + 10))
    for mean, now in zip(run.average.parameters(), run.model.parameters(), strict=True):
        mean.lerp_(now, 1 - keep)
    for kept, current in zip(run.average.buffers(), run.model.buffers(), strict=True):
        kept.copy_(current)


def check_extras(settings: Fit) -> None:
    """MissingExtraError for what a recipe asks for and is not installed."""
    if settings.tensorboard:
        _writer_class()


def _writer_class() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError("tensorboard", "tensorboard") from error
    return SummaryWriter


def _board(folder: Path, step: int) -> Any:
    """TensorBoard's writer; what a killed run showed after its last checkpoint is taken back."""
    return _writer_class()(str(folder / "tensorboard"), purge_step=step + 1)


class _Log:
    """A line of JSON a step. What a killed run wrote after its last checkpoint is dropped: it is done again."""

    def __init__(self, folder: Path, step: int, tensorboard: bool) -> None:
        self._path = folder / METRICS
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
        write_bytes(self._path, "".join(f"{line}\n" for line in kept).encode())
        self._board = _board(folder, step) if tensorboard else None

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        with disk_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **figures}) + "\n")
        if self._board:
            for name, value in figures.items():
                self._board.add_scalar(name, value, step)

    def of(self, step: int) -> dict[str, int | float]:
        """What was logged of a step."""
        with self._path.open(encoding="utf-8") as file:
            return next(row for row in map(json.loads, file) if row["step"] == step)
