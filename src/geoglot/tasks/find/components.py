"""Connected regions of high scores over a scene of any size, whole across strips.

Hysteresis is a property of a region: all its pixels reach the extent, and one of them the core. So it does not
depend on how the scene is cut. Memory is bounded by a strip and the regions still open at its lower edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from geoglot.aliases import Progress
from geoglot.geo import Window
from geoglot.scene.score_field import ScoreField
from geoglot.tasks.find.threshold import Threshold

#: A window of full width and its scores; None where none of them counts
Strip = tuple[Window, np.ndarray | None]


@dataclass
class Region:
    """A 4-connected region of pixels that reach the extent."""

    top: int
    left: int
    bottom: int
    right: int
    """One after the last column."""
    peak: float
    at: tuple[int, int]
    """Row and column of the first pixel with the highest score."""
    _part_of: Region | None = None

    @property
    def box(self) -> Window:
        """The pixels that it lies in."""
        return Window(self.top, self.left, self.bottom - self.top, self.right - self.left)

    def whole(self) -> Region:
        """The region that this one has become part of, or itself."""
        region = self
        while region._part_of is not None:
            region = region._part_of
        return region

    def absorb(self, other: Region) -> None:
        """Take over a region that turned out to be the same."""
        self.top, self.left = min(self.top, other.top), min(self.left, other.left)
        self.bottom, self.right = max(self.bottom, other.bottom), max(self.right, other.right)
        self.peak, self.at = max((self.peak, self.at), (other.peak, other.at), key=_order)
        other._part_of = self


def _order(peak: tuple[float, tuple[int, int]]) -> tuple[float, int, int]:
    """Higher first, then nearer to the top left."""
    return peak[0], -peak[1][0], -peak[1][1]


def find_regions(field: ScoreField, threshold: Threshold, progress: Progress | None = None) -> list[Region]:
    """The regions of a name that hold a core, from the top left."""

    def strips() -> Iterator[Strip]:
        height = field.scene.plan.shape[0]
        for window, scores in field.strips(threshold.extent):
            yield window, scores
            if progress:
                progress(f"looking for {field.name}", window.row + window.height, height)

    return join_strips(strips(), threshold)


def join_strips(strips: Iterable[Strip], threshold: Threshold) -> list[Region]:
    """Regions that hold a core out of strips that follow each other downwards, from the top left."""
    found, still_open, above = list[Region](), dict[int, Region](), None
    for window, scores in strips:
        labels, regions = _label(scores, window, threshold.extent)
        if above is not None and labels is not None:
            _join(above, labels[0], still_open, regions)
        last = {label: regions[label].whole() for label in _labels_of(labels)}
        going_on = {id(region) for region in last.values()}
        closed = {id(region.whole()): region.whole() for region in [*still_open.values(), *regions.values()]}
        found += [region for key, region in closed.items() if key not in going_on and region.peak >= threshold.core]
        still_open, above = last, None if labels is None else labels[-1]
    found += {id(region): region for region in still_open.values() if region.peak >= threshold.core}.values()
    return sorted(found, key=lambda region: (region.top, region.left, region.at))


def _labels_of(labels: np.ndarray | None) -> list[int]:
    """Those in the last row."""
    return [] if labels is None else [label for label in np.unique(labels[-1]).tolist() if label]


def _label(scores: np.ndarray | None, window: Window, extent: float) -> tuple[np.ndarray | None, dict[int, Region]]:
    """The regions of one strip by their label."""
    if scores is None:
        return None, {}
    labels, count = ndimage.label(scores >= extent)
    if not count:
        return None, {}
    places = ndimage.maximum_position(scores, labels, range(1, count + 1))
    regions = {}
    for label, ((rows, cols), (row, col)) in enumerate(zip(ndimage.find_objects(labels), places, strict=True), 1):
        at = (window.row + int(row), int(col))
        box = (window.row + rows.start, cols.start, window.row + rows.stop, cols.stop)
        regions[label] = Region(*box, float(scores[row, col]), at)
    return labels, regions


def _join(above: np.ndarray, below: np.ndarray, still_open: dict[int, Region], regions: dict[int, Region]) -> None:
    """Make one region of those that meet across the seam."""
    meets = (above > 0) & (below > 0)
    for upper, lower in np.unique(np.stack([above[meets], below[meets]], 1), axis=0).tolist():
        kept, gone = still_open[upper].whole(), regions[lower].whole()
        if kept is not gone:
            kept.absorb(gone)
