"""Views of the training images, as vectors of a finished image tower: computed once, they stand still."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from augment import crop, recolour
from student import Student
from torch import Tensor, nn
from train import Lessons

from geoglot.models.model_files import sha256_of_weights

SIDE, LEAST, GROUP = 224, 0.6, 32  # of views: side in pixels, smallest part of an image, how many at once
VIEWS = 2  # of every image: as it is, and one that is cropped, turned and recoloured
VIEW_NOISE = 0.15  # of the length of an image vector


@dataclass(frozen=True)
class Source:
    """What texts learn from: all lessons, and the views of the images that are not kept aside."""

    lessons: Lessons
    views: Tensor
    """(view, image, dim) unit vectors."""
    rows: Tensor
    """The images to learn from."""


@torch.inference_mode()
def view_vectors(student: Student, images: Tensor, cache: Path) -> Tensor:
    """Unit vectors (view, image, dim), computed once for an image tower and kept in the folder `cache`."""
    path = cache / f"views-{fingerprint(student.mini.image, (len(images), VIEWS, SIDE, LEAST))}.npy"
    if not path.exists():
        found = torch.empty(VIEWS, len(images), student.table.shape[1])
        for view in range(VIEWS):
            rng = torch.Generator().manual_seed(view)
            for chosen in torch.randperm(len(images), generator=rng).split(GROUP):
                pictures = look(images[chosen], rng) if view else images[chosen].float() / 255
                found[view, chosen] = F.normalize(student.patches(pictures).mean((2, 3)), dim=1)
        np.save(path, found.numpy())
    return torch.from_numpy(np.load(path))


def fingerprint(module: nn.Module, settings: tuple[float, ...]) -> str:
    """Of all its weights, and of what else decides the vectors."""
    return hashlib.sha256(repr((sha256_of_weights(module), settings)).encode()).hexdigest()[:12]


def look(images: Tensor, rng: torch.Generator) -> Tensor:
    """A view of most of each image (image, 3, SIDE, SIDE)."""
    return recolour(torch.stack([crop(image, SIDE, rng, LEAST) for image in images]), rng)


def some_views(source: Source, batch: int, seed: int, step: int) -> tuple[Tensor, Tensor]:
    """The images of a step, and a view of each with a little noise (image, dim)."""
    rng = np.random.default_rng((seed, step, 3))
    chosen = source.rows[torch.from_numpy(rng.choice(len(source.rows), batch, replace=False))]
    seen = source.views[torch.from_numpy(rng.integers(0, len(source.views), batch)), chosen]
    noise = VIEW_NOISE * torch.randn(seen.shape) / seen.shape[1] ** 0.5
    return chosen, F.normalize(seen + noise, dim=1)
