"""Estimates from a stratified random sample, with 95 % intervals that hold for rare classes and small strata too.

Areas, overall, user's and producer's accuracy are all one figure: the ratio R = Y / X of two totals, Y = sum over
strata of W_h p_h(y) and X likewise, where every place in Y is in X (Stehman 2014, International Journal of Remote
Sensing 35, equations 2 and 27; Olofsson et al. 2014, equations 4 to 10, for strata that are the classes of the map).
For an area X is the whole map; for a producer's accuracy it is the ground that is really of the class.

The usual interval, R +- 1.96 standard errors, is wrong where a stratum shows no error: its standard error is 0, and the
true one is not. Of 100 places on unchanged ground none may have changed, and still 1 % of that ground may have. So the
interval is a score interval, Wilson's (1927) made for strata: it holds each R that the sample does not contradict, with
the variance that the strata would have if R were true (Martin Andres et al. 2011, Statistical Methods in Medical
Research 20, for sums; here for ratios, by the linear form Y - R X). In one stratum it is Wilson's interval, but for
an end that one or two places decide: there Wilson's is too close to the estimate (Brown, Cai and DasGupta 2001,
Statistical Science 16, section 4.1.1), and the interval also holds what a one-sided test of the likelihood at 5 % lets
stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

#: Quantile of the normal distribution for 95 %
Z = 1.959963984540054
_ONE_SIDED = 1.6448536269514722  # the quantile of a one-sided test at 5 %
_WHOLE = 1e9  # times that the places of a stratum count when all its pixels are decided
_RATIO_STEPS, _PULL_STEPS, _NEWTON_STEPS = 24, 30, 6  # halvings of an interval, and steps to a root
_PULLS = 24.0  # from exp(-24) to exp(24) times the places of a stratum over its weight


@dataclass(frozen=True, eq=False)
class Sample:
    """The strata of a sample."""

    weights: Float[np.ndarray, " stratum"]
    """Shares of the ground; they sum to 1."""
    sizes: Int[np.ndarray, " stratum"]
    """Places that were decided, at least 1."""
    pixels: Int[np.ndarray, " stratum"]
    """Pixels that they were drawn from."""

    @property
    def exact(self) -> Float[np.ndarray, " stratum"]:
        """How many times a place counts, since it was drawn without replacement."""
        factors: np.ndarray = (self.pixels - 1) / np.maximum(self.pixels - self.sizes, 1e-12)
        return factors.clip(1.0, _WHOLE)


@dataclass(frozen=True, eq=False)
class Counts:
    """Places of each stratum in the parts and the wholes of some ratios."""

    part: Int[np.ndarray, "ratio stratum"]
    whole: Int[np.ndarray, "ratio stratum"]
    """Includes the part."""
    part_can_be: Bool[np.ndarray, "ratio stratum"]
    """Whether the stratum may hold pixels of the part at all, be they met or not."""
    rest_can_be: Bool[np.ndarray, "ratio stratum"]
    """Likewise for the rest of the whole."""


class Ratios(NamedTuple):
    """Ratios with the ends of their 95 % intervals; NaN for a ratio whose whole was never met."""

    value: Float[np.ndarray, " ratio"]
    low: Float[np.ndarray, " ratio"]
    high: Float[np.ndarray, " ratio"]


def estimate_ratios(counts: Counts, sample: Sample) -> Ratios:
    """Estimate ratios from the places of each stratum in the part, and in the whole that holds it."""
    scale = sample.weights / sample.sizes
    part, whole = (counts.part * scale).sum(-1), (counts.whole * scale).sum(-1)
    value, low, high = (np.full(len(part), np.nan) for _ in range(3))
    if len(known := np.flatnonzero(whole > 0)):
        value[known] = part[known] / whole[known]
        ratios = _Fitting.of(counts, known, sample)
        low[known] = ratios.find_end(value[known], np.zeros(len(known)))
        high[known] = ratios.find_end(value[known], np.ones(len(known)))
    return Ratios(value, low, high)


@dataclass(frozen=True, eq=False)
class _Fitting:
    """Some ratios, and what is needed to try values of them."""

    counts: Float[np.ndarray, "3 ratio stratum"]
    """Places in the part, the rest of the whole, and neither; each counts several times in a small stratum."""
    unmet: Bool[np.ndarray, "3 ratio stratum"]
    """What the sample did not meet, and the stratum may hold."""
    weights: Float[np.ndarray, " stratum"]
    sizes: Float[np.ndarray, " stratum"]

    @classmethod
    def of(cls, counts: Counts, chosen: Int[np.ndarray, " chosen"], sample: Sample) -> _Fitting:
        part, whole = counts.part[chosen], counts.whole[chosen]
        places = np.stack([part, whole - part, sample.sizes - whole]) * sample.exact
        can_be = np.stack([counts.part_can_be[chosen], counts.rest_can_be[chosen], np.ones(part.shape, bool)])
        return cls(places, can_be & (places == 0), sample.weights, sample.sizes * sample.exact)

    def find_end(
        self, inside: Float[np.ndarray, " ratio"], outside: Float[np.ndarray, " ratio"]
    ) -> Float[np.ndarray, " ratio"]:
        """The end of each interval, between the estimate and 0 or 1, which may belong to it."""
        closed, ends = self.agree(outside), outside
        for _ in range(_RATIO_STEPS):
            middle = (inside + outside) / 2
            agree = self.agree(middle)
            inside, outside = np.where(agree, middle, inside), np.where(agree, outside, middle)
        found: np.ndarray = np.where(closed, ends, inside)
        return found

    def agree(self, ratios: Float[np.ndarray, " ratio"]) -> Bool[np.ndarray, " ratio"]:
        """Whether the sample does not contradict: |Y - R X| is at most 1.96 standard errors as they would be, or the
        likeliest strata with that ratio are nearly as likely as what was met."""
        values = np.stack([1 - ratios, -ratios, np.zeros_like(ratios)])[..., None]
        seen = (self.weights * (values * self.counts / self.sizes).sum(0)).sum(-1)
        likeliest = self._fit(np.sign(seen), values)
        mean = (values * likeliest).sum(0)
        variance = (self.weights**2 / self.sizes * ((values**2 * likeliest).sum(0) - mean**2)).sum(-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            surprise = np.where(self.counts > 0, self.counts * np.log(self.counts / self.sizes / likeliest), 0.0)
        agree: np.ndarray = (seen**2 <= Z**2 * variance + 1e-18) | (2 * surprise.sum((0, 2)) <= _ONE_SIDED**2)
        return agree

    def _fit(
        self, sign: Float[np.ndarray, " ratio"], values: Float[np.ndarray, "3 ratio 1"]
    ) -> Float[np.ndarray, "3 ratio stratum"]:
        """The likeliest probabilities of part, rest and neither for which Y - R X is 0.

        They are counts / (mu + lambda W value) by Lagrange: mu keeps the sum of a stratum at 1, and lambda, the pull,
        which is found by halving, makes Y - R X zero.
        """
        stiffness = np.log(self.sizes / self.weights)
        weak, strong = np.full(sign.shape, stiffness.min() - _PULLS), np.full(sign.shape, stiffness.max() + _PULLS)
        for _ in range(_PULL_STEPS):
            middle = (weak + strong) / 2
            fitted = self._pull((sign * np.exp(middle))[:, None] * self.weights * values)
            too_weak = (self.weights * (values * fitted).sum(0)).sum(-1) * sign > 0
            weak, strong = np.where(too_weak, middle, weak), np.where(too_weak, strong, middle)
        return self._pull((sign * np.exp((weak + strong) / 2))[:, None] * self.weights * values)

    def _pull(self, pull: Float[np.ndarray, "3 ratio stratum"]) -> Float[np.ndarray, "3 ratio stratum"]:
        """counts / (mu + pull) with the mu for which they sum to 1; what was not met may get what the others leave."""
        counts, met = self.counts, self.counts > 0
        mu = np.where(met, counts - pull, -np.inf).max(0)  # there the sum is at least 1
        spare = np.where(self.unmet, -pull, -np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            for _ in range(_NEWTON_STEPS):  # the sum falls and is convex, so each step stays on this side of the root
                parts = np.where(met, counts / (mu + pull), 0.0)
                mu = mu + (parts.sum(0) - 1) / np.where(met, parts / (mu + pull), 0.0).sum(0)
            parts = np.where(met, counts / (np.maximum(mu, spare.max(0)) + pull), 0.0)
        rest = (1 - parts.sum(0)).clip(0)
        filled: np.ndarray = parts + np.where(np.arange(3)[:, None, None] == spare.argmax(0), rest, 0.0)
        return filled
