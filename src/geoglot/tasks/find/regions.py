"""Connected regions of high scores over a scene of any size.

Hysteresis is a property of a region: all its pixels reach the extent of the threshold, and at least one of them the
core. So the regions do not depend on how the scene is cut into strips.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy import ndimage

from geoglot.aliases import Progress
from geoglot.geo import Window
from geoglot.outputs.seams import Part, join_strips
from geoglot.scene.score_field import ScoreField
from geoglot.tasks.find.threshold import Threshold

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
