"""Instances of a name in a scene of any size: a threshold gives regions, which are split where blobs touch.

Hysteresis is a property of a region: all its pixels reach the low threshold, and at least one pixel reaches the high
one. So the regions do not depend on how the scene is cut into strips.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage

from geoglot.aliases import Progress
from geoglot.errors import EmptyError, SourceError
from geoglot.geo import Window
from geoglot.outputs.seams import Part, join_strips
from geoglot.scene.area import patches_within
from geoglot.scene.extents import extent_of
from geoglot.scene.otsu import threshold_otsu
from geoglot.scene.score_field import ScoreField

#: Largest bounding box, in pixels, of a region that is split and refined; a larger region is never held as a whole.
LARGEST = 4_000_000
#: low / high
LOW_TO_HIGH = 0.8
#: A window of full width and its scores; None if no score reaches the low threshold
Strip = tuple[Window, np.ndarray | None]
_BINS = 500
_UNDECIDED = 0.5  # at this score a name fits as well as the best background word
_SURE = 0.75  # chosen on pictures that mini learned from: the mean F1 of its five things is highest there
_EVERYWHERE = 0.9  # share of the patches from which a name matches the whole scene


@dataclass(frozen=True)
class Threshold:
    """Hysteresis (Canny 1986): an object is connected pixels that reach `low`, one of which reaches `high`."""

    high: float
    """At least one pixel of an object reaches this score."""
    low: float
    """Every pixel of an object reaches this score, before its outline is refined."""
    how: Literal["presence", "scene", "background", "given"]
    """How `high` was chosen. presence: 0.5, above which the model says that the name is there, or for single
    things 0.75, if one in the scene is as sure; scene: by Otsu's method from the scores of the scene; background: 0.5,
    above which the name fits better than the background words; given: by the user."""
    share: float
    """Share of the patches with data that reach `line`."""
    peak: float = 0.0
    """The highest score of a patch, of those that touch the area of interest."""

    @property
    def line(self) -> float:
        """The score that separates the name from the rest: an object whose mean score is lower is in doubt.

        It is `high`, but for a model that knows absence: there every pixel from `low` on is likelier than not.
        """
        return self.low if self.how == "presence" else self.high

    @property
    def is_everywhere(self) -> bool:
        """Whether nearly the whole scene reaches `line`, so that the name separates nothing."""
        return self.share >= _EVERYWHERE

    def to_json(self) -> dict[str, Any]:
        """The keys of `geoglot find --json`, which users' scripts read: "core" is `high`, "extent" is `low`."""
        core, extent, share = (round(value, 4) for value in (self.high, self.low, self.share))
        return {"core": core, "extent": extent, "how": self.how, "share": share}


def choose_threshold(field: ScoreField, min_score: float | None) -> Threshold:
    """The threshold of one name: `high` is `min_score` if given, else it follows from the scores of all patches.

    It is 0.5 if the model knows absence. Otherwise Otsu's method (1979) splits the scores to maximise the variance
    between two classes. It always gives two classes, even if there is only one. So its result is raised to 0.5, below
    which a background word fits better, and replaced by 0.5 if nearly all patches reach that. Raises SourceError if no
    patch has data.
    """
    counts, peak = np.zeros(_BINS, np.int64), 0.0
    for block in field.scene.blocks():
        rows = field.patches(block)
        scores = rows[~np.isnan(rows)]
        counts += np.bincount(np.minimum((scores * _BINS).astype(np.intp), _BINS - 1), minlength=_BINS)
        inside = rows if (area := field.scene.area) is None else rows[patches_within(area, field.scene.plan, block)]
        peak = max(peak, float(np.fmax.reduce(inside, None, initial=0)))
    if not counts.any():
        if failed := field.scene.failed:
            raise SourceError(f"no window of {field.scene.raster.uri} could be read or computed: {failed[0].reason}")
        raise EmptyError
    if min_score is not None:
        return Threshold(min_score, LOW_TO_HIGH * min_score, "given", _share(counts, min_score), peak)
    certain = field.question.knows_absence
    if not certain and np.count_nonzero(counts) > 1 and _share(counts, _UNDECIDED) < _EVERYWHERE:
        centres = (np.arange(_BINS) + 0.5) / _BINS
        high = threshold_otsu(counts, centres) + 0.5 / _BINS
        if high > _UNDECIDED:
            return Threshold(high, max(_UNDECIDED, LOW_TO_HIGH * high), "scene", _share(counts, high), peak)
    how: Literal["presence", "background"] = "presence" if certain else "background"
    return Threshold(_UNDECIDED, _UNDECIDED, how, _share(counts, _UNDECIDED), peak)


def _share(counts: np.ndarray, least: float) -> float:
    return float(counts[round(least * _BINS) :].sum() / counts.sum())


@dataclass
class Region(Part):
    """A 4-connected region of pixels that reach the low threshold."""

    top: int
    left: int
    bottom: int
    """One after the last row."""
    right: int
    peak: float
    peak_at: tuple[int, int]
    """Row and column, in the scene, of the first pixel with the highest score."""
    value = 1  # all regions of a name may join

    @property
    def box(self) -> Window:
        """The bounding box, in pixels of the scene."""
        return Window(self.top, self.left, self.bottom - self.top, self.right - self.left)

    def absorb(self, other: Region) -> None:
        self.top, self.left = min(self.top, other.top), min(self.left, other.left)
        self.bottom, self.right = max(self.bottom, other.bottom), max(self.right, other.right)
        first = max(self, other, key=lambda region: (region.peak, -region.peak_at[0], -region.peak_at[1]))
        self.peak, self.peak_at = first.peak, first.peak_at


