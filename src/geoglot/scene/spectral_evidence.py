"""Evidence of the bands beside red, green and blue: log-odds of names at pixels and patches (decision 28)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from geoglot.errors import ReadError
from geoglot.geo import Window
from geoglot.scene.class_words import ClassWords
from geoglot.scene.cover_rules import Judge
from geoglot.scene.covers import COVERS, MOST, Meaning
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster
from geoglot.sources.spectrum import BandValues

_PIXELS, _WIDTH = 2**20, 2048  # pixels, and columns of patches in pixels, judged at once, which bounds memory


@dataclass(frozen=True, eq=False)
class SpectralEvidence:
    """What the bands of a raster say about some names."""

    raster: Raster
    classes: Sequence[ClassWords]
    meaning: Meaning
    """Of the classes."""
    judges: Mapping[str, tuple[Judge, ...]]
    """By cover."""
    widths: tuple[int, ...]
    """For each name the side in pixels of the square over which the bands are averaged: a thing is judged as one."""
    damaged: set[Window] = field(default_factory=set)
    """Blocks whose bands could not be read, so that words alone decided there."""

    def at(self, window: Window, names: slice = slice(None)) -> Float[np.ndarray, "name rows cols"]:
        """Read the bands of a window inside the scene: log-odds of names at its pixels."""
        margin = max(self.widths) // 2
        around = window.grown(margin).intersection(self.raster.grid.whole)
        assert around is not None, "the window lies inside the scene"
        covers, valid = self._covers(around)
        odds = self._weigh(covers, names)
        widths = self.widths[names]
        shares = {width: _box_mean(valid, width) for width in set(widths) if width > 1}
        for plane, width in zip(odds, widths, strict=True):
            if width > 1:  # the mean over the pixels with data of the square; 0 without data
                plane[:] = np.where(valid, _box_mean(plane, width) / np.maximum(shares[width], 1e-9), 0)
        return odds[(slice(None), *window.within(around).slices)]

    def highest(self, index: int) -> float:
        """The largest log-odds that the bands may give a name."""
        return float(MOST * self.meaning.own[index].max())

    def judges_name(self, index: int) -> bool:
        """Whether the bands may say anything of a name."""
        weights = (self.meaning.own + self.meaning.against)[index]
        return any(weight and self.judges[cover.name] for weight, cover in zip(weights, COVERS, strict=True))

    def patches(self, block: Window, plan: WindowPlan, names: slice) -> Float[np.ndarray, "name rows cols"]:
        """Mean log-odds of the patches of a block of a plan's lattice."""
        across = max(1, _WIDTH // plan.patch)
        down = max(1, _PIXELS // (plan.patch**2 * min(across, block.width)))
        odds = np.empty((len(self.widths[names]), block.height, block.width), np.float32)
        for top in range(0, block.height, down):
            for left in range(0, block.width, across):
                size = min(down, block.height - top), min(across, block.width - left)
                part = Window(block.row + top, block.col + left, *size)
                odds[(slice(None), *part.within(block).slices)] = self._mean(part, plan, names)
        return odds

    def facts(self) -> dict[str, Any]:
        """Everything that decides the evidence, as JSON."""
        assert self.raster.spectrum is not None
        ramps = {cover: {judge.measure: list(judge.ramp) for judge in judges} for cover, judges in self.judges.items()}
        weights = {"own": self.meaning.own.tolist(), "against": self.meaning.against.tolist()}
        return {**self.raster.spectrum.facts(), "ramps": ramps, **weights, "widths": self.widths}

    def _covers(self, window: Window) -> tuple[Float[np.ndarray, "cover rows cols"], Bool[np.ndarray, "rows cols"]]:
        """Log-odds for each cover, 0 where a band has no data, and where the bands have data."""
        covers = np.zeros((len(COVERS), window.height, window.width), np.float32)
        valid = np.zeros((window.height, window.width), bool)
        needed = (self.meaning.own + self.meaning.against).any(0)
        for part, bands, known in self._read(window):
            place = part.within(window).slices
            valid[place] = known
            for odds, cover, is_needed in zip(covers, COVERS, needed, strict=True):
                if is_needed and (judges := self.judges[cover.name]):
                    odds[place] = np.clip(sum(judge.odds(bands) for judge in judges), -MOST, MOST) * known
        return covers, valid

    def _read(self, window: Window) -> Iterator[tuple[Window, BandValues, Bool[np.ndarray, "rows cols"]]]:
        """The bands of parts of a window, few rows at a time; without blocks of the file that are damaged."""
        for part in window.cut(max(1, _PIXELS // window.width), window.col + window.width):
            try:
                yield part, *self.raster.read_spectrum(part)
            except ReadError:
                yield from self._read_blocks(part)

    def _read_blocks(self, window: Window) -> Iterator[tuple[Window, BandValues, Bool[np.ndarray, "rows cols"]]]:
        for block in self.raster.spectral_blocks(window):
            try:
                yield block, *self.raster.read_spectrum(block)
            except ReadError:
                self.damaged.add(block)

    def _weigh(self, covers: Float[np.ndarray, "cover rows cols"], names: slice) -> Float[np.ndarray, "name rows cols"]:
        own = np.tensordot(self.meaning.own[names], covers, 1)
        against = np.tensordot(self.meaning.against[names], np.maximum(covers, 0), 1)
        return np.asarray(np.clip(own - against, -MOST, MOST), np.float32)

    def _mean(self, block: Window, plan: WindowPlan, names: slice) -> Float[np.ndarray, "name rows cols"]:
        """Mean log-odds of patches; those at the edge of the scene hang over it."""
        (above, beside), patch = plan.inset, plan.patch
        pixels = Window(
            block.row * patch - above, block.col * patch - beside, block.height * patch, block.width * patch
        )
        inside = pixels.intersection(self.raster.grid.whole)
        assert inside is not None, "a patch of the lattice touches the scene"
        means = self.at(inside, names)
        for axis, (start, length) in enumerate(zip(inside[:2], inside[2:], strict=True)):
            edges = np.clip(np.arange(pixels[axis], pixels[axis] + pixels[2 + axis] + 1, patch) - start, 0, length)
            sums = np.add.reduceat(means, edges[:-1], axis=1 + axis, dtype=np.float64)
            means = sums / np.diff(edges).reshape((-1, 1) if axis == 0 else -1)
        return means


def _box_mean(plane: np.ndarray, width: int) -> Float[np.ndarray, "rows cols"]:
    """The mean of the square around each pixel; 0 beyond the plane."""
    from scipy import ndimage

    return np.asarray(ndimage.uniform_filter(np.asarray(plane, np.float64), width, mode="constant"))
