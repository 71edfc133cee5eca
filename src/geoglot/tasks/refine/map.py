"""A class map along the edges of the picture: every region of it refined, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from scipy import ndimage

from geoglot.errors import ReadError
from geoglot.geo import Window
from geoglot.sources.raster import Raster
from geoglot.tasks.refine.refiner import Proposal, Refiner, View

_SIDE = 768
_HALO = 4  # patches around a block that are looked at too; a refiner moves an edge by one
_AT_ONCE = 16  # regions of one block that are held at once: bounds memory where they are many
_Rows = tuple[Shaped[np.ndarray, "rows cols"], Shaped[np.ndarray, "rows cols"]]
#: Class ids and confidences (0..`certain`) of a window inside the scene
ReadMap = Callable[[Window], _Rows]


@dataclass(frozen=True)
class MapRefiner:
    """How a class map is refined.

    A region is a 4-connected part of one class within a block and its halo. Where refined regions overlap, the one of
    the higher mean confidence has the pixel; what none wants stays as it was, as does what has no data. Blocks lie on a
    lattice of the scene, so the result does not depend on the model's windows; at the borders of blocks it agrees as
    far as the refiner looks no farther than the halo.
    """

    raster: Raster
    refiner: Refiner
    patch: int
    skip: frozenset[int]
    """Ids that are no class."""
    certain: int
    """The confidence that means 1."""

    def rows(self, read: ReadMap, done: int = 0) -> Iterator[tuple[int, *_Rows]]:
        """First row, classes and confidences of full rows, from the top, without the first `done` rows of blocks."""
        height, width = self.raster.grid.shape
        halo = _HALO * self.patch
        step = max(self.patch, (self.refiner.side or _SIDE) - 2 * halo)
        for row in range(done * step, height, step):
            strip = Window(row, 0, min(step, height - row), width)
            classes, confidence = read(strip)
            for col in range(0, width, step):
                view = Window(row - halo, col - halo, step + 2 * halo, step + 2 * halo)
                block = self._block(read, view)
                inner = np.s_[halo : halo + strip.height, halo : halo + min(step, width - col)]
                place = np.s_[:, col : col + min(step, width - col)]
                classes[place], confidence[place] = block[0][inner], block[1][inner]
            yield row, classes, confidence

    def _block(self, read: ReadMap, window: Window) -> _Rows:
        """The refined map of a window that may reach beyond the scene."""
        inside = window.intersection(self.raster.grid.whole)
        assert inside is not None
        rims = window.rims(inside)
        nothing = next(iter(sorted(self.skip, reverse=True)))
        classes, confidence = read(inside)
        classes = np.pad(classes, rims, constant_values=nothing)
        confidence = np.pad(confidence, rims)
        try:
            tile = self.raster.read(window)
        except ReadError:  # what was mapped of it stays as it was
            return classes, confidence
        view = View(window, tile.pixels, tile.valid, self.patch)
        return self._painted(classes, confidence, view)

    def _painted(
        self, classes: Shaped[np.ndarray, "rows cols"], confidence: Shaped[np.ndarray, "rows cols"], view: View
    ) -> _Rows:
        """Refined regions over the map, the surest last; what was no class stays none."""
        labels, values = _regions(classes, self.skip)
        sure = ndimage.mean(confidence, labels, range(1, len(values) + 1))
        order = sorted(range(len(values)), key=lambda index: sure[index])
        shares = confidence / np.float32(self.certain)
        new, new_confidence = classes.copy(), confidence.copy()
        for first in range(0, len(order), _AT_ONCE):
            some = order[first : first + _AT_ONCE]
            answers = self.refiner(view, [_proposal(labels == index + 1, shares) for index in some])
            for index, answer in zip(some, answers, strict=True):
                mask = np.logical_or.reduce(answer.masks) & (labels > 0)
                kept = mask & (classes == values[index])
                new_confidence[mask] = round(float(sure[index]))
                new_confidence[kept] = confidence[kept]
                new[mask] = values[index]
        return new, new_confidence


def _regions(
    classes: Shaped[np.ndarray, "rows cols"], skip: frozenset[int]
) -> tuple[Int[np.ndarray, "rows cols"], list[int]]:
    """Regions 1, 2, ... of a block, 0 outside, and the class of each."""
    labels, values = np.zeros(classes.shape, np.int32), list[int]()
    for value in np.unique(classes).tolist():
        if value not in skip:
            own, count = ndimage.label(classes == value)
            labels[own > 0] = own[own > 0] + len(values)
            values += [value] * count
    return labels, values


def _proposal(own: Bool[np.ndarray, "rows cols"], shares: Float[np.ndarray, "rows cols"]) -> Proposal:
    return Proposal(own, np.where(own, shares, np.maximum((1 - shares) / 2, 0.01)))
