"""Views of training images: crops, turned, recoloured, blurred, as mosaics, and the fixed views for the text tower."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from lessons import Lessons
from student import Student
from torch import Tensor, nn

from geoglot.models.model_files import sha256_of_weights

SIDE, LEAST, GROUP = 224, 0.6, 32  # fixed views: side in pixels, smallest part of an image's side, views in a batch
VIEWS = 2  # of every image: as it is, and one that is cropped, turned and recoloured
VIEW_NOISE = 0.15  # as a fraction of the length of an image vector


def crop(image: Tensor, side: int, rng: torch.Generator, least: float) -> Tensor:
    """A random square of at least `least` of an image's side (3, rows, cols) uint8, resized to `side`; float 0..1."""
    full = image.shape[1]
    length = int(full * (least + (1 - least) * _random(rng)))
    top, left = (int(_random(rng) * (full - length + 1)) for _ in range(2))
    part = image[None, :, top : top + length, left : left + length].float() / 255
    antialias = length > side
    view = F.interpolate(part, size=(side, side), mode="bilinear", antialias=antialias, align_corners=False)[0]
    if _random(rng) < 0.2:  # as a coarser sensor sees it
        small = max(16, int(side / (1.5 + 2.5 * _random(rng))))
        view = F.interpolate(view[None], size=(small, small), mode="bilinear", antialias=True)
        view = F.interpolate(view, size=(side, side), mode="bilinear")[0]
    return turn(view, rng)


def turn(view: Tensor, rng: torch.Generator) -> Tensor:
    """One of the eight turns and flips, since a satellite image has no upside."""
    view = torch.rot90(view, int(_random(rng) * 4), (1, 2))
    return view.flip(2) if _random(rng) < 0.5 else view


def recolour(views: Tensor, rng: torch.Generator) -> Tensor:
    """Random brightness, contrast, gamma and colour cast for each view (view, 3, rows, cols), as sensors differ."""

    def draw(channels: int = 1) -> Tensor:
        return torch.rand(len(views), channels, 1, 1, generator=rng)

    level = views.mean((1, 2, 3), keepdim=True)
    contrast = 0.7 + 0.7 * draw()
    gamma = 2 ** (1.2 * (draw() - 0.5))
    gain = 1 + 0.3 * (draw(3) - 0.5) + 0.4 * (draw() - 0.5)
    mixed = ((views - level) * contrast + level).clamp(1e-4, 1) ** gamma * gain
    grey = draw() < 0.12
    return torch.where(grey, mixed.mean(1, keepdim=True), mixed).clamp(0, 1)


def mosaic(views: Tensor, across: int) -> Tensor:
    """Pictures of across x across views: (picture, 3, across * side, across * side)."""
    side = views.shape[-1]
    grid = views.view(-1, across, across, 3, side, side)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(-1, 3, across * side, across * side)


def _random(rng: torch.Generator) -> float:
    return float(torch.rand((), generator=rng))


@dataclass(frozen=True)
class Source:
    """What the text tower learns from: all lessons, and fixed views of images as vectors."""

    lessons: Lessons
    views: Tensor
    """(view, image, dim) unit vectors."""
    rows: Tensor
    """Indices of the images that are not left out."""


@torch.inference_mode()
def view_vectors(student: Student, images: Tensor, cache: Path) -> Tensor:
    """Unit vectors (view, image, dim) of fixed views, computed once per image tower and kept in `cache`."""
    path = cache / f"views-{fingerprint(student.mini.image, (len(images), VIEWS, SIDE, LEAST))}.npy"
    if not path.exists():
        vectors = torch.empty(VIEWS, len(images), student.table.shape[1])
        for view in range(VIEWS):
            rng = torch.Generator().manual_seed(view)
            for chosen in torch.randperm(len(images), generator=rng).split(GROUP):
                pictures = crop_most(images[chosen], rng) if view else images[chosen].float() / 255
                vectors[view, chosen] = F.normalize(student.patches(pictures).mean((2, 3)), dim=1)
        np.save(path, vectors.numpy())
    return torch.from_numpy(np.load(path))


def fingerprint(module: nn.Module, settings: tuple[float, ...]) -> str:
    """Fingerprint of all weights and of the settings that decide the vectors."""
    return hashlib.sha256(repr((sha256_of_weights(module), settings)).encode()).hexdigest()[:12]


def crop_most(images: Tensor, rng: torch.Generator) -> Tensor:
    """A random view of most of each image (image, 3, SIDE, SIDE)."""
    return recolour(torch.stack([crop(image, SIDE, rng, LEAST) for image in images]), rng)


def draw_views(source: Source, batch: int, seed: int, step: int) -> tuple[Tensor, Tensor]:
    """Indices of a step's images, and the vector of a view of each with a little noise (image, dim)."""
    rng = np.random.default_rng((seed, step, 3))
    chosen = source.rows[torch.from_numpy(rng.choice(len(source.rows), batch, replace=False))]
    seen = source.views[torch.from_numpy(rng.integers(0, len(source.views), batch)), chosen]
    noise = VIEW_NOISE * torch.randn(seen.shape) / seen.shape[1] ** 0.5
    return chosen, F.normalize(seen + noise, dim=1)
