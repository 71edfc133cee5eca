"""Otsu's threshold between two heaps of numbers."""

import numpy as np
from jaxtyping import Float, Num


def threshold_otsu(counts: Num[np.ndarray, " bin"], centres: Float[np.ndarray, " bin"]) -> float:
    """The centre of the bin that splits a histogram with the largest variance between both parts (Otsu 1979).

    At least two bins must hold a number. The threshold is that of scikit-image, to the bit, without its import, which
    takes a quarter of a second.
    """
    held = np.flatnonzero(counts)
    part = slice(held[0], held[-1] + 1)
    counts, centres = counts[part].astype(np.float32), centres[part]
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    mean_below = np.cumsum(counts * centres) / below
    mean_above = (np.cumsum((counts * centres)[::-1]) / above[::-1])[::-1]
    variance = below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2
    return float(centres[variance.argmax()])
