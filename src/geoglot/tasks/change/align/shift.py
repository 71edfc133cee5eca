"""The shift between two dates, voted by many places of the pictures, and refused where they disagree."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from geoglot.errors import InputError, ReadError
from geoglot.figures import format_number
from geoglot.geo import Grid, Window
from geoglot.sources.raster import Raster
from geoglot.tasks.change.align.correlate import Peak, correlate, edges_of, find_peak

_SIDE, _LEAST_SIDE, _SMALLEST = 256, 64, 48  # pixels of a place: at most, at least, and in a tiny scene
_ACROSS, _LEAST_ACROSS = 6, 3  # places a side: at most, however large the scene, and at least, so that they can vote
_REACH = 4  # of a side that is looked at around no shift: one part in so many
_HAS_DATA = 0.6  # share of a place that both dates must show
_FLAT = 1e-4  # brightness a pixel: a picture whose median edge is weaker is black or one colour
_NEAR = 2.0  # pixels from the vote within which a place agrees
_AGREE = 0.5  # of the clear places must
_FEW = 3  # clear places that can tell a shift without a vote of all
_MANY = 6  # clear places that can disagree
_NO_MATTER = 0.1  # pixels: what a smaller shift mends is less than what resampling blurs
_UNKNOWN = 1.0  # pixels that two dates may be apart where nothing tells


@dataclass(frozen=True)
class Shift:
    """How far a date lies from the reference, and how sure that is."""

    down: float = 0.0
    """Pixels of the common grid from a thing in the reference to the same thing in this date."""
    right: float = 0.0
    applied: bool = False
    error_px: float = 0.0
    """How far things may still lie apart once it is applied: one standard deviation over the places."""
    places: int = 0
    """With a clear estimate of their own."""
    agreeing: int = 0
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """For manifests and results."""
        return {
            "shift_px": [round(self.right, 3), round(self.down, 3)],
            "shift_applied": self.applied,
            "shift_error_px": round(self.error_px, 3),
            "places": self.places,
            "agreeing": self.agreeing,
        }


def find_shift(reference: Raster, other: Raster, around: Shift = Shift()) -> Shift:
    """Estimate the shift of `other`, which is read on the grid of `reference`; InputError where places disagree.

    `around` is a shift that `other` was moved by already: the result is the sum.
    """
    surfaces = list(_surfaces(reference, other))
    own = [peak for surface in surfaces if (peak := find_peak(surface, _reach(surface))) and peak.is_clear]
    vote = _vote(surfaces)
    if vote is None and len(own) < _FEW:
        why = "the pictures have too few edges in common to tell a shift"
        return Shift(around.down, around.right, around.applied, _UNKNOWN, note=why)
    vote = vote or max(own, key=lambda peak: peak.height)
    agreeing = [peak for peak in own if np.hypot(peak.down - vote.down, peak.right - vote.right) <= _NEAR]
    down, right = (float(np.median([peak[axis] for peak in agreeing or [vote]])) for axis in (0, 1))
    shift = Shift(around.down + down, around.right + right, around.applied, _spread(agreeing), len(own), len(agreeing))
    if len(agreeing) >= max(2, _AGREE * len(own)):
        return shift
    if len(own) >= _MANY:
        raise InputError(_disagreement(reference, other, shift))
    agree = f"only {shift.agreeing} of {shift.places} places agree on one shift, about {_say(reference.grid, shift)}"
    why = f"{agree}; look whether the dates lie on one another"
    return Shift(around.down, around.right, around.applied, _UNKNOWN, len(own), len(agreeing), why)


def matters(shift: Shift) -> bool:
    """Whether a shift is larger than what its removal costs, and than its own error."""
    error = shift.error_px / math.sqrt(max(1, shift.agreeing))
    return math.hypot(shift.down, shift.right) >= max(_NO_MATTER, error)


def metres(grid: Grid, down: float, right: float) -> tuple[float, float] | None:
    """East and north, in metres, of a step on a north-up metric grid; None without a CRS."""
    if grid.crs is None:
        return None
    a, _, _, _, e, _ = tuple(grid.transform)[:6]
    return right * a, down * e


def _surfaces(reference: Raster, other: Raster) -> Iterator[Float[np.ndarray, "rows cols"]]:
    for window in _places(reference.grid):
        try:
            first, second = reference.read(window), other.read(window)
        except ReadError:  # the run that reads all windows reports it
            continue
        if (first.valid & second.valid).mean() < _HAS_DATA:
            continue
        strengths = [_strength(tile.pixels) for tile in (first, second)]
        if min(strengths) > _FLAT:
            edges = (
                edges_of(tile.pixels, tile.valid, strength)
                for tile, strength in zip((first, second), strengths, strict=True)
            )
            yield correlate(*edges)


def _places(grid: Grid) -> Iterator[Window]:
    """Square windows all over a grid, at most `_ACROSS` a side; none in a grid that is too small."""
    shortest = min(grid.shape)
    side = min(shortest, max(_LEAST_SIDE, min(_SIDE, shortest // _LEAST_ACROSS)))
    if side < _SMALLEST:
        return
    starts = []
    for length in grid.shape:
        count = min(_ACROSS, -(-length // side))
        starts.append(np.linspace(0, length - side, count).round().astype(int).tolist())
    for row in starts[0]:
        for col in starts[1]:
            yield Window(row, col, side, side)


def _strength(pixels: Float[np.ndarray, "band rows cols"]) -> float:
    """The median step of brightness from pixel to pixel."""
    grey = pixels[:3].mean(0)
    return float(np.median(np.hypot(*np.gradient(grey))))


def _vote(surfaces: list[Float[np.ndarray, "rows cols"]]) -> Peak | None:
    """The shift that all places together show; None if it is not clear."""
    if not surfaces:
        return None
    peak = find_peak(np.sum(surfaces, axis=0), _reach(surfaces[0]))
    return peak if peak and peak.is_clear else None


def _reach(surface: Float[np.ndarray, "rows cols"]) -> int:
    return int(min(surface.shape)) // _REACH


def _spread(peaks: list[Peak]) -> float:
    """One standard deviation of the distance along an axis, from the median absolute deviation."""
    if len(peaks) < _FEW:
        return _UNKNOWN / 2
    places = np.array([(peak.down, peak.right) for peak in peaks])
    return float(1.4826 * np.median(np.abs(places - np.median(places, axis=0)), axis=0).max())


def _say(grid: Grid, shift: Shift) -> str:
    """A shift in words, in metres too where there are any."""
    said = f"{shift.right:+.1f} px right and {shift.down:+.1f} px down"
    moved = metres(grid, shift.down, shift.right)
    return f"{said} ({format_number(moved[0])} m east, {format_number(moved[1])} m north)" if moved else said


def _disagreement(reference: Raster, other: Raster, shift: Shift) -> str:
    return (
        f"{other.uri} cannot be aligned with {reference.uri}: of {shift.places} places that show a shift only "
        f"{shift.agreeing} agree on about {_say(reference.grid, shift)}; georeference one of the two by the other "
        "first, or compare a part of the scene: --aoi"
    )
