"""The objective of a training loop: a model, its batches and the gradient of its loss."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypedDict, runtime_checkable

from torch import nn


class ParameterGroup(TypedDict):
    """Parameters with the same weight decay and learning rate."""

    params: list[nn.Parameter]
    weight_decay: float
    lr_scale: float
    """Factor of the scheduled learning rate."""


def decay_groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[ParameterGroup]:
    """Parameters with and without weight decay; as in CLIP, gains, biases and scalars have none."""
    learned = [parameter for parameter in parameters if parameter.requires_grad]
    return [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": weight_decay, "lr_scale": 1.0},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0, "lr_scale": 1.0},
    ]


@runtime_checkable
class Objective(Protocol):
    """A model with its batches and its loss."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def batch(self) -> tuple[int, str]:
        """Size of a batch over all processes, and the unit: 256, "tiles"."""
        ...

    @property
    def best(self) -> str:
        """Name of the metric whose highest value selects the weights to keep; empty to keep the last weights."""
        ...

    def groups(self, weight_decay: float) -> list[ParameterGroup]: ...

    def batches(self, first_step: int, stop: int) -> Iterator[Any]:
        """Batches of steps first_step..stop-1; the batch of a step is the same in every call."""
        ...

    def backward(self, batch: Any) -> Mapping[str, float]:
        """Add the gradient of the mean loss of a batch. Returns the metrics to log, with the loss as "loss"; of several
        processes each returns those of its own part, or the mean over all.

        Raises FloatingPointError where numbers that are not finite leave no gradient.
        """
        ...

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Metrics on the validation set; empty if there is none."""
        ...
