"""One process or many: what torchrun says, and what is shared between them. With one, nothing is sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from geoglot.models.zoo import choose_device


@dataclass(frozen=True)
class Process:
    """Which part of every batch this process takes."""

    rank: int = 0
    world_size: int = 1


SINGLE = Process()
#: The others wait while the first process embeds a pair set's photos; torchrun ends them if it fails
_PATIENCE = timedelta(days=7)


def is_main_process() -> bool:
    """Whether this process is the one that writes and tells."""
    return os.environ.get("RANK", "0") == "0"


def own_device(name: str) -> torch.device:
    """As `choose_device`; of several GPUs the one that torchrun means for this process."""
    device = choose_device(name)
    if str(device) == "cuda" and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


def seed_torch(*numbers: int) -> None:
    """Let what torch draws next follow from these numbers alone, each 0 or above, however large."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))


@contextmanager
def join_processes(device: torch.device) -> Iterator[Process]:
    """Join the others that torchrun started, if it did; gives this process's share of every batch."""
    if "RANK" not in os.environ:
        yield SINGLE
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Process(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def gather_rows(rows: Tensor) -> Tensor:
    """The rows (row, ...) of all processes one after the other; without gradient. Their numbers may differ."""
    if not dist.is_initialized():
        return rows
    mine = torch.tensor([len(rows)], device=rows.device)
    counts = [torch.zeros_like(mine) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, mine)
    longest = max(int(count) for count in counts)
    padded = rows.new_zeros(longest, *rows.shape[1:])
    padded[: len(rows)] = rows
    everyone = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(everyone, padded)
    return torch.cat([part[: int(count)] for part, count in zip(everyone, counts, strict=True)])


def average_gradients(parameters: Sequence[Tensor]) -> None:
    """Replace every gradient by its mean over processes, in one message; one that a process has not is 0 there."""
    if not dist.is_initialized():
        return
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([grad.flatten() for grad in grads])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    parts = torch.split(flat, [grad.numel() for grad in grads])
    for grad, part in zip(grads, parts, strict=True):
        grad.copy_(part.view_as(grad))


def average_statistics(model: nn.Module) -> None:
    """Replace what batch norms have counted by its mean over processes: each saw another share of the batch."""
    if not dist.is_initialized():
        return
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None:
            for counted in (norm.running_mean, norm.running_var):
                dist.all_reduce(counted)
                counted /= dist.get_world_size()


def mean_over_processes(number: int | float, device: torch.device) -> Tensor:
    """The mean of a number over processes, as a float."""
    mean = torch.tensor(float(number), device=device)
    if dist.is_initialized():
        dist.all_reduce(mean)
        mean /= dist.get_world_size()
    return mean


def sum_over_processes(values: Tensor) -> Tensor:
    """The sum of what each process has."""
    if dist.is_initialized():
        values = values.to("cuda") if dist.get_backend() == "nccl" else values
        dist.all_reduce(values)
    return values.cpu()
