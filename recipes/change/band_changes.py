"""Two ways of the literature to find changes in the numbers of bands alone, for comparison: no words, no training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats
from skimage.filters import threshold_otsu

Bands = NDArray[np.float64]
Flat = NDArray[np.float64]


def band_difference(before: Bands, after: Bands) -> Flat:
    """Length of the difference of standardised bands (Singh, 1989), for bands (band, rows, cols)."""
    return np.asarray(np.sqrt(((_standard(after) - _standard(before)) ** 2).sum(0)))


def ir_mad(before: Bands, after: Bands, rounds: int = 30, least: float = 1e-3) -> Flat:
    """Length of the iteratively reweighted MAD variates (Nielsen, 2007), whose square has a chi² distribution.

    Canonical correlations of both dates are found on pixels weighted by how likely they have not changed, until the
    correlations move by less than `least`.
    """
    bands, shape = len(before), before.shape[1:]
    pixels = np.concatenate([before.reshape(bands, -1), after.reshape(bands, -1)])
    weights, last = np.ones(pixels.shape[1]), np.zeros(bands)
    chi2 = np.zeros(pixels.shape[1])
    for _ in range(rounds):
        covariance = np.cov(pixels, aweights=weights)
        own, cross, other = covariance[:bands, :bands], covariance[:bands, bands:], covariance[bands:, bands:]
        squares, left = linalg.eigh(cross @ np.linalg.solve(other, cross.T), own)
        correlations = np.sqrt(squares.clip(0, 1))
        right = np.linalg.solve(other, cross.T @ left)
        right /= np.sqrt(np.einsum("ij,ik,kj->j", right, other, right))
        centred = pixels - np.average(pixels, axis=1, weights=weights)[:, None]
        variates = left.T @ centred[:bands] - right.T @ centred[bands:]
        chi2 = (variates**2 / (2 * (1 - correlations)).clip(1e-9)[:, None]).sum(0)
        weights = stats.chi2.sf(chi2, bands)
        if abs(correlations - last).max() < least:
            break
        last = correlations
    return np.asarray(np.sqrt(chi2).reshape(shape))


def divide(difference: Flat) -> NDArray[np.bool_]:
    """Changed and unchanged pixels by Otsu's threshold, which knows no truth."""
    return np.asarray(difference > threshold_otsu(difference))


def best_f1(difference: Flat, changed: NDArray[np.bool_]) -> float:
    """The F1 of the threshold that is best for a known truth: no rule can be better."""
    order = np.argsort(-difference.ravel())
    right = np.cumsum(changed.ravel()[order])
    return float((2 * right / (np.arange(1, len(order) + 1) + changed.sum())).max())


def _standard(bands: Bands) -> Bands:
    flat = bands.reshape(len(bands), -1)
    return np.asarray((bands - flat.mean(1)[:, None, None]) / flat.std(1)[:, None, None].clip(1e-9))
