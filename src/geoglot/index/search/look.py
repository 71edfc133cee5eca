"""What a chip shows of words, and how that ranks it.

A hit's whole and its best patch are standardised over the candidates, and their mean ranks them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, eq=False)
class Candidate:
    """A chip to look into."""

    source: str
    cell: str | None
    reading: str
    patches: Float[np.ndarray, "rows cols dim"] | None
    """As stored; None if they are not."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a chip shows of the words."""

    best: float
    """Cosine of the best patch."""
    part: tuple[float, float, float, float]
    """Top, left, bottom, right of the patches around it, as shares of the chip's sides."""
    outline: BaseGeometry | None
    """The same in degrees; None without coordinates."""
    height: float | None = None
    """How high the words stand in the patch where they stand highest; None without a judge."""


def fits(whole: Float[np.ndarray, " hit"], looks: Sequence[Look | None]) -> Float[np.ndarray, " hit"]:
    """The mean of the standardised scores of both stages, for each hit.

    `whole` holds the scores of the first stage, which count alone for a hit that could not be looked into, and for all
    hits if fewer than three could be.
    """
    first = _standardise(whole)
    best = np.array([np.nan if look is None else look.best for look in looks])
    known = np.isfinite(best)
    second = first.copy()
    if known.sum() > 2:
        second[known] = _standardise(best[known])
    mean: np.ndarray = (first + second) / 2
    return mean


def _standardise(values: Float[np.ndarray, " hit"]) -> Float[np.ndarray, " hit"]:
    scaled: np.ndarray = (values - values.mean()) / max(float(values.std()), 1e-9)
    return scaled
