"""The training loop: batch, gradient, optimiser step; from time to time an evaluation and a checkpoint."""

import copy
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from geoglot.aliases import Amount, Count, Part, Positive, Weight
from geoglot.errors import ModelError
from geoglot.training import checkpoint
from geoglot.training.chance import describe_useless
from geoglot.training.checkpoint import TrainState
from geoglot.training.curves import draw_curves
from geoglot.training.metrics_log import MetricsLog
from geoglot.training.objective import Objective
from geoglot.training.processes import (
    Process,
    average_gradients,
    average_statistics,
    own_random_state,
    sum_over_processes,
)
from geoglot.training.trackers import Track, open_trackers

logger = logging.getLogger(__name__)

_POWER = 0.9  # of the polynomial schedule


@dataclass(frozen=True)
class Fit:
    """Settings of the training loop."""

    steps: Count = 1000
    rate: Positive = 1e-5
    """Peak learning rate (lr)."""
    warmup: Part = 0.05
    """Share of the steps in which the lr rises from 0."""
    schedule: Literal["cosine", "poly"] = "cosine"
    """How the lr falls to 0 after that: half a cosine, or a polynomial of power 0.9 (DeepLab: Chen et al., 2016)."""
    weight_decay: Weight = 1e-2
    clip: Positive = 1.0
    """Largest norm of the gradient (grad_clip)."""
    average: Part = 0.0
    """Decay of the exponential moving average (EMA) of the weights; 0 for no EMA."""
    bfloat16: bool = False
    seed: Amount = 0
    checkpoint_every: Count = 500
    evaluate_every: Count = 500
    tensorboard: bool = False
    """Write the metrics for TensorBoard too."""
    track: Track | None = None
    """Send the metrics to Weights & Biases or to MLflow too, which must be installed; their own settings say where."""


Report = Callable[[int, int, Mapping[str, float]], None]
"""Called with the number of finished steps, the number of all steps, and the metrics of the step."""


def quiet(step: int, steps: int, metrics: Mapping[str, float]) -> None:
    """A `Report` that does nothing."""


@dataclass(frozen=True)
class Fitted:
    """A model at the end of its training."""

    model: nn.Module
    metrics: dict[str, int | float]
    """Metrics of the step that the weights are from; empty in a process that does not write."""
    notes: tuple[str, ...] = ()


Evaluated = Callable[[TrainState, bool], None]
"""Called after each evaluation with the state of the run, and whether these weights are the best so far."""


def fit(
    objective: Objective,
    settings: Fit,
    folder: Path,
    identity: str,
    process: Process,
    report: Report,
    evaluated: Evaluated | None = None,
) -> Fitted:
    """Train to the last step, from the checkpoint in `folder` if there is one.

    The EMA, if there is one, is evaluated and returned in place of the model. If the objective names a metric, the
    weights of the best evaluation are returned. Only the first process writes.

    Raises InputError for a checkpoint with another identity, and ModelError for training that diverges.
    """
    state = start(objective, settings)
    notes = _resume_notes(state, settings, process) if checkpoint.load(state, identity, folder) else []
    state.world_size = process.world_size
    main = process.rank == 0
    trackers = open_trackers(settings.track, folder, settings.tensorboard, state.step) if main else []
    log = MetricsLog(folder, state.step, trackers) if main else None
    began = ready = time.monotonic()
    with closing(log) if log else nullcontext():
        for batch in objective.batches(state.step, settings.steps):
            metrics = _step(state, objective, batch, settings, process)
            last = state.step == settings.steps
            evaluating = last or state.step % settings.evaluate_every == 0
            saving = last or state.step % settings.checkpoint_every == 0
            improved = False
            if evaluating or saving:
                _check_weights(state)
            count, unit = objective.batch
            metrics[f"{unit}_per_second"] = count / (time.monotonic() - ready)
            if evaluating:
                metrics |= objective.evaluate(state.ema or state.model)
                improved = main and state.update_best(metrics.get(objective.best))
                if state.best is not None:
                    metrics[f"best_{objective.best}"] = state.best
            metrics["seconds"] = round(time.monotonic() - began, 2)
            if log:
                log.add(state.step, metrics)
                if evaluating:
                    draw_curves(folder)
                    for sentence in describe_useless(metrics):
                        logger.warning("after %d of %d steps %s", state.step, settings.steps, sentence)
            report(state.step, settings.steps, metrics)
            if improved:
                checkpoint.save_best(state, folder)
            if main and evaluating and evaluated:
                evaluated(state, improved)
            if main and (saving or improved):  # a checkpoint refers to the best weights, which were just replaced
                checkpoint.save(state, identity, folder)
            ready = time.monotonic()
    checkpoint.load_best(state, folder)
    return Fitted(state.ema or state.model, log.read(state.best_step or state.step) if log else {}, tuple(notes))


