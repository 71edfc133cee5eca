"""Views of labelled pictures: zoomed and turned, with labels in cells of 8 pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from labelled_picture import GREEN, SETS, SMOOTH, UNKNOWN, Picture, green_grows
from scipy.ndimage import distance_transform_edt, maximum
from seer import CELL
from torch import Tensor

SIDE = 224
POOLED = 2  # number of a chip with a pool somewhere
_CHIP = 50  # side of such a chip
_SHARPNESS = (-0.7, 0.7)  # part of the detail that is taken away or added
_ON_OBJECTS = 0.7  # share of crops that hold an object where a picture has some; most of such a picture is empty
#: Share of crops with the pixels as they are: resampled ones are smoother than all that a user has
_AS_THEY_ARE = 0.5
#: Least and greatest enlargement of a set, as powers of two
_ZOOMS = {
    "sentinel2_korea": (-0.5, 1.0),
    "semantic_drone": (-1.5, 1.0),
    "kampala_buildings": (-1.5, 1.0),
}
_OBJECTS = ("kampala_buildings", "hrplanes", "ucas_aod", "ship_google_earth", "aerial_cars_uav", "drone_solar")


@dataclass(frozen=True)
class Crop:
    """A view of a picture, with labels in cells."""

    pixels: Tensor
    shares: Tensor
    """(number, rows8, cols8): which share of a cell each number of the set covers."""
    numbers: list[int]
    source: str
    extent: Tensor
    """(3, rows8, cols8): middle of an object, border of an object, and where both are known."""
    inside: Tensor
    """(rows8, cols8): the share of a cell that the picture covers."""
    pooled: bool
    """Whether all that is known is that a pool is somewhere."""


def crop_picture(picture: Picture, rng: torch.Generator) -> Crop:
    """A random square of a picture, enlarged or reduced, turned."""
    part, size = _choose_part(picture, rng)
    pixels = torch.from_numpy(picture.pixels[part].copy()).permute(2, 0, 1).float() / 255
    smaller = size[0] < pixels.shape[1]
    pixels = F.interpolate(pixels[None], size, mode="bilinear", antialias=smaller, align_corners=False)[0]
    pooled = picture.source == "pool_chips" and POOLED in picture.truth
    truth = np.full_like(picture.truth, UNKNOWN) if pooled else picture.truth
    numbers = set_numbers(picture.source)
    shares = torch.stack([torch.from_numpy(truth[part] == number).float() for number in numbers])
    planes = torch.cat([shares, _extent(picture, part), torch.ones_like(shares[:1])])
    planes = F.interpolate(planes[None], (size[0] // CELL, size[1] // CELL), mode="area")[0]
    pad = (0, SIDE - size[1], 0, SIDE - size[0])
    pixels, planes = F.pad(pixels, pad), F.pad(planes, tuple(value // CELL for value in pad))
    spin, flip = int(torch.randint(0, 4, (), generator=rng)), bool(torch.rand((), generator=rng) < 0.5)
    pixels, planes = (torch.rot90(x, spin, (1, 2)) for x in (pixels, planes))
    if flip:
        pixels, planes = pixels.flip(2), planes.flip(2)
    count = len(numbers)
    return Crop(pixels, planes[:count], numbers, picture.source, planes[count:-1], planes[-1], pooled)


def forget_green(crop: Crop) -> Crop:
    """The crop as one without colour: what its green ground is cannot be seen, so it is of the rest of its set."""
    green = [row for row, number in enumerate(crop.numbers) if number in (GREEN, SMOOTH)]
    if not green:
        return crop
    shares = crop.shares.clone()
    shares[crop.numbers.index(SETS[crop.source]["rest"])] += shares[green].sum(0)
    shares[green] = 0
    return replace(crop, shares=shares)


def set_numbers(source: str) -> list[int]:
    """The numbers of a set that say something."""
    said = SETS[source]
    green = [GREEN, SMOOTH] if green_grows(source) else []
    return [*map(int, said["classes"]), *([said["rest"]] if "rest" in said else []), *green]


def _choose_part(picture: Picture, rng: torch.Generator) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """A part of a picture, and its size in the view: multiples of a cell, at most SIDE."""
    height, width = picture.truth.shape
    zoom = 2 ** float(torch.empty(()).uniform_(*_ZOOMS.get(picture.source, (-1.0, 1.0)), generator=rng))
    if picture.source == "pool_chips":
        zoom = SIDE / _CHIP / 2 ** float(torch.rand((), generator=rng) * 1.5)
    elif bool(torch.rand((), generator=rng) < _AS_THEY_ARE):
        zoom = 1.0
    side = max(32, min(int(SIDE / zoom), SIDE if zoom == 1 else max(height, width)))
    top = int(torch.randint(0, max(height - side, 0) + 1, (), generator=rng))
    left = int(torch.randint(0, max(width - side, 0) + 1, (), generator=rng))
    if picture.objects.any() and torch.rand((), generator=rng) < _ON_OBJECTS:
        rows, cols = np.nonzero(picture.objects)
        pick = int(torch.randint(0, len(rows), (), generator=rng))
        top = int(np.clip(rows[pick] - side * float(torch.rand((), generator=rng)), 0, max(height - side, 0)))
        left = int(np.clip(cols[pick] - side * float(torch.rand((), generator=rng)), 0, max(width - side, 0)))
    rows, cols = (min(side, length) for length in (height, width))
    if zoom == 1:
        rows, cols = (length // CELL * CELL for length in (rows, cols))
        return np.s_[top : top + rows, left : left + cols], (rows, cols)
    size = (SIDE * rows // side // CELL * CELL or CELL, SIDE * cols // side // CELL * CELL or CELL)
    return np.s_[top : top + side, left : left + side], size


def change_sharpness(pixels: Tensor, rng: torch.Generator) -> Tensor:
    """Blur or sharpen each picture (crop, 3, rows, cols) by a random amount: sensors and programs differ."""
    amount = torch.empty(len(pixels), 1, 1, 1).uniform_(*_SHARPNESS, generator=rng)
    smooth = F.avg_pool2d(F.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return (pixels + amount * (pixels - smooth)).clamp(0, 1)


def _extent(picture: Picture, part: tuple[slice, slice]) -> Tensor:
    """Middle and border of single objects (2, rows, cols), and where they are known."""
    ids = picture.objects[part]
    if picture.source not in _OBJECTS:
        return torch.zeros(3, *ids.shape)
    inside = np.zeros(ids.shape, np.float32)
    border = np.zeros(ids.shape, bool)
    border[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    border[1:] |= ids[1:] != ids[:-1]
    depth = distance_transform_edt(~border & (ids > 0))
    numbers = np.unique(ids[ids > 0])
    if len(numbers):
        deepest = maximum(depth, ids, numbers)
        scale = np.zeros(ids.max() + 1, np.float32)
        scale[numbers] = 1 / np.maximum(deepest, 1)
        inside = depth * scale[ids]
    middle = (inside > 0.5).astype(np.float32)
    known = (picture.truth[part] != UNKNOWN) | (ids > 0)
    return torch.from_numpy(np.stack([middle, border.astype(np.float32), known.astype(np.float32)]))


def mix_styles(pixels: Tensor, rng: torch.Generator) -> Tensor:
    """Give half of the pictures (crop, 3, rows, cols) part of the mean and spread of the colours of another one."""
    middle, spread = pixels.mean((2, 3), keepdim=True), pixels.std((2, 3), keepdim=True) + 1e-3
    other, draws = torch.randperm(len(pixels), generator=rng), torch.rand(2, len(pixels), 1, 1, 1, generator=rng)
    part = torch.where(draws[0] < 0.5, draws[1], 0.0)
    its_middle, its_spread = torch.lerp(middle, middle[other], part), torch.lerp(spread, spread[other], part)
    return ((pixels - middle) / spread * its_spread + its_middle).clamp(0, 1)
