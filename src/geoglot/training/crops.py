"""Crops of labelled images, in batches that follow from the step alone, so that training resumes exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from geoglot.aliases import Amount, Count, Part, Positive
from geoglot.datasets.dataset import Mapped
from geoglot.datasets.image_files import open_native
from geoglot.errors import GeoglotError, SourceError
from geoglot.geo import Window
from geoglot.models.segclip.targets import IGNORE
from geoglot.training.augment import recolour
from geoglot.training.processes import SINGLE, Process

_Crop = tuple[Tensor, Tensor] | GeoglotError
_TRIES = 10  # to find a crop that is not of one class


@dataclass(frozen=True)
class Crops:
    """How crops are drawn."""

    batch: Count = 16
    """Over all processes."""
    side: Count = 512
    """Pixels; a multiple of 32."""
    scales: tuple[Positive, Positive] = (0.5, 2.0)
    """Smallest and largest; a view at scale 2 shows half the ground."""
    most_of_one: Part = 0.75
    """A crop of which one class covers more is drawn again, up to ten times (MMSegmentation's cat_max_ratio)."""
    augment: Literal["aerial", "upright", "none"] = "aerial"
    """"aerial": turned, mirrored, recoloured; "upright", for pictures with an up and a down: not turned; "none": as
    they are."""
    workers: Amount = 2
    """Processes that prepare crops; 0 prepares them between the steps."""
    seed: Amount = 0


@dataclass(frozen=True)
class CropBatch:
    """What one step sees."""

    pixels: Float[Tensor, "crop 3 side side"]
    """RGB, brightness 0..1."""
    labels: Int[Tensor, "crop side side"]
    """Class ids; IGNORE where a pixel does not count."""


class CropLoader:
    """This process's share of every batch, from a step on."""

    def __init__(self, samples: Mapped, crops: Crops, process: Process = SINGLE) -> None:
        self.samples, self.crops, self.process = samples, crops, process

    def batches(self, first_step: int, steps: int) -> Iterator[CropBatch]:
        """The batches of steps first_step..steps-1, the same whenever they are asked for."""
        positions = [self._positions(step) for step in range(first_step, steps)]
        own = torch.Generator()  # PyTorch's common one belongs to the loss, and must go on where a checkpoint left it
        loader = DataLoader(
            _Crops(self.samples, self.crops), batch_sampler=positions, num_workers=self.crops.workers,
            collate_fn=_collate, generator=own,
        )  # fmt: skip
        for batch in loader:
            if isinstance(batch, GeoglotError):
                raise batch
            yield batch

    def _positions(self, step: int) -> list[int]:
        each = self.crops.batch // self.process.world_size
        first = step * self.crops.batch + self.process.rank * each
        return list(range(first, first + each))


class _Crops(Dataset[_Crop]):
    """The crop of each place in the endless order, or why there is none.

    An error is given and not raised: out of a worker it would come as a traceback in a message.
    """

    def __init__(self, samples: Mapped, crops: Crops) -> None:
        self.samples, self.crops = samples, crops

    def __getitem__(self, position: int) -> _Crop:
        try:
            return self._crop(position)
        except GeoglotError as error:
            return error

    def _crop(self, position: int) -> tuple[Float[Tensor, "3 side side"], Int[Tensor, "side side"]]:
        rng = np.random.default_rng((self.crops.seed, position))
        index = image_at(position, len(self.samples), self.crops.seed)
        image, labels = self.samples.images[index], self.samples.masks[index]()
        side = max(1, round(self.crops.side / _scale(self.crops.scales, rng)))
        window = _window(labels, side, self.crops.most_of_one, rng)
        with open_native(image) as raster:
            if raster.native.shape != labels.shape:
                raise SourceError(f"{image} has {raster.native.shape} px, its mask {labels.shape}")
            tile = raster.read(window)
        seen = np.where(tile.valid, cut(labels, window), -1)
        pixels, augment = tile.pixels[:3], self.crops.augment
        if augment != "none":
            pixels, seen = _turned(pixels, seen, augment == "upright", rng)
            pixels = recolour(pixels, rng)
        return _sized(pixels, seen, self.crops.side)


def image_at(position: int, images: int, seed: int) -> int:
    """Which image comes at a place: epoch after epoch, each in an order of its own."""
    epoch, within = divmod(position, images)
    return int(_order(images, seed, epoch)[within])


@lru_cache(maxsize=4)
def _order(images: int, seed: int, epoch: int) -> Int[np.ndarray, " image"]:
    return np.random.default_rng((seed, epoch, 1)).permutation(images)


def cut(labels: Int[np.ndarray, "rows cols"], window: Window) -> Int[np.ndarray, "height width"]:
    """A window of a label map; -1 beyond it."""
    part = np.full((window.height, window.width), -1, labels.dtype)
    inside = window.intersection(Window(0, 0, *labels.shape))
    if inside is not None:
        part[inside.within(window).slices] = labels[inside.slices]
    return part


def _scale(scales: Sequence[float], rng: np.random.Generator) -> float:
    """As likely to halve as to double."""
    return float(np.exp(rng.uniform(np.log(scales[0]), np.log(scales[-1]))))


def _window(labels: np.ndarray, side: int, most: float, rng: np.random.Generator) -> Window:
    """A square anywhere in the image, over its rim where it is smaller; not of one class where that can be."""
    for _ in range(_TRIES):
        row, col = (int(rng.integers(min(0, length - side), max(0, length - side) + 1)) for length in labels.shape)
        window = Window(row, col, side, side)
        known = cut(labels, window)
        known = known[known >= 0]
        if known.size and np.bincount(known).max() <= most * known.size:
            break
    return window


def _turned(
    pixels: np.ndarray, labels: np.ndarray, upright: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One of the eight flips and quarter turns, or of the two flips that keep up up."""
    quarters, mirrored = 0 if upright else int(rng.integers(4)), bool(rng.integers(2))
    pixels, labels = np.rot90(pixels, quarters, (1, 2)), np.rot90(labels, quarters)
    return (pixels[:, :, ::-1], labels[:, ::-1]) if mirrored else (pixels, labels)


def _sized(pixels: np.ndarray, labels: np.ndarray, side: int) -> tuple[Tensor, Tensor]:
    """Enlarged or reduced to `side`: colours smoothly, labels to the nearest."""
    image = torch.from_numpy(np.ascontiguousarray(pixels))[None]
    known = torch.from_numpy(np.where(labels < 0, IGNORE, labels).astype(np.float32))[None, None]
    if image.shape[2] != side:
        image = F.interpolate(image, (side, side), mode="bilinear", align_corners=False, antialias=True)
        known = F.interpolate(known, (side, side), mode="nearest-exact")
    return image[0], known[0, 0].long()


def _collate(samples: list[_Crop]) -> CropBatch | GeoglotError:
    if error := next((one for one in samples if isinstance(one, GeoglotError)), None):
        return error
    pixels, labels = zip(*(one for one in samples if not isinstance(one, GeoglotError)), strict=True)
    return CropBatch(torch.stack(pixels), torch.stack(labels))
