"""How far one picture lies from another, in fractions of a pixel, by the directions of their edges.

Orientation correlation (Fitch et al. 2002, BMVC, doi 10.5244/C.16.11): light, haze and season change how strong an edge
is, not where it lies. The angle of a gradient is doubled, so that an edge also fits where bright and dark have changed
sides, as a field beside a forest does from summer to winter.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy import fft, ndimage

_BLUR = 1.0  # pixels; with more, the shadows of another hour pull the estimate
_NEAR_HOLE = 4  # pixels around no data whose edges are those of the hole
_WHITEN = 0.5  # power by which the spectrum is evened out: fields in rows fit at every row, and all in a broad heap
_OWN = 3  # pixels around a peak that belong to it
_CLEAR, _RIVAL = 7.0, 0.85  # height of a clear peak, and of the next highest as a share of it

Edges = np.ndarray
"""Complex (rows, cols): doubled direction of the gradient, 0 where there is none, at most 1."""


class Peak(NamedTuple):
    """The highest place of a surface."""

    down: float
    right: float
    height: float
    """In standard deviations of the surface."""
    rival: float
    """Height of the highest other place, as a share of this."""

    @property
    def is_clear(self) -> bool:
        """Whether neither noise nor a pattern that repeats itself is as high."""
        return self.height >= _CLEAR and self.rival <= _RIVAL


def edges_of(
    pixels: Float[np.ndarray, "band rows cols"], valid: Bool[np.ndarray, "rows cols"], strength: float
) -> Edges:
    """The edges of a picture, faded to 0 at its border; those below `strength`, in brightness a pixel, count less."""
    grey = pixels[:3].mean(0)
    grey = np.where(valid, grey, grey[valid].mean() if valid.any() else 0)
    slope = ndimage.gaussian_filter(grey, _BLUR, order=(0, 1)) + 1j * ndimage.gaussian_filter(grey, _BLUR, order=(1, 0))
    doubled = slope**2 / (np.abs(slope) ** 2 + strength**2)
    kept = ndimage.binary_erosion(valid, iterations=_NEAR_HOLE, border_value=1)
    window = np.outer(*map(np.hanning, grey.shape)) * kept
    # One direction in all of the picture would fit everywhere.
    return np.asarray(window * (doubled - (window * doubled).sum() / max(window.sum(), 1e-30)))


def correlate(reference: Edges, other: Edges) -> Float[np.ndarray, "rows cols"]:
    """How well two pictures of one shape fit for every shift, which is 0 in the middle; mean 0, in any unit."""
    product = np.conj(fft.fft2(reference)) * fft.fft2(other)
    product[0, 0] = 0
    surface = fft.fftshift(fft.ifft2(product / np.maximum(np.abs(product), 1e-12) ** _WHITEN).real)
    return np.asarray(surface / max(surface.std(), 1e-12))


def find_peak(surface: Float[np.ndarray, "rows cols"], reach: int) -> Peak | None:
    """The highest place at most `reach` pixels from no shift; None if it lies on the border of what is looked at.

    A paraboloid through it and its eight neighbours gives the fraction of a pixel.
    """
    middle = [side // 2 for side in surface.shape]
    part = surface[tuple(slice(at - reach, at + reach + 1) for at in middle)]
    row, col = (int(at) for at in np.unravel_index(part.argmax(), part.shape))
    if not (0 < row < 2 * reach and 0 < col < 2 * reach):
        return None
    down, right = _top_of(part[row - 1 : row + 2, col - 1 : col + 2])
    highest, others = float(part[row, col]), part.copy()
    others[max(0, row - _OWN) : row + _OWN + 1, max(0, col - _OWN) : col + _OWN + 1] = -np.inf
    height = highest / max(float(surface.std()), 1e-12)
    return Peak(row - reach + down, col - reach + right, height, float(others.max()) / max(highest, 1e-12))


def _top_of(square: Float[np.ndarray, "3 3"]) -> tuple[float, float]:
    """Where the least-squares paraboloid over 3 x 3 values is highest, at most a pixel from its middle."""
    down, up = square.sum(1)[2], square.sum(1)[0]
    right, left = square.sum(0)[2], square.sum(0)[0]
    slope = np.array([down - up, right - left]) / 6
    bend = np.array([down + up - 2 * square.sum(1)[1], right + left - 2 * square.sum(0)[1]]) / 3
    twist = (square[0, 0] + square[2, 2] - square[0, 2] - square[2, 0]) / 4
    bends = np.array([[bend[0], twist], [twist, bend[1]]])
    if bend.max() >= 0 or np.linalg.det(bends) <= 0:
        return 0.0, 0.0
    row, col = -np.linalg.solve(bends, slope)
    return float(np.clip(row, -1, 1)), float(np.clip(col, -1, 1))
