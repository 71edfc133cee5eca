"""Finds clouds and their shadows by what other dates show below.

A cloud is whiter and brighter than the ground in every band, near infrared and beyond included, so that snow, which is
dark there, and red roofs are none. New concrete, dry lakes and fields are as bright. A cloud is told from them by its
form: it is large, its edge is soft, does not follow the borders on the ground, and hides what they enclose. Where one
of these fails, nothing is left out. A shadow is ground that is darker in every band where the clouds of the same date
lie when they are moved by one step, that of the sun.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import fft, ndimage
from skimage.filters import apply_hysteresis_threshold

from geoglot.tasks.change.align.dated_raster import CLOUD, SHADOW

_BRIGHTER, _WEAKLY = 0.15, 0.04  # mean brightness above the ground of a cloud, and of its veil
_NO_DARKER = -0.02  # in any band
_BRIGHT, _BRIGHTEST = 0.5, 0.8  # least brightness of a cloud, and of the brightest fifth of it
_GROUND = 98  # percentile of the ground's brightness that the brightest fifth of a cloud reaches
_COLOUR = 0.18  # most that its bands differ, as a share of the brightness
_BEYOND = 0.05  # by so much of the range of a band beyond the visible a cloud is brighter
_WIDE_M, _WIDE = 120.0, 6  # a cloud is at least so many metres, and cells, wide somewhere
_SOFT = 0.22  # of the height of a cloud is the most that its edge rises from cell to cell
_OWN_EDGE = 1.5  # times the edges around it, those of the ground along its border may be
_HIDES = 0.6  # correlation of the detail in a cloud with that of the ground, at most
_AROUND, _VEIL = 8, 4  # cells around a region that it is compared with, and that its veil may reach
_DARKER = 0.75  # of the brightness of the ground is the most that a shadow has in every band
_FAR = 0.3  # of the picture is the most that a shadow lies from its cloud
_SEEN = 0.15  # share of the clouds whose shadow must be seen
_STEP_OWN = 12  # cells around a step that belong to it, beside half the width of the largest cloud
_RIVAL = 0.85  # share of the height of a step that another may reach
_CAST, _OF_CLOUD = 0.4, 0.3  # share of the clouds that a step must put on dark ground; of dark ground that lies there

Bands = Float[np.ndarray, "band rows cols"]
Beyond = Float[np.ndarray, "other_band rows cols"]
Mask = Bool[np.ndarray, "rows cols"]


def find_hidden(
    shown: Sequence[Bands], beyond: Sequence[Beyond | None], valid: Sequence[Mask], cell_m: float | None
) -> list[UInt8[np.ndarray, "rows cols"]]:
    """CLEAR, CLOUD or SHADOW of every cell on every date.

    shown: the comparable brightness of red, green and blue. beyond: comparable values of near infrared and beyond, None
    if a date has none. cell_m: metres along a cell. If it is not known, no cloud can be told from a bright yard, and
    all cells are CLEAR.
    """
    if cell_m is None:
        return [np.zeros(mask.shape, np.uint8) for mask in valid]
    width = max(_WIDE, int(np.ceil(_WIDE_M / cell_m)))
    found = []
    for place in range(len(shown)):
        others = [other for other in range(len(shown)) if other != place]
        ground, known = _ground([shown[other] for other in others], [valid[other] for other in others])
        known = known & valid[place]
        rises = _rises_beyond(place, others, beyond, valid)
        cloud = _find_clouds(shown[place], ground, known & rises, width)
        cells = np.where(cloud, CLOUD, 0).astype(np.uint8)
        cells[_find_shadows(shown[place], ground, known & ~cloud, cloud)] = SHADOW
        found.append(cells)
    return found


def _ground(others: Sequence[np.ndarray], valid: Sequence[Mask]) -> tuple[np.ndarray, Mask]:
    """What the other dates show: their middle brightness, the lower of two, since a cloud may lie on one of them."""
    stack = np.where(np.stack(valid)[:, None], np.stack(others), np.nan)
    known = np.any(valid, axis=0)
    stack[:, :, ~known] = 0
    ranked = np.sort(stack, axis=0)  # NaN come last
    middle = np.maximum(np.sum(valid, axis=0) - 1, 0) // 2
    return np.take_along_axis(ranked, np.broadcast_to(middle, (1, *ranked.shape[1:])), 0)[0], known


def _rises_beyond(place: int, others: Sequence[int], beyond: Sequence[Beyond | None], valid: Sequence[Mask]) -> Mask:
    """Where every band beyond the visible is brighter than on other dates; everywhere if they cannot be compared."""
    own = beyond[place]
    bands = [beyond[other] for other in others]
    if own is None or not len(own) or any(other is None or len(other) != len(own) for other in bands):
        return np.ones_like(valid[place])
    ground, known = _ground([other for other in bands if other is not None], [valid[other] for other in others])
    low, high = np.percentile(ground[:, known], (2, 98), axis=1) if known.any() else (np.zeros(len(own)),) * 2
    return np.asarray((own - ground > _BEYOND * (high - low)[:, None, None]).all(0))


def _find_clouds(shown: Bands, ground: Bands, known: Mask, width: int) -> Mask:
    rises, level = shown - ground, shown.mean(0)
    rise = np.where(known & (rises.min(0) >= _NO_DARKER), rises.mean(0), 0)
    white = np.ptp(shown, axis=0) <= _COLOUR * level
    strong = (rise >= _BRIGHTER) & white & (level >= _BRIGHT)
    top = max(_BRIGHTEST, float(np.percentile(ground.mean(0)[known], _GROUND)) if known.any() else 0.0)
    regions, _ = ndimage.label(ndimage.binary_opening(strong, iterations=1))
    cloud = np.zeros(strong.shape, bool)
    for number, box in enumerate(ndimage.find_objects(regions), 1):
        around = tuple(slice(max(0, side.start - _AROUND), side.stop + _AROUND) for side in box)
        region = regions[around] == number
        if np.percentile(level[around][region], 80) < top:
            continue
        if _is_cloud(region, level[around], ground[:, *around].mean(0), rise[around], width):
            cloud[around] |= region
    if not cloud.any():
        return cloud
    veil = apply_hysteresis_threshold(rise, _WEAKLY, _BRIGHTER) & known
    return np.asarray(ndimage.binary_dilation(cloud, iterations=_VEIL, mask=veil | cloud))


def _is_cloud(region: Mask, level: np.ndarray, ground: np.ndarray, rise: np.ndarray, width: int) -> bool:
    """Whether a bright white region has the form of a cloud."""
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    if 2 * depth.max() < width:
        return False
    height = float(np.median(rise[region]))
    border = ndimage.binary_dilation(region, iterations=2) & ~ndimage.binary_erosion(region, iterations=2)
    steps, ground_steps = (np.hypot(*np.gradient(picture)) for picture in (level, ground))
    if np.median(steps[border]) > _SOFT * height:
        return False
    around = ndimage.binary_dilation(region, iterations=_AROUND) & ~border
    if ground_steps[border].mean() > _OWN_EDGE * max(float(ground_steps[around].mean()), 1e-6):
        return False
    own, below = (
        (picture - ndimage.gaussian_filter(picture, 2.0))[region & (depth > 2)] for picture in (level, ground)
    )
    return own.size > 0 and own.std() <= max(float(below.std()), 1e-6) * 1.5 and _correlation(own, below) <= _HIDES


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    first, second = first - first.mean(), second - second.mean()
    return float((first * second).sum() / max(float(np.sqrt((first**2).sum() * (second**2).sum())), 1e-30))


def _find_shadows(shown: Bands, ground: Bands, known: Mask, cloud: Mask) -> Mask:
    """Dark ground where the clouds lie once they are moved by the step that puts most of them on dark ground."""
    none = np.zeros(cloud.shape, bool)
    dark = ndimage.binary_opening(((shown <= _DARKER * ground) & known).all(0), iterations=1)
    if not cloud.any() or not dark.any():
        return none
    step = _step_of_sun(cloud, dark, known)
    if step is None:
        return none
    cast = ndimage.shift(cloud.astype(np.uint8), step, order=0) > 0
    near = ndimage.binary_dilation(cast, iterations=3)
    regions, count = ndimage.label(dark)
    share = ndimage.mean(near, regions, np.arange(count + 1))
    shadow = np.isin(regions, np.flatnonzero(share >= _OF_CLOUD)) & (regions > 0)
    return np.asarray(ndimage.binary_dilation(shadow & near, iterations=2) & known)


def _step_of_sun(cloud: Mask, dark: Mask, visible: Mask) -> tuple[int, int] | None:
    """The step (down, right) from clouds to their shadows; None if no step puts enough of them on dark ground.

    Only visible ground counts: a large cloud hides a part of its own shadow.
    """
    size = [fft.next_fast_len(2 * side) for side in cloud.shape]
    of_cloud = np.conj(fft.rfft2(cloud, size))
    on_dark = fft.irfft2(of_cloud * fft.rfft2(dark, size), size)
    inside = fft.irfft2(of_cloud * fft.rfft2(visible, size), size)
    share = np.where(inside >= _SEEN * cloud.sum(), on_dark / np.maximum(inside, 1), 0)
    down, right = (np.fft.fftfreq(count, 1 / count).round() for count in size)
    share[np.hypot(down[:, None], right) > _FAR * max(cloud.shape)] = 0
    row, col = (int(at) for at in np.unravel_index(share.argmax(), share.shape))
    own = _STEP_OWN + int(ndimage.distance_transform_edt(cloud).max())
    highest, others = float(share[row, col]), np.roll(share, (own - row, own - col), (0, 1))
    others[: 2 * own + 1, : 2 * own + 1] = 0
    if highest < _CAST or others.max() > _RIVAL * highest:
        return None
    return int(down[row]), int(right[col])


def share_of(cells: Mask, counted: Mask) -> float:
    """The share of the counted cells for which a mask holds."""
    return float((cells & counted).sum() / max(1, int(counted.sum())))
