"""The loop: batch, loss, gradient, step, and now and then a look at the validation set and a checkpoint."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from geoglot.errors import MissingExtraError
from geoglot.outputs.files import write_bytes
from geoglot.training import checkpoint
from geoglot.training.checkpoint import Run
from geoglot.training.processes import average_gradients

METRICS = "metrics.jsonl"


@dataclass(frozen=True)
class Fit:
    """How a model is fitted, whatever its objective."""

    steps: int = 1000
    rate: float = 1e-5
    """Peak learning rate."""
    warmup: float = 0.05
    """Share of the steps in which the rate rises from 0; then it falls to 0 along a cosine."""
    weight_decay: float = 1e-2
    clip: float = 1.0
    """Largest norm of the gradient."""
    average: float = 0.0
    """Share that the running mean of the weights keeps at each step; 0 keeps no mean."""
    bfloat16: bool = False
    seed: int = 0
    checkpoint_every: int = 500
    evaluate_every: int = 500
    tensorboard: bool = False
    """Also write what is logged for TensorBoard, beside the metrics."""


@runtime_checkable
class Objective(Protocol):
    """What is fitted: a model, its batches, and the gradient of its loss."""

    @property
    def model(self) -> nn.Module:
        """What is fitted."""
        ...

    def batches(self, first_step: int, steps: int) -> Iterator[Any]:
        """The batches of steps first_step..steps-1, the same whenever they are asked for."""
        ...

    def backward(self, batch: Any) -> Mapping[str, float]:
        """Add the gradient of the mean loss of a batch; returns what is to be logged, the loss under "loss"."""
        ...

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Figures on the validation set; empty without one."""
        ...


Report = Callable[[int, int, Mapping[str, float]], None]
"""Called with the steps done, the steps in all, and what was logged."""


def fit(objective: Objective, settings: Fit, folder: Path, recipe: str, main: bool, report: Report) -> nn.Module:
    """Train to the end, from the last checkpoint in `folder` if it is of the same recipe; returns the model.

    With an average its weights are the ones that are returned and evaluated. `main`: whether this process writes.
    """
    run = start(objective.model, settings)
    checkpoint.load(run, recipe, folder)
    log = _Log(folder / METRICS, run.step) if main else None
    board = _board(folder, run.step) if main and settings.tensorboard else None
    parameters = [parameter for group in run.optimiser.param_groups for parameter in group["params"]]
    began = time.monotonic()
    for batch in objective.batches(run.step, settings.steps):
        for group in run.optimiser.param_groups:
            group["lr"] = settings.rate * rate(run.step, settings)
        run.optimiser.zero_grad()
        figures = dict(objective.backward(batch))
        average_gradients(parameters)
        figures["gradient"] = float(nn.utils.clip_grad_norm_(parameters, settings.clip))
        run.optimiser.step()
        run.step += 1
        _follow(run, settings.average)
        last = run.step == settings.steps
        if run.step % settings.evaluate_every == 0 or last:
            figures |= objective.evaluate(run.average or run.model)
        figures |= {"rate": run.optimiser.param_groups[0]["lr"], "seconds": round(time.monotonic() - began, 2)}
        if log:
            log.add(run.step, figures)
        if board:
            for name, value in figures.items():
                board.add_scalar(name, value, run.step)
        report(run.step, settings.steps, figures)
        if main and (run.step % settings.checkpoint_every == 0 or last):
            checkpoint.save(run, recipe, folder)
    return run.average or run.model


def start(model: nn.Module, settings: Fit) -> Run:
    """A run before its first step. Gains, biases and single numbers do not decay, as in CLIP."""
    torch.manual_seed(settings.seed)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.rate)
    return Run(model, optimiser, copy.deepcopy(model).requires_grad_(False) if settings.average else None)


def rate(step: int, settings: Fit) -> float:
    """Share of the peak rate: a linear rise, then half a cosine down to 0."""
    rising = max(1, round(settings.warmup * settings.steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, settings.steps - rising)))


@torch.no_grad()
def _follow(run: Run, keep: float) -> None:
    """Move the average towards the weights; early on it keeps less, so that the start is forgotten."""
    if run.average is None:
        return
    keep = min(keep, run.step / (run.step + 10))
    pairs = zip(run.average.parameters(), run.model.parameters(), strict=True)
    for mean, now in pairs:
        mean.lerp_(now, 1 - keep)


def _board(folder: Path, step: int) -> Any:
    """TensorBoard's writer; what a killed run showed after its last checkpoint is taken back."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError("tensorboard", "tensorboard") from error
    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)


class _Log:
    """A line of JSON a step. What a killed run wrote after its last checkpoint is dropped: it is done again."""

    def __init__(self, path: Path, step: int) -> None:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
        write_bytes(path, "".join(f"{line}\n" for line in kept).encode())
        self._path = path

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **figures}) + "\n")
