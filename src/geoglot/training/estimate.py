"""How long a recipe will take on this machine, measured by a few of its own steps."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from geoglot.recipe import read_recipe
from geoglot.training.crops import CropBatch, CropLoader
from geoglot.training.loop import start
from geoglot.training.mask_objective import SegmentObjective
from geoglot.training.processes import own_device, own_random_state
from geoglot.training.train_segment import SegmentRecipe, build, read_splits

_STEPS = 3  # that are timed, after one that warms up
_BUSY = 2.0  # times the processor time that a step takes
_LESS, _MORE = 0.7, 1.6  # an estimate is about this good while nothing else runs


@dataclass(frozen=True)
class Estimate:
    """The time of a training run, in seconds."""

    seconds: float
    low: float
    high: float
    basis: str
    """What was measured, and what would change it."""

    def to_json(self) -> dict[str, Any]:
        """A part of the document of `geoglot train init --json`."""
        return {name: round(value) if isinstance(value, float) else value for name, value in asdict(self).items()}


def estimate(recipe: Path, device: str | None = None) -> Estimate:
    """Time some steps of a recipe on its own images, and the evaluation of one image; nothing is written."""
    asked, place = read_recipe(recipe, SegmentRecipe), own_device(device)
    splits = read_splits(asked.data)
    with own_random_state(place, asked.fit.seed):
        model = build(asked, recipe.parent, splits[0]).to(place)
        validation = splits[1].take([0]) if len(splits) > 1 else None
        loader = CropLoader(splits[0], asked.crops)
        objective = SegmentObjective(
            model, loader, validation, asked.loss, bfloat16=asked.fit.bfloat16, memory=asked.memory
        )
        optimiser = start(objective, asked.fit).optimiser
        used = time.process_time()
        steps = list(_time_steps(objective, optimiser, place))
        alone = (time.process_time() - used) / torch.get_num_threads() / len(steps)
        step = statistics.median(steps[1:])
        began = time.monotonic()
        objective.evaluate(model)
        image = time.monotonic() - began
    evaluations = -(-asked.fit.steps // asked.fit.evaluate_every)
    images = len(splits[1]) if len(splits) > 1 else 0
    seconds = asked.fit.steps * step + evaluations * images * image
    basis = (
        f"measured with your images on {place.type}: {step:.2g} s a step, the median of {_STEPS}, and {image:.2g} s an "
        "image of val; other work on this machine makes it longer"
    )
    is_busy = place.type == "cpu" and step > _BUSY * alone
    if is_busy:
        basis += f"; other work takes most of this machine now, and alone a step may take {alone:.2g} s"
    return Estimate(seconds, _LESS * seconds * (alone / step if is_busy else 1), _MORE * seconds, basis)


def _time_steps(objective: SegmentObjective, optimiser: torch.optim.Optimizer, device: torch.device) -> Iterator[float]:
    """Seconds of each step: of the batch, its gradient and the update."""
    began = time.monotonic()
    for batch in objective.batches(0, 1 + _STEPS):
        _step(objective, optimiser, batch)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        yield time.monotonic() - began
        began = time.monotonic()


def _step(objective: SegmentObjective, optimiser: torch.optim.Optimizer, batch: CropBatch) -> None:
    optimiser.zero_grad()
    objective.backward(batch)
    optimiser.step()