def find_regions(field: ScoreField, threshold: Threshold, progress: Progress | None = None) -> list[Region]:
    """The regions of a name in which a pixel reaches the high threshold, from the top left."""

    def strips() -> Iterator[Strip]:
        height = field.scene.plan.shape[0]
        for window, scores in field.strips(threshold.low):
            yield window, scores
            if progress:
                progress(f"looking for {field.name}", window.row + window.height, height)

    return find_regions_in_strips(strips(), threshold)


def keep_sure(name: str, threshold: Threshold, regions: list[Region]) -> tuple[Threshold, list[Region]]:
    """Drop regions that are nowhere sure where others are: most are fragments of a thing, or a doubt beside it.

    Only for single things by the table of extents, such as cars, and a model that knows absence: of a cover or a mass,
    such as water or houses, every piece is ground that `segment` counts too. Where nothing is sure, all that is
    likelier than not is kept.
    """
    sure = [region for region in regions if region.peak >= _SURE]
    extent = extent_of(name)
    if threshold.how != "presence" or not sure or extent is None or extent.kind != "things":
        return threshold, regions
    return replace(threshold, high=_SURE), sure


def find_regions_in_strips(strips: Iterable[Strip], threshold: Threshold) -> list[Region]:
    """As `find_regions`, from strips that follow each other from the top."""
    regions = join_strips(_label(window, scores, threshold.low) for window, scores in strips)
    with_peak = [region for region in regions if region.peak >= threshold.high]
    return sorted(with_peak, key=lambda region: (region.top, region.left, region.peak_at))


def _label(
    window: Window, scores: np.ndarray | None, low: float
) -> tuple[Int[np.ndarray, "rows cols"], dict[int, Region]]:
    if scores is None:
        return np.zeros((1, window.width), np.int32), {}  # one empty row keeps regions above and below apart
    labels, _ = ndimage.label(scores >= low)
    boxes, peaks = ndimage.find_objects(labels), _first_peaks(labels, scores)
    regions = {}
    for label, ((rows, cols), (row, col)) in enumerate(zip(boxes, peaks, strict=True), 1):
        box = (window.row + rows.start, cols.start, window.row + rows.stop, cols.stop)
        regions[label] = Region(*box, float(scores[row, col]), (window.row + row, col))
    return labels, regions


def _first_peaks(labels: Int[np.ndarray, "rows cols"], scores: Float[np.ndarray, "rows cols"]) -> list[tuple[int, int]]:
    """Row and column of the first highest score of each label, from 1. scipy's would sort all pixels."""
    inside = np.flatnonzero(labels)
    inside = inside[np.argsort(labels.ravel()[inside], kind="stable")]
    own, values = labels.ravel()[inside], scores.ravel()[inside]
    starts = np.flatnonzero(np.diff(own, prepend=0))
    if not len(starts):
        return []
    highest = np.repeat(np.maximum.reduceat(values, starts), np.diff(np.append(starts, len(own))))
    peaks = np.flatnonzero(values == highest)
    first = inside[peaks[np.flatnonzero(np.diff(own[peaks], prepend=0))]]
    rows, cols = np.divmod(first, labels.shape[1])
    return list(zip(rows.tolist(), cols.tolist(), strict=True))


@dataclass(frozen=True)
class Instance:
    """One thing, before its outline is refined: a part of a region, or what a point or box of the user stands for."""

    field: ScoreField
    low: float
    """The low threshold of the region around it; the pixels of a box, or under a point, may score less."""
    box: Window
    """Bounding box, in pixels of the scene."""
    bits: UInt8[np.ndarray, " byte"]
    """The mask within the box, eight pixels a byte: a scene may hold very many instances."""
    score: float
    """Mean score over the mask."""
    drawn: bool
    """Whether the mask is a box that a person drew."""

    @classmethod
    def of(
        cls,
        field: ScoreField,
        low: float,
        mask: Bool[np.ndarray, "rows cols"],
        scores: Float[np.ndarray, "rows cols"],
        window: Window,
        drawn: bool = False,
    ) -> Instance:
        """Crop `mask`, which must have a pixel, and `scores` from their window to the bounding box of the mask."""
        place = rows, cols = ndimage.find_objects(mask.astype(np.uint8))[0]
        own = mask[place]
        box = Window(window.row + rows.start, window.col + cols.start, *own.shape)
        score = float(scores[place][own].mean(dtype=np.float64))
        return cls(field, low, box, np.packbits(own), score, drawn)

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def pixels(self) -> int:
        """How many pixels the mask has."""
        return int(np.unpackbits(self.bits).sum())  # the bits after the last pixel are 0

    @property
    def mask(self) -> Bool[np.ndarray, "rows cols"]:
        """The mask within the box."""
        shape = self.box.height, self.box.width
        return np.unpackbits(self.bits, count=shape[0] * shape[1]).reshape(shape).astype(bool)
