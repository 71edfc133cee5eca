"""Whose numbers a file's bands have: B4 is red on Sentinel-2 and Landsat 8-9, near infrared on Landsat 4-7.

What took a file is told by its name and its tags, else by the numbers themselves: B8A and B04 are Sentinel-2's, SR_B6
is Landsat 8-9's, and 1, 2, 3, 4, 5, 7 without a 6 are the reflective bands of Landsat 4-7. A preset says it where the
file does not; where both do and disagree, the file is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from geoglot.aliases import Sensor
from geoglot.errors import InputError
from geoglot.sources.bands.band_names import parse_band_number, parse_colour
from geoglot.sources.bands.sensors import MISSIONS, PRESETS, Mission, missions_of, preset_of

_MOST = 12  # no satellite here counts further
_COUNTED = 6  # up to so many bands, names that only count from one say nothing: every writer counts


@dataclass(frozen=True)
class Numbering:
    """A mission, and how it is known."""

    mission: Mission | None
    told: str = ""
    """Ends a sentence: ", counted as on Landsat 8-9"."""
    used: bool = False
    """Whether the names have numbers that need it."""
    notes: tuple[str, ...] = ()

    def colour(self, name: str) -> str | None:
        """The colour of a band by the number in its name."""
        number = parse_band_number(name) if self.used else None
        return self.mission.numbers.get(number) if self.mission and number else None


def find_numbering(names: tuple[str, ...], said: tuple[str, ...], sensor: Sensor | None) -> Numbering:
    """The mission of a file; InputError where its name or tags contradict the preset."""
    found = missions_of((*said, *names))
    if sensor is not None:
        _check(found, (*said, *names), sensor)
        found = tuple(one for one in PRESETS[sensor].missions if one in found)
    numbers = _numbers(names)
    if len(found) == 1:
        mission = MISSIONS[found[0]]
        return Numbering(mission, f", counted as on {mission.title}", bool(numbers and mission.numbers))
    if sensor is not None:
        return _of_preset(sensor, names, numbers)
    return _of_numbers(names, numbers)


def _check(found: Sequence[str], texts: Sequence[str], sensor: Sensor) -> None:
    preset = PRESETS[sensor]
    if sensor != "rgb" and found and not set(found) & set(preset.missions):
        better = preset_of(found[0])
        advice = f"use --sensor {better}" if better else "leave the preset out"
        titles = " and ".join(MISSIONS[one].title for one in found)
        raise InputError(
            f"The name or the tags of the raster say {titles}, and {sensor} is for {preset.title}: {advice}"
        )
    other = preset.other and re.search(preset.other, "\n".join(texts).lower())
    if other:
        raise InputError(
            f"The name or the tags of the raster say {other[0].strip('_')!r}, which is not {preset.title}: choose "
            f"another preset than {sensor}"
        )


def _numbers(names: Sequence[str]) -> tuple[str, ...]:
    """The numbers of bands whose names say no colour; none where they only count."""
    numbers = [parse_band_number(name) if parse_colour(name) in (None, "thermal", "radar") else None for name in names]
    counting = numbers == [str(index) for index in range(1, len(names) + 1)] and len(names) <= _COUNTED
    plain = not any(re.search(r"[a-z]+_b\d|b0\d", name) for name in names)
    return () if counting and plain else tuple(number for number in numbers if number)


def _of_preset(sensor: Sensor, names: Sequence[str], numbers: Sequence[str]) -> Numbering:
    preset = PRESETS[sensor]
    guessed, first = _of_numbers(names, numbers), MISSIONS[preset.missions[0]]
    fits = guessed.mission in [MISSIONS[one] for one in preset.missions]
    if fits and guessed.mission is not first:
        return guessed
    if first.numbers:
        notes: tuple[str, ...] = ()
        if len(preset.missions) > 1:
            note = f"does not say which satellite took it: B4, B3, B2 are red, green, blue as on {first.title}"
            notes = (f"{note}, and not B3, B2, B1 as on {MISSIONS[preset.missions[1]].title}",)
        return Numbering(first, f", counted as on {first.title}", bool(numbers), notes)
    if numbers:
        return guessed
    return Numbering(first)


def _of_numbers(names: Sequence[str], numbers: Sequence[str]) -> Numbering:
    """Of the satellite whose bands have such numbers."""
    if not numbers or any(int(number.rstrip("a")) > _MOST for number in numbers):
        return Numbering(None)
    text, have = " ".join(names), set(numbers)
    landsat = re.search(r"\b(sr|st)[_ ]?b", text) is not None
    if re.search(r"\bb0\d|_b0\d", text) or (not landsat and have & {"8a", "12"}):
        return _counted_as("sentinel2")
    if ({"1", "2", "3", "4", "5", "7"} <= have and not have & {"6", "8a", "9"}) or "st_b6" in text:
        note = "has a band 7 and no band 6 of reflectance, as Landsat 4-7: its bands are counted as there"
        return Numbering(MISSIONS["landsat4-7"], f", counted as on {MISSIONS['landsat4-7'].title}", True, (note,))
    if landsat and have & {"6", "10"}:
        return _counted_as("landsat8-9")
    first, told = ("landsat8-9", "") if landsat else ("sentinel2", " and Landsat 8-9")
    title = f"{MISSIONS[first].title}{told}"
    if have & {"9", "10", "11"}:  # Landsat 4-7 has none of these
        return Numbering(MISSIONS[first], f", counted as on {title}", True)
    note = (
        f"does not say which satellite took it: B4, B3, B2 are taken as red, green, blue, as on {title}; on "
        "Landsat 4-7 they are near infrared, red, green"
    )
    return Numbering(MISSIONS[first], f", counted as on {title}", True, (note,))


def _counted_as(mission: str) -> Numbering:
    return Numbering(MISSIONS[mission], f", counted as on {MISSIONS[mission].title}", True)
