"""Checkpoints that somebody changed are refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from geoglot.errors import InputError
from geoglot.training import checkpoint
from stubs import stepped_state


@pytest.mark.parametrize("change", [{"step": "x"}, {"step": None}, {"processes": "two"}, {"best": ""}])
def test_a_header_that_is_not_ours(change: dict[str, str | None], tmp_path: Path) -> None:
    checkpoint.save(stepped_state(), "{}", tmp_path)
    with safe_open(tmp_path / checkpoint.NAME, "pt") as file:
        header, tensors = dict(file.metadata()), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    kept = {name: value for name, value in {**header, **change}.items() if value is not None}
    save_file(tensors, tmp_path / checkpoint.NAME, kept)
    with pytest.raises(InputError, match="does not fit this model"):
        checkpoint.load(stepped_state(), "{}", tmp_path)


@pytest.mark.parametrize("name", ["optimiser.0.exp_avg", "optimiser.9.exp_avg", "optimiser.x.step"])
def test_moments_of_another_parameter(name: str, tmp_path: Path) -> None:
    checkpoint.save(stepped_state(), "{}", tmp_path)
    with safe_open(tmp_path / checkpoint.NAME, "pt") as file:
        header, tensors = dict(file.metadata()), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors | {name: torch.zeros(5)}, tmp_path / checkpoint.NAME, header)
    with pytest.raises(InputError, match="does not fit this model"):
        checkpoint.load(stepped_state(), "{}", tmp_path)


@pytest.mark.parametrize("name", ["exp_avg", "step"])
def test_moments_of_which_one_has_another_name(name: str, tmp_path: Path) -> None:
    checkpoint.save(stepped_state(), "{}", tmp_path)
    with safe_open(tmp_path / checkpoint.NAME, "pt") as file:
        header, tensors = dict(file.metadata()), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    tensors["optimiser.0.moment"] = tensors.pop(f"optimiser.0.{name}")
    save_file(tensors, tmp_path / checkpoint.NAME, header)
    with pytest.raises(InputError, match="must hold exp_avg, exp_avg_sq, step"):
        checkpoint.load(stepped_state(), "{}", tmp_path)


def test_the_best_weights_of_another_model(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(1)}, tmp_path / checkpoint.BEST)
    with pytest.raises(InputError, match="does not fit this model"):
        checkpoint.load_best(stepped_state(), tmp_path)
