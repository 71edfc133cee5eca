"""Train both towers together.

Each step takes one view of `batch` images, alone or laid out as mosaics of 2 x 2 or 4 x 4, and pools the patch vectors
of each view; since the views of a mosaic share one forward pass, patches must say what is where they are. Texts cost
next to nothing, so each step has all captions of its images, several names of every class, and phrases for the text
tower alone. A step draws by the seed and its number only, so a resumed run equals an uninterrupted one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from lessons import Config, Lessons, compare
from steps import Steps
from student import Student
from torch import Tensor
from views import crop, mosaic, recolour

LAYOUTS = ((1, 128), (2, 96), (4, 64), (1, 160), (2, 112), (4, 64))  # views across, side of a view in pixels
LEAST = {1: 0.6, 2: 0.35, 4: 0.45}  # smallest part of an image's side in a view, by views across


def choose_images(lessons: Lessons, config: Config, step: int) -> Tensor:
    """Indices of a step's images: the next part of an epoch; each epoch has another random order."""
    count = len(lessons.labels)
    epoch, place = divmod(step, count // config.batch)
    order = np.random.default_rng((config.seed, epoch, 1)).permutation(count)
    return torch.from_numpy(order[place * config.batch : (place + 1) * config.batch])


def encode_views(student: Student, lessons: Lessons, chosen: Tensor, config: Config, step: int) -> Tensor:
    """Unit vectors of one random view of each image: the mean of its patches."""
    rng = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    across, side = LAYOUTS[step % len(LAYOUTS)]
    crops = torch.stack([crop(lessons.pairs.images[index], side, rng, LEAST[across]) for index in chosen])
    patches = student.patches(mosaic(recolour(crops, rng), across))
    cells = patches.unflatten(2, (across, -1)).unflatten(4, (across, -1)).mean((3, 5))
    return F.normalize(cells.permute(0, 2, 3, 1).flatten(0, 2), dim=1)


def start_steps(student: Student, config: Config, checkpoint: Path) -> Steps:
    """The steps of a student, whose trunk learns at a rate of its own."""
    return Steps(student, student.mini.image.trunk.parameters(), config, checkpoint)


def advance(steps: Steps, student: Student, lessons: Lessons, config: Config) -> float:
    """One step; the loss."""
    step = steps.done
    torch.manual_seed(config.seed * 1_000_003 + step)  # for the noise; every other draw has its own generator
    chosen = choose_images(lessons, config, step)
    loss = compare(student, encode_views(student, lessons, chosen, config, step), lessons, chosen, config, step)
    steps.descend(loss)
    student.bound()
    steps.count()
    return loss.item()
