"""Fit a few parameters to what stands still, and keep the running mean of what was learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from train import rates

AVERAGING = 0.98


@dataclass(frozen=True)
class Group:
    """Parameters that learn at one rate."""

    parameters: Sequence[nn.Parameter]
    rate: float


def settle(groups: Sequence[Group], loss_of: Callable[[int], Tensor], steps: int, decay: float) -> None:
    """Minimise the loss of each step, which may bound parameters first; what stays in them is their running mean."""
    optimiser = torch.optim.AdamW([{"params": [*group.parameters]} for group in groups], weight_decay=decay)
    learned = [parameter for group in groups for parameter in group.parameters]
    mean = [parameter.detach().clone() for parameter in learned]
    for step in range(steps):
        loss = loss_of(step)
        for group, known in zip(groups, optimiser.param_groups, strict=True):
            known["lr"] = group.rate * rates(step / steps)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        with torch.no_grad():
            for kept, parameter in zip(mean, learned, strict=True):
                kept.lerp_(parameter, 1 - min(AVERAGING, step / (step + 10)))
        if step % 50 == 0:
            print(f"step {step}  loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        for kept, parameter in zip(mean, learned, strict=True):
            parameter.copy_(kept)
