"""Crops of scenes with the votes about them. A batch follows from the seed and the number of its step alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from geoglot.aliases import Amount, Count, Part, Positive
from geoglot.models.segmenter import MULTIPLE, STRIDE
from geoglot.training.crops import Crops, check_crops, draw_side, draw_square, load_crops, resize_pixels, vary
from geoglot.training.processes import SINGLE
from geoglot.training.words.surest import Surest
from geoglot.training.words.votes import Cell, Taught


@dataclass(frozen=True)
class SoftSampling:
    """How crops of scenes are drawn."""

    batch: Count = 8
    """Crops a step."""
    side: Count = 224
    """Pixels; a multiple of 32."""
    scales: tuple[Positive, Positive] = (0.75, 1.5)
    """Smallest and largest enlargement of a scene; a crop at 1.5 shows two thirds of the length on the ground."""
    balanced: Part = 0.5
    """Share of the crops that are drawn for a class, all classes alike, and not for a place."""
    held_out: Part = 0.125
    """Share of the ground that training does not see, by which the best weights are chosen."""
    augment: Literal["aerial", "upright", "none"] = "aerial"
    """aerial: turn, mirror and recolour; upright, for pictures with an up and a down: mirror and recolour."""
    workers: Amount = 0
    """Processes that prepare crops; 0 prepares them between the steps."""
    seed: Amount = 0

    def __post_init__(self) -> None:
        check_crops(self.side, self.scales)

    @property
    def cell(self) -> int:
        """Side in pixels of the parts of a scene that training sees, or does not: no crop crosses their border."""
        return round(2 * self.side / self.scales[0])


@dataclass(frozen=True)
class SoftBatch:
    """The crops of one step."""

    pixels: Float[Tensor, "crop band side side"]
    """Brightness 0..1."""
    shares: Float[Tensor, "crop class side4 side4"]
    """Probabilities, 0 where nothing is known."""
    counts: Bool[Tensor, "crop side4 side4"]
    """Where they count."""


def hold_out(cells: Sequence[Cell], share: float, seed: int) -> list[int]:
    """Indices of the cells that training does not see; none of fewer than four."""
    count = round(share * len(cells))
    if share and len(cells) >= 4:
        count = max(1, count)
    return sorted(np.random.default_rng((seed, 2)).permutation(len(cells))[:count].tolist())


class SoftCrops(Crops):
    """Crops of the cells that training sees."""

    def __init__(
        self, taught: Taught, cells: Sequence[Cell], seen: Sequence[int], surest: Surest, sampling: SoftSampling
    ) -> None:
        self.taught, self.cells, self.surest, self.sampling = taught, cells, surest, sampling
        self._seen = np.array(seen)
        areas = np.array([cells[index].window.height * cells[index].window.width for index in seen], float)
        of_class = surest.cells[self._seen].T.astype(float)
        self._by_class = [counts / counts.sum() for counts in of_class if counts.sum()]
        self._by_area = areas / areas.sum()

    def batches(self, first_step: int, stop: int) -> Iterator[SoftBatch]:
        """Batches of steps first_step..stop-1."""
        crops = load_crops(self, self.sampling.batch, self.sampling.workers, SINGLE, first_step, stop)
        return (SoftBatch(*parts) for parts in crops)

    def crop(self, position: int) -> tuple[Tensor, ...]:
        rng, sampling = np.random.default_rng((self.sampling.seed, position)), self.sampling
        cell = self.cells[self._draw_cell(rng)]
        window = draw_square(cell.window, max(MULTIPLE, draw_side(sampling.side, sampling.scales, rng)), rng)
        pixels, known = self.look(Cell(cell.scene, window))
        if sampling.augment != "none":
            pixels, known = vary(pixels, known, sampling.augment, rng)
        shares, counts = known[:-1], known[-1] > 0
        return (*(torch.from_numpy(np.ascontiguousarray(part)) for part in (pixels, shares, counts)),)

    def look(self, cell: Cell) -> tuple[Float[np.ndarray, "band side side"], Float[np.ndarray, "class_and_one _ _"]]:
        """Pixels at the side of a crop, the votes about them, and, as 0 or 1, where these count."""
        side, tile = self.sampling.side, self.taught.pixels(cell)
        if tile is None:
            return self._nothing()
        pixels = resize_pixels(tile.pixels, side)
        votes = self.taught.votes(cell, (side // STRIDE, side // STRIDE))
        counts = self.surest.keep(votes)
        known = torch.cat([votes.shares.nan_to_num(0), counts[None].float()])
        return pixels.numpy(), known.numpy()

    def _nothing(self) -> tuple[Float[np.ndarray, "band side side"], Float[np.ndarray, "class_and_one _ _"]]:
        """A crop of ground that cannot be read: nothing in it counts."""
        side, bands = self.sampling.side, self.taught.bands
        known = np.zeros((len(self.surest.classes) + 1, side // STRIDE, side // STRIDE), np.float32)
        return np.zeros((bands, side, side), np.float32), known

    def _draw_cell(self, rng: np.random.Generator) -> int:
        chances = self._by_area
        if self._by_class and rng.random() < self.sampling.balanced:
            chances = self._by_class[rng.integers(len(self._by_class))]
        return int(self._seen[rng.choice(len(self._seen), p=chances)])
