"""Decides what stored numbers are under a sensor's preset: counts, reflectances, percent, or none of these.

The numbers decide, not their type: data cubes keep counts as floats, and files keep the tags of a scale that was
applied long ago. Scalings are tried in turn, and the first that gives reflectances of the ground is taken: their 98th
percentile lies between 0.0256 (the highest of 8 bit numbers in 10,000ths) and 1.6 (snow), their 2nd above -0.15 and
below white.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from geoglot.aliases import Sensor
from geoglot.figures import format_number
from geoglot.sources.bands.sensors import (
    PRESETS,
    SENTINEL2_OFFSET,
    SENTINEL2_OFFSET_BASELINE,
    SENTINEL2_OFFSET_SINCE,
    WHITE_REFLECTANCE,
    Preset,
)
from geoglot.sources.scene_day import find_day

_DARKEST, _LEAST, _MOST = -0.15, 0.0256, 1.6
_TEN_THOUSANDTH = 1e-4
_OFFSET_COUNTS = 1000  # added to Sentinel-2 numbers from baseline 04.00 on
_DARK_COUNTS = 800  # with that offset, few pixels are darker
PerBand = tuple[float, ...]


@dataclass(frozen=True)
class ValueRange:
    """The range of a file's numbers and what the file says about them, band by band."""

    name: str
    tags: Mapping[str, str]
    is_float: bool
    scales: PerBand
    offsets: PerBand
    low: PerBand
    """2nd percentiles."""
    high: PerBand
    """98th percentiles."""

    @property
    def is_empty(self) -> bool:
        """Whether no pixel was valid, so that the numbers decide nothing."""
        return set(self.low) == {0.0} and set(self.high) == {1.0}

    def __str__(self) -> str:
        kind = "floating-point numbers" if self.is_float else "numbers"
        ends = f"{format_number(min(self.low))} to {format_number(max(self.high))}"
        return f"{kind} from {ends} (2nd to 98th percentile)"


@dataclass(frozen=True)
class Scaling:
    """Reflectance = number * scale + offset, band by band."""

    scales: PerBand
    offsets: PerBand
    how: str
    note: str = ""
    """As the notes of `Radiometry`; empty if the scaling is as expected."""

    def numbers_of(self, reflectance: float) -> PerBand:
        return tuple((reflectance - offset) / scale for scale, offset in zip(self.scales, self.offsets, strict=True))

    def fits(self, values: ValueRange) -> bool:
        """Whether this scaling turns the numbers into reflectances of the ground."""
        low, high = (
            [value * scale + offset for value, scale, offset in zip(ends, self.scales, self.offsets, strict=True)]
            for ends in (values.low, values.high)
        )
        return _LEAST <= max(high) <= _MOST and _DARKEST <= min(low) < WHITE_REFLECTANCE


def choose_scaling(values: ValueRange, sensor: Sensor) -> Scaling | None:
    """The first scaling that fits; None if none does."""
    scalings = list(_scalings(values, PRESETS[sensor]))
    if values.is_empty:
        return next((scaling for scaling in scalings if not scaling.note), None)
    return next((scaling for scaling in scalings if scaling.fits(values)), None)


def describe_misfit(values: ValueRange, sensor: Sensor) -> str:
    """The note of a file whose numbers fit no scaling."""
    return f"holds {values}, which do not fit {PRESETS[sensor].title}; the preset is not used, and bands are stretched"


def _scalings(values: ValueRange, preset: Preset) -> Iterator[Scaling]:
    """Possible scalings, in the order in which they are tried."""
    bands, not_tags = len(values.low), ""
    if set(values.scales) != {1.0} or set(values.offsets) != {0.0}:
        yield Scaling(values.scales, values.offsets, "scale and offset tags")
        not_tags = ", not as its scale and offset tags say"
    if values.is_float:
        note = f"holds {values}, which are read as reflectances{not_tags}" if not_tags else ""
        yield Scaling((1.0,) * bands, (0.0,) * bands, "unscaled reflectances", note)
        note = f"holds {values}, which are read as reflectances in percent{not_tags}"
        yield Scaling((0.01,) * bands, (0.0,) * bands, "reflectances in percent", note)
    yield _count_scaling(values, preset, not_tags)
    if preset.scale != _TEN_THOUSANDTH:
        note = f"holds {values}, which are read as reflectances x 10,000, not scaled as {preset.title}{not_tags}"
        yield Scaling((_TEN_THOUSANDTH,) * bands, (0.0,) * bands, "reflectances x 10,000", note)


def _count_scaling(values: ValueRange, preset: Preset, not_tags: str) -> Scaling:
    """The published scaling of counts."""
    assert preset.scale is not None
    bands, offset, how, note = len(values.low), preset.offset, "counts", ""
    if values.is_float or not_tags:
        note = f"holds {values}, which are read as counts of {preset.title}{not_tags}, not as reflectances 0 to 1"
    if preset.missions == ("sentinel2",):
        offset, how, doubt = _sentinel2_offset(values)
        note = "; ".join(filter(None, (note, doubt)))
    return Scaling((preset.scale,) * bands, (offset,) * bands, how, note)


def _sentinel2_offset(values: ValueRange) -> tuple[float, str, str]:
    """Offset in reflectance, how it is known, and a note if the file contradicts itself.

    The processing baseline decides, unless the numbers show that the offset has been removed, as in harmonised copies.
    The date alone proves little, since archives are reprocessed and copies harmonised: it only lowers the threshold for
    dark numbers.
    """
    named = re.search(r"_N(\d\d)(\d\d)_", values.name)
    tagged = re.fullmatch(r"N?(\d\d)\.?(\d\d)", values.tags.get("PROCESSING_BASELINE", ""))
    dark, baseline = min(values.low), tagged or named
    if baseline is None:
        day = find_day(values.name.replace("\\", "/").rsplit("/", 1)[-1])
        is_recent = day is not None and f"{day:%Y%m%d}" >= SENTINEL2_OFFSET_SINCE
        has_offset, reason = dark >= (_DARK_COUNTS if is_recent else _OFFSET_COUNTS), "by the darkest 2 %"
    else:
        reason = f"baseline {baseline[1]}.{baseline[2]}"
        has_offset = float(f"{baseline[1]}.{baseline[2]}") >= SENTINEL2_OFFSET_BASELINE
        if has_offset and dark < _DARK_COUNTS and not values.is_empty:
            doubt = f"has {reason}, but its darkest 2 % are below {_DARK_COUNTS}: the offset must have been removed"
            return 0.0, f"{reason}: offset already removed", doubt
    return (SENTINEL2_OFFSET, f"{reason}: offset -1000", "") if has_offset else (0.0, f"{reason}: no offset", "")
