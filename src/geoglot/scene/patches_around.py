"""The patches that decide the pixels of a window, since a pixel lies between the centres of patches."""

import numpy as np

from geoglot.geo import Window
from geoglot.scene.windows import WindowPlan


def patches_around(plan: WindowPlan, window: Window) -> tuple[Window, tuple[slice, slice]]:
    """The block of the lattice whose centres surround the pixels of a window inside the scene, and where these pixels
    lie in the upsampled block."""
    pixels = window.within(plan.lattice_window)
    (top, bottom), (left, right) = (
        _surround(start, start + length, plan.patch, count)
        for start, length, count in zip(pixels[:2], pixels[2:], plan.lattice, strict=True)
    )
    rows, cols = pixels.row - top * plan.patch, pixels.col - left * plan.patch
    crop = slice(rows, rows + window.height), slice(cols, cols + window.width)
    return Window(top, left, bottom - top, right - left), crop


def _surround(start: int, stop: int, patch: int, count: int) -> tuple[int, int]:
    """The first patch along one axis, and the last plus one."""
    first = int(np.floor((start + 0.5) / patch - 0.5))
    last = int(np.floor((stop - 0.5) / patch - 0.5)) + 1
    return min(max(first, 0), count - 1), min(last, count - 1) + 1
