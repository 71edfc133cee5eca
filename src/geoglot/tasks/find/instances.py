"""Regions of high scores over a scene of any size, and the instances that they split into.

Hysteresis is a property of a region: all its pixels reach the extent of the threshold, and at least one of them the
core. So the regions do not depend on how the scene is cut into strips. Where blobs of a region touch, each is an
instance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage

from geoglot.aliases import Progress
from geoglot.geo import Window
from geoglot.outputs.seams import Part, join_strips
from geoglot.scene.score_field import ScoreField
from geoglot.tasks.find.threshold import Threshold
from geoglot.tasks.refine.edges import split_touching

#: Largest bounding box, in pixels, of a region that is split and refined; a larger one is never held at once.
LARGEST = 4_000_000
#: A window of full width and its scores; None if none of them reaches the extent
Strip = tuple[Window, np.ndarray | None]


@dataclass
class Region(Part):
    """A 4-connected region of pixels that reach the extent."""

    top: int
    left: int
    bottom: int
    """One after the last row."""
    right: int
    peak: float
    at: tuple[int, int]
    """Row and column of the first pixel with the highest score."""
    value = 1

    @property
    def box(self) -> Window:
        """The bounding box, in pixels of the scene."""
        return Window(self.top, self.left, self.bottom - self.top, self.right - self.left)

    def absorb(self, other: Region) -> None:
        self.top, self.left = min(self.top, other.top), min(self.left, other.left)
        self.bottom, self.right = max(self.bottom, other.bottom), max(self.right, other.right)
        first = max(self, other, key=lambda region: (region.peak, -region.at[0], -region.at[1]))
        self.peak, self.at = first.peak, first.at


def find_regions(field: ScoreField, threshold: Threshold, progress: Progress | None = None) -> list[Region]:
    """The regions of a name that hold a core, from the top left."""

    def strips() -> Iterator[Strip]:
        height = field.scene.plan.shape[0]
        for window, scores in field.strips(threshold.extent):
            yield window, scores
            if progress:
                progress(f"looking for {field.name}", window.row + window.height, height)

    return regions_of(strips(), threshold)


def regions_of(strips: Iterable[Strip], threshold: Threshold) -> list[Region]:
    """The regions that hold a core in strips given from the top; sorted from the top left."""
    regions = join_strips(_label(window, scores, threshold.extent) for window, scores in strips)
    found = [region for region in regions if region.peak >= threshold.core]
    return sorted(found, key=lambda region: (region.top, region.left, region.at))


def _label(
    window: Window, scores: np.ndarray | None, extent: float
) -> tuple[Int[np.ndarray, "rows cols"], dict[int, Region]]:
    if scores is None:
        return np.zeros((1, window.width), np.int32), {}
    labels, count = ndimage.label(scores >= extent)
    boxes, peaks = ndimage.find_objects(labels), ndimage.maximum_position(scores, labels, range(1, count + 1))
    regions = {}
    for label, ((rows, cols), (row, col)) in enumerate(zip(boxes, peaks, strict=True), 1):
        box = (window.row + rows.start, cols.start, window.row + rows.stop, cols.stop)
        regions[label] = Region(*box, float(scores[row, col]), (window.row + int(row), int(col)))
    return labels, regions


@dataclass(frozen=True)
class Instance:
    """One thing, as the scores show it."""

    field: ScoreField
    extent: float
    """Least score of its pixels."""
    box: Window
    """Bounding box, in pixels of the scene."""
    bits: UInt8[np.ndarray, " byte"]
    """The mask within the box, eight pixels a byte: a scene may hold very many instances."""
    score: float
    """Mean over the mask."""
    drawn: bool
    """Whether the mask is a box that a person drew."""

    @classmethod
    def of(
        cls,
        field: ScoreField,
        extent: float,
        mask: Bool[np.ndarray, "rows cols"],
        scores: Float[np.ndarray, "rows cols"],
        window: Window,
        drawn: bool = False,
    ) -> Instance:
        """The instance of a mask in `window`, which has at least one pixel."""
        place = rows, cols = ndimage.find_objects(mask.astype(np.uint8))[0]
        own = mask[place]
        box = Window(window.row + rows.start, window.col + cols.start, *own.shape)
        score = float(scores[place][own].mean(dtype=np.float64))
        return cls(field, extent, box, np.packbits(own), score, drawn)

    @property
    def name(self) -> str:
        """The name that was asked for."""
        return self.field.name

    @property
    def mask(self) -> Bool[np.ndarray, "rows cols"]:
        """The mask within the box."""
        shape = self.box.height, self.box.width
        return np.unpackbits(self.bits, count=shape[0] * shape[1]).reshape(shape).astype(bool)


def split_region(region: Region, field: ScoreField, extent: float) -> list[Instance]:
    """The instances of a region whose box is no larger than LARGEST."""
    scores = field.read(region.box)
    labels, _ = ndimage.label(scores >= extent)
    own = labels == labels[region.at[0] - region.top, region.at[1] - region.left]
    parts = split_touching(own, scores)
    instances = []
    for label, place in enumerate(ndimage.find_objects(parts), 1):
        rows, cols = place
        window = Window(region.top + rows.start, region.left + cols.start, *parts[place].shape)
        instances.append(Instance.of(field, extent, parts[place] == label, scores[place], window))
    return instances
