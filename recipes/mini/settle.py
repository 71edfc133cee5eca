"""Fit the text tower, or another small set of parameters, to image vectors that stand still."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from lessons import Config, compare
from steps import lr_scale
from student import Student
from torch import Tensor, nn
from views import Source, draw_views

EMA = 0.98
CHANGE_LR = 4e-4  # of token vectors; the other parameters learn at the rate of the settings


@dataclass(frozen=True)
class Group:
    """Parameters with one learning rate."""

    parameters: Sequence[nn.Parameter]
    lr: float


def settle(groups: Sequence[Group], loss_of: Callable[[int], Tensor], steps: int, weight_decay: float) -> None:
    """Minimise the loss of each step, which may clamp parameters first; the parameters end as their EMA."""
    optimiser = torch.optim.AdamW([{"params": [*group.parameters]} for group in groups], weight_decay=weight_decay)
    learned = [parameter for group in groups for parameter in group.parameters]
    mean = [parameter.detach().clone() for parameter in learned]
    for step in range(steps):
        loss = loss_of(step)
        for group, known in zip(groups, optimiser.param_groups, strict=True):
            known["lr"] = group.lr * lr_scale(step / steps)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        with torch.no_grad():
            for kept, parameter in zip(mean, learned, strict=True):
                kept.lerp_(parameter, 1 - min(EMA, step / (step + 10)))
        if step % 50 == 0:
            print(f"step {step}  loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        for kept, parameter in zip(mean, learned, strict=True):
            parameter.copy_(kept)


def refine_texts(student: Student, source: Source, config: Config) -> None:
    """Fit the text tower and the logit scale to the views.

    Token vectors change slowly, so that a word that training reads stays near those that it does not read.
    """
    torch.manual_seed(config.seed)

    def loss_of(step: int) -> Tensor:
        student.bound()
        chosen, seen = draw_views(source, config.batch, config.seed, step)
        return compare(student, seen, source.lessons, chosen, config, step)

    text = [*student.mini.text.parameters(), student.log_scale]
    groups = [Group(text, config.lr), Group([student.change.weight], CHANGE_LR)]
    settle(groups, loss_of, config.steps, config.weight_decay)
    student.bound()
