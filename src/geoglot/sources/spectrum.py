"""The bands of a raster that spectral indices compare, beside those that a model sees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Num

from geoglot.aliases import NoData, Sensor
from geoglot.geo import Window
from geoglot.sources.bands.band_choice import Bands
from geoglot.sources.bands.indices import spectral_bands
from geoglot.sources.bands.sensors import PRESETS, WHITE_REFLECTANCE
from geoglot.sources.gdal import GDAL_ERRORS
from geoglot.sources.pixels.band_reader import BandReader, MaskedBands
from geoglot.sources.pixels.radiometry import find_radiometry
from geoglot.sources.pixels.undeclared_nodata import find_undeclared_nodata, read_sample

BandValues = Mapping[str, Float[np.ndarray, "*shape"]]
"""Values of bands by their part of the spectrum."""
_PARTS, _SIDE = 16, 64  # parts a side of a damaged scene, and pixels a side of each in the sample


@dataclass(frozen=True)
class NamedBands:
    """The bands of a raster whose part of the spectrum is known."""

    indexes: Mapping[str, int]
    """The 1-based band of each part that an index needs: blue, green, red, nir, swir1, swir2."""
    count: int
    """How many bands the raster has, without transparency."""
    sensor: Sensor | None
    """The preset that the user gave."""

    @classmethod
    def of(cls, bands: Bands, sensor: Sensor | None, alpha: int | None) -> NamedBands:
        """What a raster says about its bands, of which `alpha` (1-based) is used as transparency.

        GDAL marks the fourth band of bytes as transparency if nobody says what it is; often it is near infrared.
        """
        used = enumerate(bands.colours, 1)
        colours = ("undefined" if colour == "alpha" and at != alpha else colour for at, colour in used)
        bands = replace(bands, colours=tuple(colours))
        indexes = spectral_bands(bands.spectrum(sensor), bands.descriptions, bands.wavelengths)
        return cls(indexes, sum(colour != "alpha" for colour in bands.colours), sensor)

    def only(self, names: Collection[str]) -> NamedBands:
        """These bands without those of other names, of which the raster then says nothing."""
        kept = {name: index for name, index in self.indexes.items() if name in names}
        return self if len(kept) == len(self.indexes) else replace(self, indexes=kept, count=len(kept))

    @property
    def infrared(self) -> tuple[str, ...]:
        """Those of near infrared and longer waves."""
        return tuple(name for name in self.indexes if name not in ("blue", "green", "red"))


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The named bands of a raster and what their numbers are."""

    indexes: Mapping[str, int]
    """The 1-based band of each part of the spectrum."""
    reader: BandReader
    """Reads these bands, in their order."""
    scale: Float[np.ndarray, " band"]
    offset: Float[np.ndarray, " band"]
    is_reflectance: bool
    """Whether number * scale + offset is a reflectance. Otherwise the gain and the offset of each band are unknown."""
    sample: BandValues
    """Values of pixels all over the scene, each a vector."""
    missing: float = 0.0
    """Share of the pixels with a colour where another of these bands has no data."""

    @property
    def is_empty(self) -> bool:
        """Whether no pixel has data in all bands."""
        return not len(next(iter(self.sample.values())))

    @cached_property
    def flat(self) -> frozenset[str]:
        """Bands that have one value all over the scene, and so measure nothing."""
        return frozenset(name for name, values in self.sample.items() if len(values) > 1 and not np.ptp(values))

    def named(self, numbers: Num[np.ndarray, "band ..."]) -> BandValues:
        """Stored numbers as values by the part of the spectrum."""
        values = np.asarray(numbers, np.float32)
        pairs = zip(self.indexes, values, self.scale, self.offset, strict=True)
        return {name: band * scale + offset for name, band, scale, offset in pairs}

    def facts(self) -> dict[str, Any]:
        """Everything that decides the values, as JSON."""
        return {"bands": dict(self.indexes), "scale": self.scale.tolist(), "offset": self.offset.tolist()}


def find_spectrum(dataset: Any, named: NamedBands, nodata: NoData) -> Spectrum:
    """How the named bands of an open dataset are read; a decimated read of the scene samples their values."""
    indexes, sensor = named.indexes, named.sensor
    reader = find_undeclared_nodata(dataset, BandReader.of(dataset, tuple(indexes.values()), nodata)).reader
    scale, offset = np.ones(len(indexes), np.float32), np.zeros(len(indexes), np.float32)
    is_reflectance = False
    if sensor and PRESETS[sensor].scale is not None:
        radiometry = find_radiometry(dataset, reader, sensor)
        if is_reflectance := radiometry.how.startswith("sensor:"):
            black, white = np.array(radiometry.low), np.array(radiometry.high)
            scale = np.asarray(WHITE_REFLECTANCE / (white - black), np.float32)
            offset = np.asarray(-black * scale, np.float32)
    values, has_data = _sample(dataset, reader)
    known = reader.valid(has_data)
    coloured = has_data[[name in ("blue", "green", "red") for name in indexes]].any(0)
    missing = float(1 - known.sum() / max(1, (coloured | known).sum())) if coloured.any() else 0.0
    spectrum = Spectrum(indexes, reader, scale, offset, is_reflectance, {}, missing)
    return replace(spectrum, sample=spectrum.named(values[:, known]))


def _sample(dataset: Any, reader: BandReader) -> MaskedBands:
    """Pixels all over the scene, in one row; of a damaged scene those of the parts that can be read."""
    if whole := read_sample(dataset, reader):
        return _in_a_row([whole])
    side, parts = -(-max(dataset.shape) // _PARTS), list[MaskedBands]()
    for part in Window(0, 0, *dataset.shape).cut(side, side):
        with suppress(*GDAL_ERRORS):
            parts.append(reader.read(dataset, part, (min(part.height, _SIDE), min(part.width, _SIDE)), exact=True))
    none = np.zeros((len(reader.indexes), 0, 0))
    return _in_a_row(parts or [(none, none.astype(bool))])


def _in_a_row(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> MaskedBands:
    values, has_data = ([plane.reshape(len(plane), 1, -1) for plane in kind] for kind in zip(*parts, strict=True))
    return np.concatenate(values, 2), np.concatenate(has_data, 2)