def start(objective: Objective, settings: Fit) -> TrainState:
    """The state before the first step."""
    groups = [dict(group) for group in objective.groups(settings.weight_decay) if group["params"]]
    optimiser = torch.optim.AdamW(groups, lr=settings.rate)
    ema = copy.deepcopy(objective.model).requires_grad_(False) if settings.average else None
    return TrainState(objective.model, optimiser, ema)


def _resume_notes(state: TrainState, settings: Fit, process: Process) -> list[str]:
    if state.step == settings.steps:
        return []
    notes = [f"the run was resumed after {state.step:,} of {settings.steps:,} steps"]
    if state.world_size != process.world_size:
        notes.append(
            f"the run was started with {state.world_size} processes and resumed with {process.world_size}; each "
            "process draws random numbers of its own, so the weights are not the same bit by bit as with one number "
            "of processes throughout"
        )
    return notes


def _step(state: TrainState, objective: Objective, batch: Any, settings: Fit, process: Process) -> dict[str, float]:
    """Update the weights once; returns the metrics to log."""
    for group in state.optimiser.param_groups:
        group["lr"] = settings.rate * group["lr_scale"] * lr_factor(state.step, settings)
    parameters = [parameter for group in state.optimiser.param_groups for parameter in group["params"]]
    state.optimiser.zero_grad()
    try:
        with own_random_state(parameters[0].device, settings.seed, state.step, process.rank):
            metrics = dict(objective.backward(batch))  # seeded by the step, so that a resumed run draws the same
    except FloatingPointError as error:
        raise _diverged(state.step, str(error)) from None
    if process.world_size > 1:  # each tells of its own part of the batch
        sums = sum_over_processes(torch.tensor([*metrics.values()], dtype=torch.float64))
        metrics = dict(zip(metrics, (sums / process.world_size).tolist(), strict=True))
    average_gradients(parameters)
    average_statistics(state.model)
    metrics["gradient"] = float(nn.utils.clip_grad_norm_(parameters, settings.clip))
    if not (math.isfinite(metrics["loss"]) and math.isfinite(metrics["gradient"])):  # the step would spoil all weights
        what = f"the loss is {metrics['loss']:g} and the norm of its gradient {metrics['gradient']:g}"
        raise _diverged(state.step, what)
    state.optimiser.step()
    state.step += 1
    _update_ema(state, settings.average)
    return metrics | {"rate": state.optimiser.param_groups[0]["lr"]}


def lr_factor(step: int, settings: Fit) -> float:
    """Learning rate as a share of its peak: a linear rise, then the schedule's way down to 0."""
    warmup = round(settings.warmup * settings.steps)
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, settings.steps - warmup)
    return float((1 - done) ** _POWER) if settings.schedule == "poly" else 0.5 * (1 + math.cos(math.pi * done))


def _check_weights(state: TrainState) -> None:
    """Raise ModelError before weights that are not finite are evaluated, or replace a good checkpoint."""
    for model in filter(None, (state.model, state.ema)):
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise _diverged(state.step, f"{name} is no longer finite")


def _diverged(step: int, what: str) -> ModelError:
    return ModelError(
        f"after {step} {'step' if step == 1 else 'steps'} {what}; "
        "lower fit.rate or lengthen fit.warmup, and train again in another output folder"
    )


@torch.no_grad()
def _update_ema(state: TrainState, decay: float) -> None:
    """Move the EMA towards the weights; early steps use a smaller decay, so that the random start is forgotten."""
    if state.ema is None:
        return
    decay = min(decay, state.step / (state.step + 10))
    for mean, current in zip(state.ema.parameters(), state.model.parameters(), strict=True):
        mean.lerp_(current, 1 - decay)
    for kept, counted in zip(state.ema.buffers(), state.model.buffers(), strict=True):
        kept.copy_(counted)
