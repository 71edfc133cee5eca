"""Spectral indices: ratios of bands that single out water, plants, soil, snow, burns and buildings.

The formulas are those of Awesome Spectral Indices (Montero et al., Scientific Data 2023), which the package spyndex
carries; each names the paper that proposed it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_SECOND_SWIR = re.compile(r"swir[ _-]?2")
_SECOND_SWIR_FROM = 1.9  # micrometres; between the two lies a band in which the air absorbs
#: In place of the key, the band of the value serves too
_INSTEAD = {"nir": "nir2"}


@dataclass(frozen=True)
class Index:
    """A normalised difference of (sums of) bands: (plus - minus) / (plus + minus), between -1 and 1."""

    name: str
    plus: tuple[str, ...]
    minus: tuple[str, ...]
    source: str

    @property
    def bands(self) -> tuple[str, ...]:
        """The parts of the spectrum that it compares."""
        return *self.plus, *self.minus

    def value(self, bands: Mapping[str, Float[np.ndarray, "*shape"]]) -> Float[np.ndarray, "*shape"]:
        """The index of every pixel; NaN where the numbers have no positive sum."""
        plus = sum(bands[name] for name in self.plus)
        minus = sum(bands[name] for name in self.minus)
        total = np.asarray(plus + minus, np.float32)
        ratio = np.full(total.shape, np.nan, np.float32)
        np.divide(plus - minus, total, out=ratio, where=total > 0)
        return np.clip(ratio, -1, 1)


INDICES: dict[str, Index] = {
    index.name: index
    for index in (
        Index("NDWI", ("green",), ("nir",), "McFeeters 1996, doi 10.1080/01431169608948714"),
        Index("MNDWI", ("green",), ("swir1",), "Xu 2006, doi 10.1080/01431160600589179"),
        Index("NDVI", ("nir",), ("red",), "Rouse et al. 1974, NASA SP-351, p. 309"),
        Index("NDBI", ("swir1",), ("nir",), "Zha et al. 2003, doi 10.1080/01431160304987"),
        Index("BSI", ("swir1", "red"), ("nir", "blue"), "Rikimaru et al. 2002, Tropical Ecology 43(1)"),
        Index("NDSI", ("green",), ("swir1",), "Hall et al. 1995, doi 10.1016/0034-4257(95)00137-P"),
        Index("NBR", ("nir",), ("swir2",), "Key and Benson 2006, USDA RMRS-GTR-164, LA-1"),
    )
}


def spectral_bands(
    colours: Sequence[str | None], descriptions: Sequence[str], wavelengths: Sequence[float | None]
) -> dict[str, int]:
    """The 1-based band for each part of the spectrum that an index needs, where the raster has one.

    The infrared between 1.5 and 1.9 micrometres is swir1, that around 2.2 is swir2: by wavelength or name, and of
    several bands that say neither, the last two are the two.
    """
    found = {
        colour: colours.index(colour) + 1 for colour in ("blue", "green", "red", "nir", "nir2") if colour in colours
    }
    found = {name: found[at] for name in ("blue", "green", "red", "nir") if (at := _find(name, found))}
    short = [index for index, colour in enumerate(colours) if colour == "swir"]
    second = [index for index in short if _is_second(descriptions[index], wavelengths[index : index + 1])]
    first = [index for index in short if index not in second]
    if not second and len(first) > 1:
        first, second = first[-2:-1], first[-1:]
    named = {"swir1": first[-1:], "swir2": second[:1]}
    return found | {name: indexes[0] + 1 for name, indexes in named.items() if indexes}


def _find(name: str, found: Mapping[str, int]) -> str | None:
    return name if name in found else next((other for other in [_INSTEAD.get(name, "")] if other in found), None)


def _is_second(description: str, wavelength: Sequence[float | None]) -> bool:
    length = wavelength[0] if wavelength else None
    return length > _SECOND_SWIR_FROM if length else _SECOND_SWIR.search(description) is not None
