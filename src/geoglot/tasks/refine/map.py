"""A class map along the edges of the picture: every region of it refined, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from scipy import ndimage

from geoglot.errors import ReadError
from geoglot.geo import Window
from geoglot.sources.raster import Raster
from geoglot.tasks.refine.refiner import Proposal, Refined, Refiner, View

_SIDE = 768
_HALO = 4  # patches around a block that are looked at too; a refiner moves an edge by one
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

    def rows(self, read: ReadMap) -> Iterator[tuple[int, *_Rows]]:
        """First row, classes and confidences of full rows, from the top."""
        height, width = self.raster.grid.shape
        halo = _HALO * self.patch
        step = max(self.patch, (self.refiner.side or _SIDE) - 2 * halo)
        for row in range(0, height, step):
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
        top, left = inside.row - window.row, inside.col - window.col
        rims = [(top, window.height - top - inside.height), (left, window.width - left - inside.width)]
        nothing = next(iter(sorted(self.skip, reverse=True)))
        classes, confidence = read(inside)
        classes = np.pad(classes, rims, constant_values=nothing)
        confidence = np.pad(confidence, rims)
        try:
            tile = self.raster.read(window)
        except ReadError:  # what was mapped of it stays as it was
            return classes, confidence
        view = View(window, tile.pixels, tile.valid, self.patch)
        regions = list(self._regions(classes, confidence / np.float32(self.certain)))
        answers = self.refiner(view, [proposal for _, proposal in regions])
        return _painted(classes, confidence, regions, answers, self.skip)

    def _regions(
        self, classes: Shaped[np.ndarray, "rows cols"], shares: Float[np.ndarray, "rows cols"]
    ) -> Iterator[tuple[int, Proposal]]:
        """Every region of a block with its class."""
        for value in np.unique(classes).tolist():
            if value in self.skip:
                continue
            labels, count = ndimage.label(classes == value)
            for label in range(1, count + 1):
                own = labels == label
                yield value, Proposal(own, np.where(own, shares, np.maximum((1 - shares) / 2, 0.01)))


def _painted(
    classes: Shaped[np.ndarray, "rows cols"],
    confidence: Shaped[np.ndarray, "rows cols"],
    regions: Sequence[tuple[int, Proposal]],
    answers: Sequence[Refined],
    skip: frozenset[int],
) -> _Rows:
    """Refined regions over the map, the surest last; what was no class stays none."""
    sure = [float(confidence[one.mask].mean()) for _, one in regions]
    new, new_confidence, free = classes.copy(), confidence.copy(), ~np.isin(classes, list(skip))
    for index in sorted(range(len(regions)), key=lambda index: sure[index]):
        value, _ = regions[index]
        mask = np.logical_or.reduce(answers[index].masks) & free
        new_confidence[mask & (classes != value)] = round(sure[index])
        kept = mask & (classes == value)
        new_confidence[kept] = confidence[kept]
        new[mask] = value
    return new, new_confidence
