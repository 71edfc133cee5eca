"""How long a run will take on this machine: a window of the teacher and a step of the student are timed before it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from geoglot.figures import format_duration
from geoglot.models.segmenter import STRIDE, Segmenter
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.training.soft_losses import SoftLoss, soft_losses
from geoglot.training.words.looks import Looks
from geoglot.training.words.words_recipe import WordsRecipe

_FORWARD = 1 / 3  # of a step is its forward pass


@dataclass(frozen=True)
class Duration:
    """Seconds of the parts of a run."""

    teacher: float
    student: float

    def __str__(self) -> str:
        parts = (self.teacher + self.student, self.teacher, self.student)
        total, teacher, student = map(format_duration, parts)
        return (
            f"the whole run takes about {total} on this machine: {teacher} for the looks of the teacher, "
            f"{student} for the student"
        )


def estimate(recipe: WordsRecipe, looks: Looks, scenes: Sequence[EncodedScene], student: Segmenter) -> Duration:
    """Seconds of a run from its beginning; `scenes` are blank."""
    pixels = sum(window.height * window.width for scene in scenes for window in scene.plan.windows())
    tile, crops = looks.card.tile_size, recipe.crops
    teacher = pixels / tile**2 * _time_of(lambda: looks(torch.rand(1, looks.card.bands, tile, tile)))
    batch = torch.rand(crops.batch, student.card.bands, crops.side, crops.side)
    step = _time_of(lambda: _step(student, batch))
    votes = pixels / crops.side**2 / crops.batch * recipe.voters * (recipe.rounds - 1) * _FORWARD
    return Duration(teacher, step * (recipe.rounds * recipe.fit.steps + votes))


def _step(student: Segmenter, pixels: torch.Tensor) -> None:
    """A step that changes nothing: no weight, no statistic."""
    pixels = pixels.to(student.device)
    scores = student.eval()(pixels)
    counts = torch.ones(len(pixels), *(side // STRIDE for side in pixels.shape[2:]), dtype=torch.bool)
    losses = soft_losses(scores, scores.detach().softmax(1), counts.to(student.device), SoftLoss())
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    student.zero_grad()


def _time_of(call: Callable[[], object]) -> float:
    """Seconds of the second call: the first one prepares what later ones find."""
    call()
    began = time.monotonic()
    call()
    return time.monotonic() - began
