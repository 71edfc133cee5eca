"""The steps of a training: learning rates with a peak for each group, the EMA of the weights, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

_PARTS = ("network", "optimiser", "average")


@dataclass(frozen=True)
class Schedule:
    """Settings of the steps of a stage."""

    steps: int
    lr: float
    trunk_lr: float
    weight_decay: float
    ema: float
    seed: int = 0


def lr_scale(progress: float) -> float:
    """Warm-up over 5 %, then a cosine to zero."""
    return min(1.0, progress / 0.05) * 0.5 * (1 + float(np.cos(min(progress, 1.0) * np.pi)))


class Steps:
    """A network, its optimiser and the EMA of its weights; goes on at its checkpoint."""

    def __init__(self, network: nn.Module, trunk: Iterable[nn.Parameter], schedule: Schedule, checkpoint: Path) -> None:
        self.network, self.schedule, self.checkpoint, self.done = network, schedule, checkpoint, 0
        slow = [parameter for parameter in trunk if parameter.requires_grad]
        known = {id(parameter) for parameter in slow}
        fast = [
            parameter for parameter in network.parameters() if parameter.requires_grad and id(parameter) not in known
        ]
        groups = [{"params": slow, "peak": schedule.trunk_lr}, {"params": fast, "peak": schedule.lr}]
        self.optimiser = torch.optim.AdamW(groups, lr=schedule.lr, weight_decay=schedule.weight_decay)
        mean = torch.optim.swa_utils.get_ema_multi_avg_fn(schedule.ema)
        self.average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=mean, use_buffers=True)
        if checkpoint.exists():
            state = torch.load(checkpoint, weights_only=True)
            self.done = state["step"]
            for name in _PARTS:
                getattr(self, name).load_state_dict(state[name])
        self._began, self._first = time.monotonic(), self.done

    def save(self) -> None:
        """Write the checkpoint; an interrupted write leaves the one before."""
        parts = {name: getattr(self, name).state_dict() for name in _PARTS}
        torch.save({"step": self.done, **parts}, self.checkpoint.with_suffix(".part"))
        self.checkpoint.with_suffix(".part").replace(self.checkpoint)

    def descend(self, loss: Tensor) -> None:
        """Change the weights along the gradient of a loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * lr_scale(self.done / self.schedule.steps)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()

    def count(self) -> None:
        """Take the weights into the EMA: the step is done."""
        self.average.update_parameters(self.network)
        self.done += 1

    def pace(self) -> str:
        """Seconds a step, and minutes left, of this process."""
        pace = (time.monotonic() - self._began) / max(1, self.done - self._first)
        return f"{pace:.2f} s a step, {pace * (self.schedule.steps - self.done) / 60:.0f} minutes left"

    def averaged(self) -> dict[str, Tensor]:
        """The EMA of the weights and statistics, by name."""
        state = self.average.state_dict()
        return {name.removeprefix("module."): v for name, v in state.items() if name.startswith("module.")}
