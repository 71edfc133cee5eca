"""Finds the satellite that numbers a file's bands: B4 is red on Sentinel-2 and Landsat 8-9, infrared on Landsat 4-7.

The file's name and tags name the satellite. Without them its numbers do: B8A and B04 are Sentinel-2's, SR_B6 is Landsat
8-9's, and 1, 2, 3, 4, 5, 7 without a 6 are the reflective bands of Landsat 4-7. A preset decides if the file does not;
if the two disagree, the file is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from geoglot.aliases import Sensor
from geoglot.errors import InputError
from geoglot.sources.bands.band_names import parse_band_number, parse_colour
from geoglot.sources.bands.sensors import MISSIONS, PRESETS, Mission, missions_of, preset_of

_MAX_NUMBER = 12  # the highest band number of any satellite here
_MAX_COUNTED = 6  # up to this many bands, names that only count from one are a writer's and name no satellite


@dataclass(frozen=True)
class Numbering:
    """The mission whose numbers the names of bands have, with notes on how it is known."""

    mission: Mission | None
    suffix: str = ""
    """The end of a sentence: ", counted as on Landsat 8-9"."""
    used: bool = False
    """Whether some names are only known by their numbers."""
    notes: tuple[str, ...] = ()

    def colour(self, name: str) -> str | None:
        """The colour of a band by the number in its name."""
        number = parse_band_number(name) if self.used else None
        return self.mission.numbers.get(number) if self.mission and number else None


@lru_cache(maxsize=64)  # it is asked three times for every file
def find_numbering(names: tuple[str, ...], hints: tuple[str, ...], sensor: Sensor | None) -> Numbering:
    """The mission of a file; InputError if its name or tags contradict the preset."""
    missions = missions_of((*hints, *names))
    if sensor is not None:
        _check_preset(missions, (*hints, *names), sensor)
        missions = tuple(mission for mission in PRESETS[sensor].missions if mission in missions)
    numbers = _parse_numbers(names)
    if len(missions) == 1:
        return _counted_as(missions[0], used=bool(numbers and MISSIONS[missions[0]].numbers))
    return _infer_from_preset(sensor, names, numbers) if sensor else _infer_from_numbers(names, numbers)


def _counted_as(mission: str, used: bool = True, notes: tuple[str, ...] = ()) -> Numbering:
    return Numbering(MISSIONS[mission], f", counted as on {MISSIONS[mission].title}", used, notes)


def _check_preset(missions: Sequence[str], texts: Sequence[str], sensor: Sensor) -> None:
    preset = PRESETS[sensor]
    if sensor != "rgb" and missions and not set(missions) & set(preset.missions):
        better = preset_of(missions[0])
        advice = f"use --sensor {better}" if better else "leave the preset out"
        titles = " and ".join(MISSIONS[mission].title for mission in missions)
        raise InputError(
            f"The name or the tags of the raster say {titles}, and {sensor} is for {preset.title}: {advice}"
        )
    other = preset.other and re.search(preset.other, "\n".join(texts).lower())
    if other:
        raise InputError(
            f"The name or the tags of the raster say {other[0].strip('_')!r}, which is not {preset.title}: choose "
            f"another preset than {sensor}"
        )


def _parse_numbers(names: Sequence[str]) -> tuple[str, ...]:
    """The numbers in names that say no colour; none if the names only count."""
    numbers = [parse_band_number(name) if parse_colour(name) in (None, "thermal", "radar") else None for name in names]
    only_count = numbers == [str(index) for index in range(1, len(names) + 1)] and len(names) <= _MAX_COUNTED
    is_plain = not any(re.search(r"[a-z]+_b\d|b0\d", name) for name in names)
    return () if only_count and is_plain else tuple(number for number in numbers if number)


def _infer_from_preset(sensor: Sensor, names: Sequence[str], numbers: Sequence[str]) -> Numbering:
    first, *others = PRESETS[sensor].missions
    guess = _infer_from_numbers(names, numbers)
    if guess.mission in [MISSIONS[mission] for mission in others]:
        return guess
    if MISSIONS[first].numbers:
        notes: tuple[str, ...] = ()
        if others:
            note = (
                "does not say which satellite took it: B4, B3, B2 are red, green, blue as on "
                f"{MISSIONS[first].title}, and not B3, B2, B1 as on {MISSIONS[others[0]].title}"
            )
            notes = (note,)
        return _counted_as(first, bool(numbers), notes)
    return guess if numbers else Numbering(MISSIONS[first])


def _infer_from_numbers(names: Sequence[str], numbers: Sequence[str]) -> Numbering:
    if not numbers or any(int(number.rstrip("a")) > _MAX_NUMBER for number in numbers):
        return Numbering(None)
    text, present = " ".join(names), set(numbers)
    is_landsat = re.search(r"\b(sr|st)[_ ]?b", text) is not None
    if re.search(r"\bb0\d|_b0\d", text) or (not is_landsat and present & {"8a", "12"}):
        return _counted_as("sentinel2")
    if ({"1", "2", "3", "4", "5", "7"} <= present and not present & {"6", "8a", "9"}) or "st_b6" in text:
        note = "has a band 7 and no band 6 of reflectance, as on Landsat 4-7: its bands are counted as there"
        return _counted_as("landsat4-7", notes=(note,))
    if is_landsat and present & {"6", "10"}:
        return _counted_as("landsat8-9")
    first, others = ("landsat8-9", "") if is_landsat else ("sentinel2", " and Landsat 8-9")
    title = f"{MISSIONS[first].title}{others}"
    note = (
        f"does not say which satellite took it: B4, B3, B2 are taken as red, green, blue, as on {title}; on "
        "Landsat 4-7 they are near infrared, red, green"
    )
    is_clear = present & {"9", "10", "11"}  # Landsat 4-7 has none of these
    return Numbering(MISSIONS[first], f", counted as on {title}", True, () if is_clear else (note,))
