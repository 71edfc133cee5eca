"""How an index of a scene becomes log-odds for a cover of the ground (decision 28).

For surface reflectances the published threshold is where the log-odds are 0, and they reach 4 within 0.2 of the index.
Plain numbers have an unknown gain and offset in each band, which shift an index: there the scene decides, if the index
has two heaps with a valley between. If not, an index speaks only where it lies so far from the published threshold that
no usual gain explains it, and for a cover only if most of the scene lies there: single pixels are noise. Near infrared,
which water absorbs and snow does not, is judged in the same way.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from geoglot.scene.covers import MOST, Cover, Rule
from geoglot.scene.otsu import threshold_otsu
from geoglot.sources.bands.indices import INDICES
from geoglot.sources.spectrum import BandValues, Spectrum

NEAR_INFRARED = "near infrared"
_RAMP = 0.2  # of an index of reflectances, from its threshold to full log-odds
_DARK, _DARK_RAMP = 0.13, 0.05  # near infrared of water lies below 0.1, of snow and land above 0.15
_SLACK = 0.4  # by so much the gains of plain numbers may shift an index
_SHIFT = 0.25  # and by so much at most the valley of a scene may lie from the published threshold
_BINS, _VALLEY, _APART, _LEAST = 64, 0.3, 3.0, 0.005
_PLANTS = -0.1  # a lower NDWI of dark numbers is that of plants in the shade
_ALL = 0.5  # of the scene: where more lies beyond the slack, its only heap is the cover
_CONTRAST = 2.0  # land has at least so many times the near infrared of water


class Ramp(NamedTuple):
    """Log-odds of a value: 0 between `low` and `high`, and `slope` for each unit outside of them."""

    low: float
    high: float
    slope: float

    def __call__(self, value: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        return self.slope * (np.maximum(value - self.high, 0) + np.minimum(value - self.low, 0))


class Judge(NamedTuple):
    """One measure of a scene's pixels as log-odds for a cover."""

    measure: str
    """The name of an index, or near infrared."""
    bands: tuple[str, ...]
    ramp: Ramp
    speaks_for: float
    """Largest log-odds for the cover."""
    speaks_against: float
    """Largest log-odds against the cover."""

    def odds(self, bands: BandValues) -> Float[np.ndarray, "*shape"]:
        """Log-odds for the cover at every pixel; 0 where the measure has no value."""
        odds = self.ramp(bands["nir"] if self.measure == NEAR_INFRARED else INDICES[self.measure].value(bands))
        return np.asarray(np.nan_to_num(np.clip(odds, -self.speaks_against, self.speaks_for)), np.float32)


def judges_of(cover: Cover, spectrum: Spectrum) -> tuple[Judge, ...]:
    """What the bands of a scene can say about a cover. Near infrared speaks beside an index, never alone."""
    judges, bands = [], spectrum.indexes.keys() - spectrum.flat
    for rule in cover.rules:
        names = (name for name in rule.indices if set(INDICES[name].bands) <= bands)
        if name := next(names, None):
            judges.append(_fit_index(name, rule, spectrum))
    if judges and cover.dark and (dark := _fit_dark(cover.dark, spectrum)):
        judges.append(Judge(NEAR_INFRARED, ("nir",), dark, MOST / 2, 2 * MOST))
    return tuple(judges)


def _fit_index(index: str, rule: Rule, spectrum: Spectrum) -> Judge:
    """The judge of an index. In plain numbers it speaks for a cover only if the scene has a heap of it."""
    judge = partial(Judge, index, INDICES[index].bands, speaks_against=rule.speaks_against)
    if spectrum.is_reflectance:
        return judge(Ramp(rule.threshold, rule.threshold, rule.sign * MOST / _RAMP), rule.speaks_for)
    values = INDICES[index].value(spectrum.sample)
    values = values[np.isfinite(values)]
    valley = _find_valley(values)
    if valley and abs(valley.at - rule.threshold) <= _SHIFT:
        return judge(valley.ramp(rule.sign), rule.speaks_for)
    ramp = Ramp(rule.threshold - _SLACK, rule.threshold + _SLACK, rule.sign * MOST / _RAMP)
    is_all = len(values) > 0 and (ramp(values) > 0).mean() > _ALL
    return judge(ramp, rule.speaks_for if is_all else 0.0)


def _fit_dark(sign: int, spectrum: Spectrum) -> Ramp | None:
    """Log-odds that fall with near infrared (or grow, if `sign` is -1); None if the scene does not show water and land.

    In plain numbers dark near infrared is water if it falls into two heaps, of which one is much darker and not that of
    plants in the shade.
    """
    if not {"green", "nir"} <= spectrum.indexes.keys() - spectrum.flat:
        return None
    if spectrum.is_reflectance:
        return Ramp(_DARK, _DARK, -sign * MOST / _DARK_RAMP)
    valley = _find_valley(infrared := spectrum.sample["nir"])
    if valley is None or valley.above < _CONTRAST * valley.below:
        return None
    mixture = INDICES["NDWI"].value(spectrum.sample)[infrared <= valley.at]
    mixture = mixture[np.isfinite(mixture)]
    return valley.ramp(-sign) if mixture.size and np.median(mixture) >= _PLANTS else None


class _Valley(NamedTuple):
    """Where numbers fall into two heaps."""

    at: float
    """Half way between the means of the heaps, which is where Otsu's threshold of two heaps lies."""
    below: float
    """Mean of the heap below."""
    above: float

    def ramp(self, sign: int) -> Ramp:
        """Full log-odds at the means of the heaps: of normal ones as far apart as here, it would be more."""
        return Ramp(self.at, self.at, sign * 2 * MOST / (self.above - self.below))


def _find_valley(values: Float[np.ndarray, " pixel"]) -> _Valley | None:
    """The valley between two heaps of numbers by Otsu's method (1979), None if they do not fall into two.

    The heaps lie at least three of their standard deviations apart (Ashman et al. 1994, eq. 3, asks for two), each has
    0.5 % of the numbers, and the valley is at most 0.3 times as high as the lower of the two.
    """
    values = values[np.isfinite(values)].astype(np.float64)
    if not len(values) or not np.ptp(values):
        return None
    counts, edges = np.histogram(values, 256)
    at = threshold_otsu(counts, (edges[:-1] + edges[1:]) / 2)
    below, above = values[values <= at], values[values > at]
    if min(len(below), len(above)) < _LEAST * len(values):
        return None
    if above.mean() - below.mean() < _APART * np.sqrt((below.var() + above.var()) / 2):
        return None
    counts, edges = np.histogram(values, _BINS)
    split = int(np.searchsorted(edges[:-1], at, side="right"))  # bins that begin at or below the threshold
    first, last = int(counts[:split].argmax()), min(split, _BINS - 1) + int(counts[min(split, _BINS - 1) :].argmax())
    if counts[first : last + 1].min() > _VALLEY * min(counts[first], counts[last]):
        return None
    return _Valley(float(below.mean() + above.mean()) / 2, float(below.mean()), float(above.mean()))
