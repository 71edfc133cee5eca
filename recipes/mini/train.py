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
from student import Student
from torch import Tensor, nn
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


def lr_scale(progress: float) -> float:
    """Warm-up over 5 %, then a cosine to zero."""
    return min(1.0, progress / 0.05) * 0.5 * (1 + float(np.cos(min(progress, 1.0) * np.pi)))


class Run:
    """A student, its optimiser and the EMA of its weights; goes on at its checkpoint."""

    def __init__(self, student: Student, config: Config, checkpoint: Path) -> None:
        self.student, self.config, self.checkpoint = student, config, checkpoint
        trunk = list(student.mini.image.trunk.parameters())
        known = {id(parameter) for parameter in trunk}
        rest = [parameter for parameter in student.parameters() if id(parameter) not in known]
        groups = [{"params": trunk, "peak": config.trunk_lr}, {"params": rest, "peak": config.lr}]
        self.optimiser = torch.optim.AdamW(groups, lr=config.lr, weight_decay=config.weight_decay)
        mean = torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema)
        self.average = torch.optim.swa_utils.AveragedModel(student, multi_avg_fn=mean, use_buffers=True)
        self.step = 0
        if checkpoint.exists():
            state = torch.load(checkpoint, weights_only=True)
            self.step = state["step"]
            for name in ("student", "optimiser", "average"):
                getattr(self, name).load_state_dict(state[name])

    def save(self) -> None:
        """Write the checkpoint; an interrupted write leaves the one before."""
        parts = {name: getattr(self, name).state_dict() for name in ("student", "optimiser", "average")}
        torch.save({"step": self.step, **parts}, self.checkpoint.with_suffix(".part"))
        self.checkpoint.with_suffix(".part").replace(self.checkpoint)

    def advance(self, lessons: Lessons) -> float:
        """One step; the loss."""
        config, step = self.config, self.step
        torch.manual_seed(config.seed * 1_000_003 + step)  # for the noise; every other draw has its own generator
        chosen = choose_images(lessons, config, step)
        loss = compare(
            self.student, encode_views(self.student, lessons, chosen, config, step), lessons, chosen, config, step
        )
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * lr_scale(step / config.steps)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimiser.step()
        self.student.bound()
        self.average.update_parameters(self.student)
        self.step += 1
        return loss.item()
