"""Refine a class map block by block, so that its regions follow the edges of the picture."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Shaped
from scipy import ndimage

from geoglot.errors import ReadError
from geoglot.geo import Window
from geoglot.sources.raster import Raster
from geoglot.tasks.refine.refiner import CoarseMask, Refiner, View

_SIDE = 768
_HALO = 4  # patches around a block that are refined too; a refiner moves an edge by about one patch
_AT_ONCE = 16  # regions of a block that are held at once: bounds memory where a block has many
_Rows = tuple[Shaped[np.ndarray, "rows cols"], Shaped[np.ndarray, "rows cols"]]
#: Class ids and confidences (0..`certain`) of a window inside the scene
ReadMap = Callable[[Window], _Rows]


@dataclass(frozen=True)
class MapRefiner:
    """Refines each region of a class map.

    A region is a 4-connected part of one class within a block and its halo. Where refined regions overlap, the one with
    the higher mean confidence takes the pixel. Pixels that no region takes, and pixels without data, stay as they were.
    Blocks lie on a lattice of the scene, so the result does not depend on the model's windows. Neighbouring blocks
    agree at their border if the refiner does not look farther than the halo.
    """

    raster: Raster
    refiner: Refiner
    patch: int
    skip: frozenset[int]
    """Ids of pixels without a class."""
    certain: int
    """The confidence that means 1."""

    def rows(self, read: ReadMap, done: int = 0) -> Iterator[tuple[int, *_Rows]]:
        """First row, classes and confidences of each row of blocks from the top, without the first `done`."""
        height, width = self.raster.grid.shape
        halo = _HALO * self.patch
        step = max(self.patch, (self.refiner.side or _SIDE) - 2 * halo)
        for row in range(done * step, height, step):
            strip = Window(row, 0, min(step, height - row), width)
            classes, confidence = read(strip)
            for col in range(0, width, step):
                block = self._block(read, Window(row - halo, col - halo, step + 2 * halo, step + 2 * halo))
                length = min(step, width - col)
                inner, place = np.s_[halo : halo + strip.height, halo : halo + length], np.s_[:, col : col + length]
                classes[place], confidence[place] = block[0][inner], block[1][inner]
            yield row, classes, confidence

    def _block(self, read: ReadMap, window: Window) -> _Rows:
        """The refined map of a window that may reach beyond the scene."""
        inside = window.intersection(self.raster.grid.whole)
        assert inside is not None
        classes, confidence = read(inside)
        classes = np.pad(classes, window.rims(inside), constant_values=max(self.skip))
        confidence = np.pad(confidence, window.rims(inside))
        try:
            tile = self.raster.read(window)
        except ReadError:
            return classes, confidence  # unrefined
        return self._paint(classes, confidence, View(window, tile.pixels, tile.valid, self.patch))

    def _paint(
        self, classes: Shaped[np.ndarray, "rows cols"], confidence: Shaped[np.ndarray, "rows cols"], view: View
    ) -> _Rows:
        """Paint the refined regions over the map, the most confident last."""
        labels, values = _label(classes, self.skip)
        means = ndimage.mean(confidence, labels, range(1, len(values) + 1))
        order = sorted(range(len(values)), key=lambda index: means[index])
        scores = confidence / np.float32(self.certain)
        elsewhere = np.maximum((1 - scores) / 2, 0.01)
        new, new_confidence = classes.copy(), confidence.copy()
        for first in range(0, len(order), _AT_ONCE):
            group = order[first : first + _AT_ONCE]
            regions = [labels == index + 1 for index in group]
            refined = self.refiner(view, [CoarseMask(mask, np.where(mask, scores, elsewhere)) for mask in regions])
            for index, coarse, masks in zip(group, regions, refined, strict=True):
                mask = np.logical_or.reduce(masks or (coarse,)) & (labels > 0)
                kept = mask & (classes == values[index])
                new_confidence[mask] = round(float(means[index]))
                new_confidence[kept] = confidence[kept]
                new[mask] = values[index]
        return new, new_confidence


def _label(
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
