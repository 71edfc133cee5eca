"""Turns stored numbers into brightness 0..1, in the same way for the whole scene.

- 8 bit, and the colours of a palette: all of 0..255, unchanged.
- A preset of a reflectance product: reflectance 0..0.3. The scale and offset that fit the numbers are taken: the file's
  tags, the published ones, or none (reflectance.py). If none fits, the percentiles below decide.
- Everything else: the 2nd to 98th percentile of each band's own data. Scale and offset tags cannot change that.

Percentiles come from overviews or a decimated read. A large raster without overviews is never read whole: there they
come from blocks all over the scene.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Num

from geoglot.aliases import Sensor
from geoglot.geo import Window
from geoglot.sources.bands.sensors import PRESETS, WHITE_REFLECTANCE
from geoglot.sources.gdal import GDAL_ERRORS
from geoglot.sources.pixels.band_reader import BandReader, count_bits
from geoglot.sources.pixels.reflectance import PerBand, ValueRange, choose_scaling, describe_misfit

FULL_RANGE, PERCENTILE = "full-range", "percentile 2-98"
PERCENTILES = (2.0, 98.0)
_SAMPLE_SIDE = 1024
_WHOLE_MAX_PIXELS = 50_000_000
_LATTICE, _BLOCK = 8, 256


@dataclass(frozen=True)
class Radiometry:
    """Which stored number of each shown band is black and which is white."""

    low: PerBand
    high: PerBand
    how: str
    """Where the two come from: full-range, percentile 2-98, sensor:..."""
    notes: tuple[str, ...] = ()
    """Sentences for the user, without their subject: `open_raster` puts the name of the raster in front."""

    def apply(
        self, values: Num[np.ndarray, "band rows cols"], valid: Bool[np.ndarray, "rows cols"]
    ) -> Float[np.ndarray, "band rows cols"]:
        """Brightness 0..1 (float32) of the valid pixels, 0 elsewhere; a band without any contrast is black."""
        exact = np.result_type(values, np.float32)  # large numbers that differ little are one number in float32
        low, high = (np.array(ends, exact)[:, None, None] for ends in (self.low, self.high))
        span = np.where(high > low, high - low, np.inf).astype(exact)
        # In place: whole scenes pass here, and each copy of a window leaves the processor's cache.
        brightness = np.where(valid, values, 0).astype(exact) if not valid.all() else values.astype(exact)
        brightness -= low
        brightness /= span
        np.clip(brightness, 0, 1, out=brightness)
        if not valid.all():
            brightness[:, ~valid] = 0
        return brightness.astype(np.float32, copy=False)

    def to_json(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def find_radiometry(dataset: Any, reader: BandReader, sensor: Sensor | None) -> Radiometry:
    """The radiometry of an open dataset; reads pixels only if percentiles are needed."""
    indexes = reader.indexes
    if reader.palette is not None:
        return Radiometry((0.0,) * 3, (255.0,) * 3, FULL_RANGE)
    preset = sensor if sensor and PRESETS[sensor].scale is not None else None
    if all(dataset.dtypes[index - 1] == "uint8" for index in indexes):
        bits = min(count_bits(dataset, index) for index in indexes)
        how = FULL_RANGE if bits == 8 else f"{FULL_RANGE} of {bits} bits"
        notes = (f"is 8 bit: it is shown as it is, without the scale of {PRESETS[preset].title}",) if preset else ()
        return Radiometry((0.0,) * len(indexes), (2.0**bits - 1,) * len(indexes), how, notes)
    ends = [np.percentile(band, PERCENTILES).tolist() if band.size else [0.0, 1.0] for band in _sample(dataset, reader)]
    low, high = (tuple(numbers) for numbers in zip(*ends, strict=True))
    return _scale_to_reflectance(dataset, indexes, preset, low, high) if preset else Radiometry(low, high, PERCENTILE)


def _scale_to_reflectance(
    dataset: Any, indexes: tuple[int, ...], sensor: Sensor, low: PerBand, high: PerBand
) -> Radiometry:
    scales, offsets = (tuple(tags[index - 1] for index in indexes) for tags in (dataset.scales, dataset.offsets))
    is_float = any(np.issubdtype(dataset.dtypes[index - 1], np.floating) for index in indexes)
    values = ValueRange(dataset.name, dataset.tags(), is_float, scales, offsets, low, high)
    scaling = choose_scaling(values, sensor)
    if scaling is None:
        return Radiometry(low, high, PERCENTILE, (describe_misfit(values, sensor),))
    black, white = scaling.numbers_of(0.0), scaling.numbers_of(WHITE_REFLECTANCE)
    return Radiometry(black, white, f"sensor:{sensor}, {scaling.how}", (scaling.note,) if scaling.note else ())


def _sample(dataset: Any, reader: BandReader) -> list[Float[np.ndarray, " pixel"]]:
    """Valid numbers of each band from all over the scene."""
    if dataset.overviews(1) or dataset.height * dataset.width <= _WHOLE_MAX_PIXELS:
        step = max(1, math.ceil(max(dataset.shape) / _SAMPLE_SIDE))
        try:
            shape = max(1, dataset.height // step), max(1, dataset.width // step)
            return _select_valid(*reader.read(dataset, shape=shape, exact=True))
        except GDAL_ERRORS:
            pass  # one damaged block must not fail the scene: blocks are tried one by one
    parts = [_read_block(dataset, reader, row, col) for row in range(_LATTICE) for col in range(_LATTICE)]
    return [np.concatenate(bands) for bands in zip(*parts, strict=True)]


def _read_block(dataset: Any, reader: BandReader, row: int, col: int) -> list[Float[np.ndarray, " pixel"]]:
    """Valid numbers of one block; none if it is damaged, which the read of its window reports."""
    height, width = (min(_BLOCK, math.ceil(side / _LATTICE)) for side in dataset.shape)
    top = (dataset.height - height) * row // (_LATTICE - 1)
    left = (dataset.width - width) * col // (_LATTICE - 1)
    try:
        return _select_valid(*reader.read(dataset, Window(top, left, height, width)))
    except GDAL_ERRORS:
        return [np.empty(0)] * len(reader.indexes)


def _select_valid(
    values: Num[np.ndarray, "band rows cols"], has_data: Bool[np.ndarray, "band rows cols"]
) -> list[Float[np.ndarray, " pixel"]]:
    return [band[mask].astype(np.float64) for band, mask in zip(values, has_data, strict=True)]
