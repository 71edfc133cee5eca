"""The radiometry of one date in that of another: a gain and an offset for each band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from geoglot.sources.pixels.radiometry import Radiometry
from geoglot.sources.spectrum import Spectrum

Line = tuple[float, float]
"""Gain and offset: a value becomes gain * value + offset."""


@dataclass(frozen=True)
class Gains:
    """How the numbers of a date are made comparable."""

    shown: tuple[Line, ...]
    """For the brightness of each band that a model sees."""
    spectrum: Mapping[str, Line]
    """For the values of bands by their part of the spectrum; empty for reflectances, which are comparable."""

    def of_radiometry(self, radiometry: Radiometry) -> Radiometry:
        """A radiometry whose brightness is comparable: other numbers are black and white."""
        low, high = np.array(radiometry.low), np.array(radiometry.high)
        gain, offset = np.array(self.shown).T
        span = (high - low) / gain
        low = low - offset * span
        return replace(radiometry, low=tuple(low.tolist()), high=tuple((low + span).tolist()))

    def of_spectrum(self, spectrum: Spectrum) -> Spectrum:
        """A spectrum whose values are comparable; reflectances, and bands that the other dates lack, stay."""
        if spectrum.is_reflectance or set(spectrum.indexes) != set(self.spectrum):
            return spectrum
        gain, offset = np.array([self.spectrum[name] for name in spectrum.indexes], np.float32).T
        sample = {
            name: values * self.spectrum[name][0] + self.spectrum[name][1] for name, values in spectrum.sample.items()
        }
        return replace(spectrum, scale=spectrum.scale * gain, offset=spectrum.offset * gain + offset, sample=sample)

    def to_json(self) -> dict[str, Any]:
        """For manifests and results."""
        return {
            "shown": [[round(number, 4) for number in line] for line in self.shown],
            "spectrum": {name: [round(number, 4) for number in line] for name, line in self.spectrum.items()},
        }
