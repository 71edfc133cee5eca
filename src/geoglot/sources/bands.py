"""Which three bands of a raster are shown to a model as red, green and blue.

Without a choice by the caller: the bands that the sensor's preset names; else those described as red, green and
blue or as B4, B3 and B2; else those whose colour interpretation says so; else the first three that are not alpha.
A single band (or two with an alpha) is shown as grey. A model that was trained on more bands gets those that the caller
names after red, green and blue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geoglot.errors import InputError
from geoglot.sources.sensors import PRESETS
from geoglot.types import BandLike, Sensor

_DESCRIBED = (("red", "b4", "b04", "sr_b4"), ("green", "b3", "b03", "sr_b3"), ("blue", "b2", "b02", "sr_b2"))


@dataclass(frozen=True)
class Bands:
    """The bands of a raster: what the file says of each."""

    descriptions: tuple[str, ...]
    """Lower case, empty where the file says nothing."""
    colours: tuple[str, ...]
    """GDAL's colour interpretation: red, gray, alpha, palette, undefined, ..."""

    @classmethod
    def of(cls, dataset: Any) -> Bands:
        """The bands of an open dataset."""
        described = tuple((text or "").strip().lower() for text in dataset.descriptions)
        return cls(described, tuple(colour.name for colour in dataset.colorinterp))

    def choose(self, bands: Sequence[BandLike] | None, sensor: Sensor | None) -> tuple[int, ...]:
        """The 1-based indexes of red, green and blue, and of more bands where they are asked for."""
        if bands is not None:
            return self._asked(bands)
        if sensor is not None:
            return self._of_sensor(sensor)
        return self._recognised() or self._first()

    def is_guess(self, bands: Sequence[BandLike] | None, sensor: Sensor | None) -> bool:
        """Whether `choose` takes the first three of several bands for want of anything better."""
        several = sum(colour != "alpha" for colour in self.colours) >= 3
        return bands is None and sensor is None and several and self._recognised() is None

    def name(self, index: int) -> str:
        """What a band is called in a Tile: its description, else its colour, else its number."""
        colour = self.colours[index - 1]
        return self.descriptions[index - 1] or (colour if colour != "undefined" else str(index))

    def _recognised(self) -> tuple[int, int, int] | None:
        return _triple([self._described(names) for names in _DESCRIBED]) or _triple(
            [self._coloured(name) for name in ("red", "green", "blue")]
        )

    def _asked(self, bands: Sequence[BandLike]) -> tuple[int, ...]:
        indexes = [self._index(band) for band in bands]
        if len(indexes) == 1:
            indexes *= 3
        if len(indexes) < 3:
            raise InputError(f"Three bands (red, green, blue) or one are needed, not {len(indexes)}: {list(bands)}")
        return tuple(indexes)

    def _index(self, band: BandLike) -> int:
        if isinstance(band, str) and not band.isdigit():
            found = self._described((band.lower(),)) or self._coloured(band.lower())
        else:
            found = int(band) if 1 <= int(band) <= len(self.colours) else None
        if found is None:
            have = ", ".join(f"{index} ({self.name(index)})" for index in range(1, len(self.colours) + 1))
            raise InputError(f"There is no band {band!r}; the raster has: {have}")
        return found

    def _of_sensor(self, sensor: Sensor) -> tuple[int, int, int]:
        preset = PRESETS[sensor]
        named = _triple([self._described(names) for names in preset.names])
        if named:
            return named
        if len(self.colours) >= preset.count:
            return preset.indexes
        if len(self.colours) in (1, 2, 3):
            return self._first()
        raise InputError(
            f"Cannot tell which of {len(self.colours)} bands without names are red, green and blue for {sensor}; "
            "say it with bands, for instance 3,2,1"
        )

    def _described(self, names: Sequence[str]) -> int | None:
        return next((self.descriptions.index(name) + 1 for name in names if name in self.descriptions), None)

    def _coloured(self, name: str) -> int | None:
        return self.colours.index(name) + 1 if name in self.colours else None

    def _first(self) -> tuple[int, int, int]:
        seen = [index for index, colour in enumerate(self.colours, 1) if colour != "alpha"] or [1]
        return (seen[0], seen[1], seen[2]) if len(seen) >= 3 else (seen[0], seen[0], seen[0])


def _triple(found: Sequence[int | None]) -> tuple[int, int, int] | None:
    red, green, blue = found
    return (red, green, blue) if red and green and blue else None
