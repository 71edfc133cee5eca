"""Views of training images: crops of many scales, turned, recoloured, blurred; single or laid out as a mosaic."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def crop(image: Tensor, side: int, rng: torch.Generator, least: float) -> Tensor:
    """A random square of `least` to all of an image (3, rows, cols) uint8, resized to `side`; float 0..1."""
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
    """One of the eight turns and flips: there is no up in a satellite image."""
    view = torch.rot90(view, int(_random(rng) * 4), (1, 2))
    return view.flip(2) if _random(rng) < 0.5 else view


def recolour(views: Tensor, rng: torch.Generator) -> Tensor:
    """Brightness, contrast, gamma and a cast for each view (view, 3, rows, cols), as sensors and stretches differ."""

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
    """across x across views a picture: (picture, 3, across * side, across * side)."""
    side = views.shape[-1]
    grid = views.view(-1, across, across, 3, side, side)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(-1, 3, across * side, across * side)


def _random(rng: torch.Generator) -> float:
    return float(torch.rand((), generator=rng))
