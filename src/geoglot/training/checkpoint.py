"""Checkpoints: the state of a run in one safetensors file (weights, optimiser, EMA, step) that appears by a rename.

Random numbers follow from the recipe's seed and the step, so their state is not stored.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from geoglot.errors import InputError, ModelError, SourceError
from geoglot.models.file_checks import count_numbers
from geoglot.outputs.atomic import appears, check_folder, disk_errors
from geoglot.training.identity import differences

NAME = "checkpoint.safetensors"
BEST = "best.safetensors"
_SHOWN = 5  # differences that a message names
_MOMENTS = {"exp_avg", "exp_avg_sq", "step"}  # what AdamW keeps of each parameter


@dataclass
class TrainState:
    """Everything that a step of training changes."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    ema: nn.Module | None
    """Exponential moving average of the model's weights."""
    step: int = 0
    """Finished steps."""
    best: float | None = None
    """Best evaluation so far, of the weights in best.safetensors."""
    best_step: int = 0
    world_size: int = 1

    def update_best(self, value: float | None) -> bool:
        """Whether the weights that were just evaluated are the best so far; NaN counts as no value."""
        if value is None or math.isnan(value) or (self.best is not None and value <= self.best):
            return False
        self.best, self.best_step = value, self.step
        return True


def save(state: TrainState, identity: str, folder: Path) -> None:
    """Write a checkpoint from which the run resumes to the same bytes."""
    tensors = {f"model.{name}": value for name, value in state.model.state_dict().items()}
    if state.ema is not None:
        tensors |= {f"average.{name}": value for name, value in state.ema.state_dict().items()}
    for index, moments in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    header = {"step": str(state.step), "recipe": identity, "processes": str(state.world_size)}
    best = {} if state.best is None else {"best": repr(state.best), "best_step": str(state.best_step)}
    _write(folder / NAME, tensors, header | best)


def check_identity(identity: str, folder: Path, hint: str = "") -> bool:
    """Whether there is a checkpoint to resume from.

    Raises InputError, with a `hint` at what to do, if it belongs to a run with another identity.
    """
    path = folder / NAME
    if not path.exists():
        return False
    with _open(path) as file:
        stored = (file.metadata() or {}).get("recipe", "")
    if stored == identity:
        return True
    changed = differences(stored, identity)
    if not changed:
        raise InputError(
            f"{path} is of another recipe or of other data; give another output folder, or remove it to start again"
        )
    shown = ", ".join(f"{name} {change}" for name, change in list(changed.items())[:_SHOWN])
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    steps = "; the steps decide how the rate falls, so a run cannot be made longer" if "fit.steps" in changed else ""
    raise InputError(
        f"{path} is of another recipe or of other data: {shown}{more}{steps}; change that back to resume, "
        f"or give another output folder{hint or ' to start again'}"
    )


def load(state: TrainState, identity: str, folder: Path) -> bool:
    """Restore a run from its checkpoint; False if there is none. Raises InputError as `check_identity`."""
    path = folder / NAME
    if not check_identity(identity, folder):
        return False
    header, tensors = _read(path)
    try:
        state.model.load_state_dict(_strip(tensors, "model."))
        if state.ema is not None:
            state.ema.load_state_dict(_strip(tensors, "average."))
        state.optimiser.load_state_dict(_optimiser_state(state.optimiser, _strip(tensors, "optimiser.")))
        state.step = int(header["step"])
        state.world_size = int(header.get("processes", state.world_size))
        if "best" in header:
            state.best, state.best_step = float(header["best"]), int(header["best_step"])
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} does not fit this model ({error}); remove it to start again") from error
    if "best" in header and not (folder / BEST).is_file():
        raise SourceError(f"{folder / BEST} is missing, and {path} refers to it; remove {path} too to start again")
    return True


def save_best(state: TrainState, folder: Path) -> None:
    """Store the weights that were just evaluated."""
    _write(folder / BEST, (state.ema or state.model).state_dict())


def load_best(state: TrainState, folder: Path) -> None:
    """Restore the weights of the best evaluation, if any were stored."""
    if state.best is not None:
        try:
            (state.ema or state.model).load_state_dict(_read(folder / BEST)[1])
        except RuntimeError as error:
            raise InputError(f"{folder / BEST} does not fit this model ({error}); start again without it") from error


def _write(path: Path, tensors: Mapping[str, Tensor], header: dict[str, str] | None = None) -> None:
    contiguous = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    with appears(path) as temporary, disk_errors(path, SafetensorError):  # its own error for a full disk
        save_file(contiguous, temporary, header)


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    with _open(path) as file:
        return dict(file.metadata() or {}), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    check_folder(path)  # a link or a pipe is refused
    try:
        count_numbers(path)
        with safe_open(path, "pt") as file:
            yield file
    except (OSError, SafetensorError, MemoryError, ModelError) as error:
        raise SourceError(f"{path} cannot be read ({error}); remove it to start again") from error


def _strip(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _optimiser_state(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> dict[str, object]:
    moments: dict[int, dict[str, Tensor]] = {}
    shapes = [parameter.shape for group in optimiser.param_groups for parameter in group["params"]]
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        if not 0 <= int(index) < len(shapes) or value.shape not in ((), shapes[int(index)]):
            raise ValueError(f"optimiser.{name} has the shape {tuple(value.shape)}, which its parameter has not")
        moments.setdefault(int(index), {})[key] = value
    if other := [index for index, own in moments.items() if own.keys() != _MOMENTS]:
        raise ValueError(f"optimiser.{other[0]} must hold {', '.join(sorted(_MOMENTS))}")
    return {"state": moments, "param_groups": optimiser.state_dict()["param_groups"]}
