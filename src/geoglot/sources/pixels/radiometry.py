"""From stored numbers to brightness 0..1, the same for the whole scene.

- 8 bit, and the colours of a palette: all of 0..255, unchanged.
- A sensor of reflectances: reflectance 0..0.3, by the file's scale and offset tags, the sensor's published ones, or as
  the numbers are, whichever fits the numbers (reflectance.py); where none does, as everything else.
- Everything else: the 2nd to 98th percentile of each band's own data. Scale and offset tags cannot change that.

Percentiles come from overviews or a decimated read; from a lattice of blocks where a raster is large and has no
overviews, so that it is never read whole.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Num

from geoglot.aliases import Sensor
from geoglot.geo import Window
from geoglot.sources.bands.sensors import PRESETS
from geoglot.sources.gdal import GDAL_ERRORS
from geoglot.sources.pixels.band_reader import BandReader
from geoglot.sources.pixels.reflectance import ValueRange, choose_scaling, describe_misfit

PERCENTILES = (2.0, 98.0)
_SAMPLE_SIDE = 1024
_WHOLE_MAX_PIXELS = 50_000_000
_LATTICE, _BLOCK = 8, 256
Ends = tuple[float, ...]


@dataclass(frozen=True)
class Radiometry:
    """Which stored number is black and which is white, for red, green, blue and any bands more."""

    low: Ends
    high: Ends
    how: str
    """Where they come from: full-range, percentile 2-98, sensor:..."""
    notes: tuple[str, ...] = ()
    """What a person should know of it: sentences whose subject is the raster, without it."""

    def apply(self, values: Num[np.ndarray, "band rows cols"]) -> Float[np.ndarray, "band rows cols"]:
        """Brightness 0..1 (float32); a band without any contrast is black."""
        exact = np.result_type(values, np.float32)  # large numbers that differ little differ in no float32
        low, high = (np.array(ends, exact)[:, None, None] for ends in (self.low, self.high))
        span = np.where(high > low, high - low, np.inf).astype(exact)
        return np.asarray(np.clip((values.astype(exact) - low) / span, 0, 1), np.float32)

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


FULL_RANGE, PERCENTILE = "full-range", "percentile 2-98"


def find_radiometry(dataset: Any, stored: BandReader, sensor: Sensor | None) -> Radiometry:
    """The radiometry of an open dataset; reads pixels only where percentiles are needed."""
    indexes = stored.indexes
    if stored.palette is not None:  # of colours, whatever the bits of their numbers
        return Radiometry((0.0,) * 3, (255.0,) * 3, FULL_RANGE)
    scaled = sensor if sensor and PRESETS[sensor].scale is not None else None
    if all(dataset.dtypes[index - 1] == "uint8" for index in indexes):
        bits = min(int(dataset.tags(index, ns="IMAGE_STRUCTURE").get("NBITS", 8)) for index in indexes)
        how = FULL_RANGE if bits == 8 else f"{FULL_RANGE} of {bits} bits"
        notes = (f"is 8 bit: it is shown as it is, without the scale of {PRESETS[scaled].title}",) if scaled else ()
        return Radiometry((0.0,) * len(indexes), (2.0**bits - 1,) * len(indexes), how, notes)
    if scaled:
        return _of_reflectance(dataset, stored, scaled)
    low, high = _percentiles(dataset, stored)
    return Radiometry(low, high, PERCENTILE)


def _of_reflectance(dataset: Any, stored: BandReader, sensor: Sensor) -> Radiometry:
    """By the sensor's preset, where the numbers fit it."""
    indexes = stored.indexes
    low, high = _percentiles(dataset, stored)
    scales, offsets = (tuple(tags[index - 1] for index in indexes) for tags in (dataset.scales, dataset.offsets))
    floating = any(np.issubdtype(dataset.dtypes[index - 1], np.floating) for index in indexes)
    spread = ValueRange(dataset.name, dataset.tags(), floating, scales, offsets, low, high)
    meaning = choose_scaling(spread, sensor)
    if meaning is None:
        return Radiometry(low, high, PERCENTILE, (describe_misfit(spread, sensor),))
    notes = (meaning.note,) if meaning.note else ()
    return Radiometry(*meaning.ends(), f"sensor:{sensor}, {meaning.how}", notes)


def _percentiles(dataset: Any, stored: BandReader) -> tuple[Ends, Ends]:
    """Of each band's own data; 0 and 1 where the sample holds none."""
    ends = [np.percentile(band, PERCENTILES).tolist() if band.size else [0.0, 1.0] for band in _sample(dataset, stored)]
    low, high = zip(*ends, strict=True)
    return tuple(low), tuple(high)


def _sample(dataset: Any, stored: BandReader) -> list[Float[np.ndarray, " pixel"]]:
    """Data of each band from all over the scene."""
    if dataset.overviews(1) or dataset.height * dataset.width <= _WHOLE_MAX_PIXELS:
        step = max(1, math.ceil(max(dataset.shape) / _SAMPLE_SIDE))
        try:
            shape = max(1, dataset.height // step), max(1, dataset.width // step)
            return _data(*stored.read(dataset, shape=shape, exact=True))
        except GDAL_ERRORS:
            pass  # one damaged block must not cost the scene: blocks are tried one by one below
    parts = [_block(dataset, stored, row, col) for row in range(_LATTICE) for col in range(_LATTICE)]
    return [np.concatenate(bands) for bands in zip(*parts, strict=True)]


def _block(dataset: Any, stored: BandReader, row: int, col: int) -> list[Float[np.ndarray, " pixel"]]:
    """Data of one block of the lattice; none where it cannot be read."""
    height, width = (min(_BLOCK, math.ceil(side / _LATTICE)) for side in dataset.shape)
    top = (dataset.height - height) * row // (_LATTICE - 1)
    left = (dataset.width - width) * col // (_LATTICE - 1)
    try:
        return _data(*stored.read(dataset, Window(top, left, height, width)))
    except GDAL_ERRORS:
        return [np.empty(0)] * len(stored.indexes)  # the window is reported when it is read for its own sake


def _data(
    values: Num[np.ndarray, "band rows cols"], known: Bool[np.ndarray, "band rows cols"]
) -> list[Float[np.ndarray, " pixel"]]:
    return [band[there].astype(np.float64) for band, there in zip(values, known, strict=True)]
