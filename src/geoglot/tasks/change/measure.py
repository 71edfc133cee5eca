"""Areas on the ground: of each state on each date, and of each change between dates."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from geoglot.geo import Grid, Window
from geoglot.tasks.change.history import UNKNOWN, Strip
from geoglot.tasks.change.posterior import Transitions
from geoglot.tasks.segment.shares import even_windows


@dataclass(frozen=True)
class Tally:
    """Pixels, and square metres on the ground (0 without a CRS)."""

    pixels: Integer[np.ndarray, "date state"]
    areas: Float[np.ndarray, "date state"]
    moved: Integer[np.ndarray, "step transition"]
    """Pixels of each change; row 0 is the first step, and transitions count from 0, which is no change."""
    moved_areas: Float[np.ndarray, "step transition"]
    across: Integer[np.ndarray, " transition"]
    """Pixels of each change from the first date to the last."""
    unknown: int
    """Pixels that are not known on all dates."""


def measure(strips: Iterable[Strip], grid: Grid, dates: int, transitions: Transitions) -> Tally:
    """Measure the history of a scene. The area of a pixel varies, so it is computed block by block."""
    states = transitions.states
    pixels, moved = np.zeros((dates, states), np.int64), np.zeros((dates - 1, transitions.count + 1), np.int64)
    areas, moved_areas = np.zeros(pixels.shape), np.zeros(moved.shape)
    across, unknown = np.zeros_like(moved[0]), 0
    for strip in strips:
        rows = Window(strip.row, 0, *strip.states.shape[1:])
        for window in even_windows(grid, rows):
            block = strip.states[:, :, window.col : window.col + window.width]
            known = block[:, block[0] != UNKNOWN]
            unknown += block[0].size - known.shape[1]
            own = np.stack([np.bincount(each, minlength=states) for each in known])
            pairs = transitions.number(known[:-1], known[1:])
            changed = np.stack([np.bincount(each, minlength=len(across)) for each in pairs])
            across += np.bincount(transitions.number(known[0], known[-1]), minlength=len(across))
            pixel_m2 = grid.pixel_area_m2(window) or 0.0
            pixels, moved = pixels + own, moved + changed
            areas, moved_areas = areas + own * pixel_m2, moved_areas + changed * pixel_m2
    return Tally(pixels, areas, moved, moved_areas, across, unknown)
