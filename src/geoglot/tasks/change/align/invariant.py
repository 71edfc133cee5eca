"""Finds ground that has not changed, and the line between its numbers on two dates.

As in IR-MAD (Nielsen 2007, doi 10.1109/TIP.2006.888195; Canty and Nielsen 2008 for radiometry) every pixel is weighted
by the probability that what it departs from the lines of all bands by is noise, and the lines are fitted again by these
weights, until they stay. A field that has grown departs in some band; light and haze depart in none.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from geoglot.tasks.change.align.gains import Line

_ROUNDS, _STAYS = 50, 1e-3
_PART = 0.1  # weight from which a pixel counts as unchanged
_LEAST, _LEAST_SHARE = 200, 0.1  # pixels, and share of all, that must be unchanged: fewer lie on any line by chance
_FIT = 0.9  # correlation of unchanged pixels in every band
_APART = 0.2  # standard deviations of a band by which the lines of the two halves of the ground may differ
_NOISE = 1e-6  # of the variance of a band, so that two equal pictures have a spread

Bands = Float[np.ndarray, "band pixel"]
Weights = Float[np.ndarray, " pixel"]
"""The probability of each pixel that it has not changed, by what it departs from the lines."""


def find_invariant(first: Bands, second: Bands, half: Bool[np.ndarray, " pixel"]) -> Weights | None:
    """The unchanged pixels of two dates; None if there is no one line in every band that much of the ground lies on.

    Where no ground is the same, some pixels lie on a line by chance, but not on the same in each `half` of the ground.
    """
    parts = [_weigh(first[:, which], second[:, which]) for which in (half, ~half)]
    weights = _weigh(first, second)
    if weights is None or any(part is None for part in parts):
        return None
    fits = (_correlation(*bands, weights) for bands in zip(first, second, strict=True))
    if min(fits) < _FIT:
        return None
    lines = np.array([
        fit_lines(first[:, which], second[:, which], part)
        for which, part in zip((half, ~half), parts, strict=True)
        if part is not None
    ])  # fmt: skip
    levels = np.quantile(first, (0.1, 0.5, 0.9), axis=1).T
    ends = lines[..., :1] * levels + lines[..., 1:]
    return weights if (np.abs(ends[0] - ends[1]) <= _APART * second.std(1)[:, None]).all() else None


def _weigh(first: Bands, second: Bands) -> Weights | None:
    """The weights once they stay, or before too little ground would count; None if it is too little at once."""
    weights: Weights | None = None
    found = np.ones(first.shape[1])
    for _ in range(_ROUNDS):
        if (found >= _PART).sum() < max(_LEAST, _LEAST_SHARE * len(found)):
            break
        before, weights = weights, found
        if before is not None and np.abs(weights - before).max() < _STAYS:
            break
        lines = np.array(fit_lines(first, second, weights))
        rest = second - lines[:, :1] * first - lines[:, 1:]
        spread = (weights * rest) @ rest.T / weights.sum() + np.diag(_NOISE * second.var(1) + 1e-18)
        found = np.asarray(stats.chi2.sf(np.einsum("in,in->n", rest, np.linalg.solve(spread, rest)), len(first)))
    return weights


def fit_lines(first: Bands, second: Bands, weights: Weights) -> list[Line]:
    """For each band the line from the first date to the second, which treats both alike: it mirrors if they change.

    The gain is the ratio of the standard deviations (reduced major axis).
    """
    lines = []
    for x, y in zip(first, second, strict=True):
        means = np.average(x, weights=weights), np.average(y, weights=weights)
        spreads = (
            float(np.average((band - mean) ** 2, weights=weights)) for band, mean in zip((x, y), means, strict=True)
        )
        of_x, of_y = spreads
        gain = float(np.sqrt(of_y / of_x)) if min(of_x, of_y) > 0 else 1.0
        lines.append((gain, float(means[1] - gain * means[0])))
    return lines


def _correlation(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    x, y = (band - np.average(band, weights=weights) for band in (x, y))
    both = float((weights * x * y).sum())
    return both / max(float(np.sqrt((weights * x * x).sum() * (weights * y * y).sum())), 1e-30)
