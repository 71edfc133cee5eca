"""Crops of labelled images.

A batch follows from the seed and the number of its step alone, so that training resumes exactly.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from geoglot.aliases import Amount, Count, Part, Positive
from geoglot.datasets.dataset import Mapped
from geoglot.datasets.image_files import open_native
from geoglot.errors import GeoglotError, InputError, SourceError
from geoglot.geo import Window
from geoglot.models.segclip.targets import IGNORE
from geoglot.models.segmenter import MULTIPLE
from geoglot.scene.averaged import resize
from geoglot.training.augment import recolour
from geoglot.training.processes import SINGLE, Process

_Crop = tuple[Tensor, ...] | GeoglotError
_TRIES = 10  # to find a crop that no class fills


@dataclass(frozen=True)
class CropSampling:
    """How crops are drawn."""

    batch: Count = 16
    """Crops a step, over all processes."""
    side: Count = 512
    """Pixels; a multiple of 32."""
    scales: tuple[Positive, Positive] = (0.5, 2.0)
    """Smallest and largest enlargement of an image; a crop at 2 shows half the length on the ground."""
    most_of_one: Part = 0.75
    """A crop with a larger share of one class is drawn again, at most nine times (MMSegmentation's cat_max_ratio)."""
    augment: Literal["aerial", "upright", "none"] = "aerial"
    """aerial: turn, mirror and recolour; upright, for pictures with an up and a down: mirror and recolour."""
    workers: Amount = 2
    """Processes that prepare crops; 0 prepares them between the steps."""
    seed: Amount = 0

    def __post_init__(self) -> None:
        check_crops(self.side, self.scales)


def check_crops(side: int, scales: tuple[float, float]) -> None:
    """InputError for a side that no network takes, and for scales in the wrong order."""
    if side % MULTIPLE:
        raise InputError(f"crops.side must be a multiple of {MULTIPLE}, got {side}")
    if scales[0] > scales[1]:
        raise InputError(f"crops.scales must be the smallest and the largest, got {list(scales)}")


@dataclass(frozen=True)
class CropBatch:
    """The crops of one step."""

    pixels: Float[Tensor, "crop 3 side side"]
    """RGB, brightness 0..1."""
    labels: Int[Tensor, "crop side side"]
    """Class ids, or IGNORE."""


class CropLoader:
    """Loads this process's part of every batch of crops."""

    def __init__(self, samples: Mapped, sampling: CropSampling, process: Process = SINGLE) -> None:
        self.samples, self.sampling, self.process = samples, sampling, process

    def batches(self, first_step: int, stop: int) -> Iterator[CropBatch]:
        """Batches of steps first_step..stop-1."""
        crops, sampling = _MappedCrops(self.samples, self.sampling), self.sampling
        for pixels, labels in load_crops(crops, sampling.batch, sampling.workers, self.process, first_step, stop):
            yield CropBatch(pixels, labels)


def load_crops(
    crops: "Crops", batch: int, workers: int, process: Process, first_step: int, stop: int
) -> Iterator[tuple[Tensor, ...]]:
    """This process's part of every batch of steps first_step..stop-1, each part of a crop stacked."""
    positions = [list(process.part_of(batch, step)) for step in range(first_step, stop)]
    loader = DataLoader(
        crops, batch_sampler=positions, num_workers=workers, collate_fn=_stack,
        generator=torch.Generator(),  # the global one belongs to the loss
    )  # fmt: skip
    for stacked in loader:
        if isinstance(stacked, GeoglotError):
            raise stacked
        yield stacked


class Crops(Dataset[_Crop], ABC):
    """The crop at each position in the endless sequence of epochs, or the error that prevents it.

    Errors are returned: raised in a worker process, they would arrive as a traceback inside a message.
    """

    def __getitem__(self, position: int) -> _Crop:
        try:
            return self.crop(position)
        except GeoglotError as error:
            return error

    @abstractmethod
    def crop(self, position: int) -> tuple[Tensor, ...]:
        """The pixels of a crop and what is known of them."""


class _MappedCrops(Crops):
    """Crops of images with the class of every pixel."""

    def __init__(self, samples: Mapped, sampling: CropSampling) -> None:
        self.samples, self.sampling = samples, sampling

    def crop(self, position: int) -> tuple[Float[Tensor, "3 side side"], Int[Tensor, "side side"]]:
        rng = np.random.default_rng((self.sampling.seed, position))
        index = image_at(position, len(self.samples), self.sampling.seed)
        image, labels = self.samples.images[index], self.samples.masks[index]()
        side = max(1, draw_side(self.sampling.side, self.sampling.scales, rng))
        window = _draw_window(labels, side, self.sampling.most_of_one, rng)
        with open_native(image) as raster:
            if raster.native.shape != labels.shape:
                raise SourceError(f"{image} has {raster.native.shape} px, its mask {labels.shape}")
            tile = raster.read(window)
        labels = np.where(tile.valid, cut_labels(labels, window), -1)
        pixels, augment = tile.pixels[:3], self.sampling.augment
        if augment != "none":
            pixels, labels = vary(pixels, labels[None], augment, rng)
            labels = labels[0]
        return _resize(pixels, labels, self.sampling.side)


def vary(
    pixels: Float[np.ndarray, "band side side"], known: Shaped[np.ndarray, "channel side2 side2"],
    augment: Literal["aerial", "upright"], rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Turn and mirror pixels and what is known of them alike, then recolour the pixels."""
    quarters, mirrored = 0 if augment == "upright" else int(rng.integers(4)), bool(rng.integers(2))
    pixels, known = np.rot90(pixels, quarters, (1, 2)), np.rot90(known, quarters, (1, 2))
    if mirrored:
        pixels, known = pixels[:, :, ::-1], known[:, :, ::-1]
    return recolour(pixels, rng), known


def image_at(position: int, images: int, seed: int) -> int:
    """Index of the image at a position: each epoch takes all images, in an order of its own."""
    epoch, within = divmod(position, images)
    return int(_epoch_order(images, seed, epoch)[within])


@lru_cache(maxsize=4)
def _epoch_order(images: int, seed: int, epoch: int) -> Int[np.ndarray, " image"]:
    return np.random.default_rng((seed, epoch, 1)).permutation(images)


def cut_labels(labels: Int[np.ndarray, "rows cols"], window: Window) -> Int[np.ndarray, "height width"]:
    """A window of a label map; -1, an unknown label, outside the map."""
    part = np.full((window.height, window.width), -1, labels.dtype)
    inside = window.intersection(Window(0, 0, *labels.shape))
    if inside is not None:
        part[inside.within(window).slices] = labels[inside.slices]
    return part


def draw_side(side: int, scales: tuple[float, float], rng: np.random.Generator) -> int:
    """Side in pixels of the square that a crop of `side` shows at a random scale, as likely to halve as to double."""
    return round(side / float(np.exp(rng.uniform(*np.log(scales)))))


def draw_square(room: Window, side: int, rng: np.random.Generator) -> Window:
    """A random square in a window, or around it along an axis where the window is smaller."""
    row, col = (
        start + int(rng.integers(min(0, length - side), max(0, length - side) + 1))
        for start, length in ((room.row, room.height), (room.col, room.width))
    )
    return Window(row, col, side, side)


def _draw_window(labels: np.ndarray, side: int, most_of_one: float, rng: np.random.Generator) -> Window:
    """A random square in the image, or around it if the image is smaller; the last try counts whatever it holds."""
    for _ in range(_TRIES):
        window = draw_square(Window(0, 0, *labels.shape), side, rng)
        known = cut_labels(labels, window)
        known = known[known >= 0]
        if known.size and np.bincount(known).max() <= most_of_one * known.size:
            break
    return window


def _resize(pixels: np.ndarray, labels: np.ndarray, side: int) -> tuple[Tensor, Tensor]:
    """Resize to `side`: pixels bilinear, labels to the nearest; unknown labels (-1) become IGNORE."""
    targets = torch.from_numpy(np.where(labels < 0, IGNORE, labels).astype(np.float32))[None, None]
    if targets.shape[2] != side:
        targets = F.interpolate(targets, (side, side), mode="nearest-exact")
    return resize_pixels(pixels, side), targets[0, 0].long()


def resize_pixels(pixels: Float[np.ndarray, "band side2 side2"], side: int) -> Float[Tensor, "band side side"]:
    """Resize a square to `side`, bilinear, by the mean where it shrinks."""
    return resize(torch.from_numpy(np.ascontiguousarray(pixels))[None], [side, side])[0]


def _stack(samples: list[_Crop]) -> tuple[Tensor, ...] | GeoglotError:
    crops = []
    for sample in samples:
        if isinstance(sample, GeoglotError):
            return sample
        crops.append(sample)
    return tuple(map(torch.stack, zip(*crops, strict=True)))
