"""The state of a run in one safetensors file that appears by rename: weights, optimiser, average, step.

Random numbers follow from the recipe's seed and the step, so there is no state of theirs to keep.
"""

from __future__ import annotations

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

from geoglot.errors import InputError, SourceError
from geoglot.outputs.atomic import appears, disk_errors
from geoglot.training.identity import differences

NAME = "checkpoint.safetensors"
BEST = "best.safetensors"
_TOLD = 5  # fields that a message names


@dataclass
class Run:
    """What training changes."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    average: nn.Module | None
    """The running mean of the model's weights."""
    step: int = 0
    """Steps done."""
    best: float | None = None
    """The best evaluation so far, of the weights in best.safetensors."""
    best_step: int = 0
    processes: int = 1
    """Those that share a batch."""


def save(run: Run, recipe: str, folder: Path) -> None:
    """Keep a run so that it goes on with the same bytes; `recipe` is the hash of what decides them."""
    tensors = {f"model.{name}": value for name, value in run.model.state_dict().items()}
    if run.average is not None:
        tensors |= {f"average.{name}": value for name, value in run.average.state_dict().items()}
    for index, state in run.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    _write(folder / NAME, tensors, _header(run, recipe))


def check(recipe: str, folder: Path, hint: str = "") -> bool:
    """Whether there is something to go on from; InputError for another recipe's, with a `hint` at what to do."""
    path = folder / NAME
    if not path.exists():
        return False
    with _opened(path) as file:
        found = file.metadata() or {}
    if found.get("recipe") != recipe:
        raise InputError(_other_recipe(path, differences(found.get("recipe", ""), recipe), hint))
    return True


def _other_recipe(path: Path, changed: Mapping[str, str], hint: str) -> str:
    """The sentence on a run that was begun otherwise."""
    if not changed:
        return f"{path} is of another recipe or of other data; give another output folder, or remove it to begin anew"
    told = ", ".join(f"{name} {change}" for name, change in list(changed.items())[:_TOLD])
    more = f" and {len(changed) - _TOLD} more" if len(changed) > _TOLD else ""
    steps = "; the steps decide how the rate falls, so a run is not lengthened" if "fit.steps" in changed else ""
    return (
        f"{path} is of another recipe or of other data: {told}{more}{steps}; change that back to go on, "
        f"or give another output folder{hint or ' to begin anew'}"
    )


def load(run: Run, recipe: str, folder: Path) -> bool:
    """Bring a run to where it was; False if there is nothing to go on from. InputError for another recipe's."""
    path = folder / NAME
    if not check(recipe, folder):
        return False
    header, tensors = _read(path)
    try:
        run.model.load_state_dict(_part(tensors, "model."))
        if run.average is not None:
            run.average.load_state_dict(_part(tensors, "average."))
        run.optimiser.load_state_dict(_optimiser_state(run.optimiser, _part(tensors, "optimiser.")))
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path} does not fit this model ({error}); remove it to begin anew") from error
    run.step = int(header["step"])
    run.processes = int(header.get("processes", run.processes))
    if "best" in header:
        if not (folder / BEST).is_file():
            raise SourceError(f"{folder / BEST} is missing, of which {path} speaks; remove {path} too, to begin anew")
        run.best, run.best_step = float(header["best"]), int(header["best_step"])
    return True


def _header(run: Run, recipe: str) -> dict[str, str]:
    best = {} if run.best is None else {"best": repr(run.best), "best_step": str(run.best_step)}
    return {"step": str(run.step), "recipe": recipe, "processes": str(run.processes), **best}


def keep_best(run: Run, value: float | None, folder: Path) -> None:
    """Keep the weights that were just evaluated, if no earlier ones were as good; NaN is no figure."""
    if value is None or math.isnan(value) or (run.best is not None and value <= run.best):
        return
    run.best, run.best_step = value, run.step
    _write(folder / BEST, (run.average or run.model).state_dict())


def load_best(run: Run, folder: Path) -> None:
    """Bring what was evaluated to its best weights, where any were kept."""
    if run.best is not None:
        (run.average or run.model).load_state_dict(_read(folder / BEST)[1])


def _write(path: Path, tensors: Mapping[str, Tensor], header: dict[str, str] | None = None) -> None:
    """Whole or not at all; what was there before stays if it cannot be written."""
    with appears(path) as temporary, disk_errors(path, SafetensorError):  # which says so of a full disk
        save_file(_contiguous(tensors), temporary, header)


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    with _opened(path) as file:
        return dict(file.metadata() or {}), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise SourceError(f"{path} cannot be read ({error}); remove it to begin anew") from error


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _optimiser_state(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> dict[str, object]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = value
    return {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
