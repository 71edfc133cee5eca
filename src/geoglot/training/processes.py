"""Communication between the processes that torchrun started; a single process sends nothing."""

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
    """The number of this process, and how many there are. Each computes one part of every batch."""

    rank: int = 0
    world_size: int = 1

    def part_of(self, batch: int, step: int) -> range:
        """Positions, in the endless order of samples, of this process's part of the batch of a step."""
        each = batch // self.world_size
        first = step * batch + self.rank * each
        return range(first, first + each)


SINGLE = Process()
#: The others wait while the first process embeds a pair set's photos; torchrun ends them if it fails
_TIMEOUT = timedelta(days=7)


def is_main_process() -> bool:
    """Whether this process writes files and reports."""
    return os.environ.get("RANK", "0") == "0"


def own_device(name: str | None) -> torch.device:
    """As `choose_device`; of several GPUs, the one that torchrun assigns to this process."""
    device = choose_device(name)
    if str(device) == "cuda" and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


def seed_torch(*numbers: int) -> None:
    """Seed torch's global generators from these numbers, each 0 or above and of any size."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))


@contextmanager
def own_random_state(device: torch.device, *numbers: int) -> Iterator[None]:
    """Seed torch for the block, and give its generators back as they were."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        seed_torch(*numbers)
        yield


@contextmanager
def join_processes(device: torch.device) -> Iterator[Process]:
    """Join the other processes that torchrun started, if it did."""
    if "RANK" not in os.environ:
        yield SINGLE
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_TIMEOUT)
    try:
        yield Process(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def gather_rows(rows: Tensor) -> Tensor:
    """Concatenate the rows (row, ...) of all processes, without gradient. Each may have another number of rows."""
    if not dist.is_initialized():
        return rows
    count = torch.tensor([len(rows)], device=rows.device)
    counts = [torch.zeros_like(count) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, count)
    padded = rows.new_zeros(max(map(int, counts)), *rows.shape[1:])
    padded[: len(rows)] = rows
    gathered = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(gathered, padded)
    return torch.cat([part[: int(count)] for part, count in zip(gathered, counts, strict=True)])


def average_gradients(parameters: Sequence[Tensor]) -> None:
    """Replace every gradient by its mean over processes, in one message; a missing gradient counts as 0."""
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
    """Replace the running statistics of batch norms by their mean over processes, which saw different samples."""
    if not dist.is_initialized():
        return
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None:
            for statistic in (norm.running_mean, norm.running_var):
                dist.all_reduce(statistic)
                statistic /= dist.get_world_size()


def mean_over_processes(number: int | float, device: torch.device) -> Tensor:
    """Mean of a number over processes, as a float tensor."""
    mean = torch.tensor(float(number), device=device)
    if dist.is_initialized():
        mean = _where_it_is_summed(mean)
        dist.all_reduce(mean)
        mean /= dist.get_world_size()
    return mean.to(device)


def sum_over_processes(values: Tensor) -> Tensor:
    """Elementwise sum over processes, on the CPU."""
    if dist.is_initialized():
        values = _where_it_is_summed(values)
        dist.all_reduce(values)
    return values.cpu()


def _where_it_is_summed(values: Tensor) -> Tensor:
    """A tensor on the GPU if NCCL joins the processes, which sums nothing elsewhere."""
    return values.to("cuda") if dist.get_backend() == "nccl" else values
