"""What the numbers of a file mean under a sensor's preset: counts, reflectances, percent, or none of these.

The numbers decide, not their type: data cubes keep counts as floats, and files keep the tags of a scale that was
applied long ago. Each reading is tried in turn, and the first that gives reflectances of the ground is taken: its 98th
percentile from 0.0256 (10,000ths of 8 bit pictures end there) to 1.6 (snow), its 2nd not below -0.15 and not all white.
"""

from __future__ import annotations

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

_DARKEST, _LEAST, _MOST = -0.15, 0.0256, 1.6
_TEN_THOUSANDTH = 1e-4
_OFFSET = 1000  # of Sentinel-2's counts from baseline 04.00 on
_HARDLY = 800  # counts with that offset have few pixels below
_DAY = re.compile(r"(?<!\d)(20\d\d)[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?!\d)")
Ends = tuple[float, ...]


@dataclass(frozen=True)
class ValueRange:
    """Between which numbers a file's pixels lie, and what the file says of them, band by band."""

    name: str
    tags: Mapping[str, str]
    floating: bool
    scales: Ends
    offsets: Ends
    low: Ends
    """2nd percentiles."""
    high: Ends
    """98th percentiles."""

    @property
    def is_tagged(self) -> bool:
        """Whether the file has a scale or an offset of its own."""
        return set(self.scales) != {1.0} or set(self.offsets) != {0.0}

    @property
    def is_empty(self) -> bool:
        """Whether no pixel was valid, so that nothing can be told."""
        return set(self.low) == {0.0} and set(self.high) == {1.0}

    def __str__(self) -> str:
        kind = "floating-point numbers" if self.floating else "numbers"
        ends = f"{format_number(min(self.low))} to {format_number(max(self.high))}"
        return f"{kind} from {ends} (2nd to 98th percentile)"


@dataclass(frozen=True)
class Scaling:
    """Reflectance = number * scale + offset, band by band."""

    scales: Ends
    offsets: Ends
    how: str
    note: str = ""
    """What a person should know: a sentence whose subject is the raster, without it; empty where all is as expected."""

    def ends(self) -> tuple[Ends, Ends]:
        """The numbers that are black and white."""
        black, white = (
            tuple((level - offset) / scale for scale, offset in zip(self.scales, self.offsets, strict=True))
            for level in (0.0, WHITE_REFLECTANCE)
        )
        return black, white

    def fits(self, spread: ValueRange) -> bool:
        """Whether the numbers are reflectances of the ground so."""
        low, high = (
            [value * scale + offset for value, scale, offset in zip(ends, self.scales, self.offsets, strict=True)]
            for ends in (spread.low, spread.high)
        )
        return _LEAST <= max(high) <= _MOST and _DARKEST <= min(low) < WHITE_REFLECTANCE


def choose_scaling(spread: ValueRange, sensor: Sensor) -> Scaling | None:
    """The first reading that fits; None where none does."""
    preset = PRESETS[sensor]
    readings = list(_readings(spread, preset))
    if spread.is_empty:
        return next((reading for reading in readings if not reading.note), None)
    return next((reading for reading in readings if reading.fits(spread)), None)


def describe_misfit(spread: ValueRange, sensor: Sensor) -> str:
    """What is told where no reading fits."""
    return f"holds {spread}, which do not fit {PRESETS[sensor].title}: they are stretched as if there were no preset"


def _readings(spread: ValueRange, preset: Preset) -> Iterator[Scaling]:
    """In the order in which they are tried."""
    bands, unneeded = len(spread.low), ""
    if spread.is_tagged:
        yield Scaling(spread.scales, spread.offsets, "scale and offset tags")
        unneeded = ", and not as its scale and offset tags say"
    if spread.floating:
        note = f"holds {spread}: they are taken as reflectances as they are{unneeded}" if unneeded else ""
        yield Scaling((1.0,) * bands, (0.0,) * bands, "reflectances as they are", note)
        note = f"holds {spread}: they are taken as reflectances in percent{unneeded}"
        yield Scaling((0.01,) * bands, (0.0,) * bands, "reflectances in percent", note)
    yield _counts(spread, preset, unneeded)
    if preset.scale != _TEN_THOUSANDTH:
        note = f"holds {spread}: they are taken as reflectances x 10,000, and not scaled as {preset.title} is{unneeded}"
        yield Scaling((_TEN_THOUSANDTH,) * bands, (0.0,) * bands, "reflectances x 10,000", note)


def _counts(spread: ValueRange, preset: Preset, unneeded: str) -> Scaling:
    """As the preset says."""
    assert preset.scale is not None
    bands, offset, how, note = len(spread.low), preset.offset, "counts", ""
    if spread.floating or unneeded:
        note = f"holds {spread}: they are taken as counts of {preset.title}{unneeded}, not as reflectances of 0 to 1"
    if preset.missions == ("sentinel2",):
        offset, how, doubt = _sentinel2_offset(spread)
        note = "; ".join(part for part in (note, doubt) if part)
    return Scaling((preset.scale,) * bands, (offset,) * bands, how, note)


def _sentinel2_offset(spread: ValueRange) -> tuple[float, str, str]:
    """Offset in reflectance, how it is known, and a sentence where the file contradicts itself.

    The baseline says it unless the numbers show that the offset was taken off since, as harmonised copies have it. A
    day alone says little (archives are processed anew, copies harmonised): it only makes dark numbers count for less.
    """
    named = re.search(r"_N(\d\d)(\d\d)_", spread.name)
    tagged = re.fullmatch(r"N?(\d\d)\.?(\d\d)", spread.tags.get("PROCESSING_BASELINE", ""))
    dark, known = min(spread.low), tagged or named
    if known is None:
        day = _DAY.search(spread.name.replace("\\", "/").rsplit("/", 1)[-1])
        since = bool(day and "".join(day.groups()) >= SENTINEL2_OFFSET_SINCE)
        has_offset, reason = dark >= (_HARDLY if since else _OFFSET), "by the darkest 2 %"
    else:
        reason = f"baseline {known[1]}.{known[2]}"
        has_offset = float(f"{known[1]}.{known[2]}") >= SENTINEL2_OFFSET_BASELINE
        if has_offset and dark < _HARDLY and not spread.is_empty:
            doubt = f"is of {reason}, but its darkest 2 % are below {_HARDLY}: its offset of -1000 was taken off before"
            return 0.0, f"{reason}: offset taken off before", doubt
    return (SENTINEL2_OFFSET, f"{reason}: offset -1000", "") if has_offset else (0.0, f"{reason}: no offset", "")
