"""Chooses the bands that a model sees as red, green and blue, and says why.

Without a choice by the caller, the first of these that names all three decides: the names of the bands, where they say
red, green and blue in words; their wavelengths; the satellite's numbers in their names (band_numbering.py); their
colour interpretation; the order of bands in the satellite's files. Otherwise the first three that are not alpha are
taken, and called a guess. With a sensor's preset its order comes before the colour interpretation, which many writers
set by default. A single band (or two with an alpha) is shown as grey. For a model that takes more bands, the caller
names them after red, green and blue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from geoglot.aliases import BandLike, Sensor
from geoglot.errors import InputError
from geoglot.sources.bands.band_metadata import read_descriptions, read_mission_hints, read_wavelengths
from geoglot.sources.bands.band_names import (
    RGB,
    colour_of_wavelength,
    is_same_name,
    nearest_band,
    parse_band_number,
    parse_colour,
)
from geoglot.sources.bands.band_numbering import Numbering, find_numbering

Triple = tuple[int, int, int]
_INFRARED = re.compile(r"(?<![a-z])(cir|irc|irrg)(?![a-z])", re.IGNORECASE)  # as surveys call colour-infrared photos
_LONGEST_NUMBER = 9  # digits; Python refuses to read thousands of them


@dataclass(frozen=True)
class Choice:
    """The bands that are shown."""

    indexes: tuple[int, ...]
    """1-based: red, green and blue, then any more that the caller asked for."""
    why: str
    """Ends the sentence "these are red, green, blue ..."."""
    notes: tuple[str, ...] = ()
    """Sentences for the user, without their subject: `open_raster` puts the name of the raster in front."""
    guessed: bool = False
    """Whether these are the first three because nothing names the colours."""


@dataclass(frozen=True)
class Bands:
    """What a raster says about its bands."""

    descriptions: tuple[str, ...]
    """Lower case, empty where the file says nothing."""
    colours: tuple[str, ...]
    """GDAL's colour interpretation: red, gray, alpha, palette, undefined, ..."""
    wavelengths: tuple[float | None, ...] = ()
    """Micrometres."""
    hints: tuple[str, ...] = ()
    """The name of the file, and its tags that may name the satellite."""

    @classmethod
    def of(cls, dataset: Any) -> Bands:
        """The bands of an open dataset."""
        colours = tuple(colour.name for colour in dataset.colorinterp)
        return cls(read_descriptions(dataset), colours, read_wavelengths(dataset), read_mission_hints(dataset))

    def choose(self, bands: Sequence[BandLike] | None, sensor: Sensor | None) -> Choice:
        """The bands to show; InputError for bands that do not exist, and for a preset that does not fit."""
        if bands is not None:
            if len(bands) > (most := len(self.colours) + 2):  # one band may be shown in all three colours
                raise InputError(f"bands must name at most {most} bands of this raster, got {len(bands):,}")
            indexes = tuple(self._index(band) for band in bands) * (3 if len(bands) == 1 else 1)
            if len(indexes) < 3:
                raise InputError(f"Three bands (red, green, blue) or one are needed, got {len(bands)}: {list(bands)}")
            return Choice(indexes, "as asked")
        numbering = self.numbering(sensor)
        choice = self._choose_by_metadata(numbering, sensor) or self._choose_first(sensor, numbering)
        return self._add_notes(choice, numbering)

    def numbering(self, sensor: Sensor | None = None) -> Numbering:
        """The satellite that numbers the bands."""
        return find_numbering(self.descriptions, self.hints, sensor)

    def name(self, index: int) -> str:
        """The name of a band in a Tile: its description, else its colour, else its number."""
        colour = self.colours[index - 1]
        return self.descriptions[index - 1] or (colour if colour != "undefined" else str(index))

    def spectrum(self, sensor: Sensor | None = None) -> tuple[str | None, ...]:
        """The colour of each band by its wavelength, name, colour interpretation or order; None if it is unknown."""
        numbering = self.numbering(sensor)
        named = self._named(numbering)
        order = numbering.mission.stack(len(self.colours)) if numbering.mission and not any(named) else ()
        sources = (
            self._by_wavelength,
            named,
            [colour if colour not in ("gray", "undefined") else None for colour in self.colours],
            (*order, *([None] * len(self.colours)))[: len(self.colours)],
        )
        return tuple(next(filter(None, colours), None) for colours in zip(*sources, strict=True))

    def _choose_by_metadata(self, numbering: Numbering, sensor: Sensor | None) -> Choice | None:
        """Choose by the first kind of metadata that names all three colours."""
        if named := _find_rgb([parse_colour(name) for name in self.descriptions]):
            return Choice(named, "by their names")
        red, green, blue = (nearest_band(colour, self.wavelengths) for colour in RGB)
        if red and green and blue:
            return Choice((red, green, blue), "by their wavelengths")
        if numbered := _find_rgb(self._named(numbering)):
            return Choice(numbered, f"by their names{numbering.suffix}", numbering.notes)
        coloured = _find_rgb(self._interpretation(self._named(numbering)))
        if coloured and sensor is None:
            return Choice(coloured, "by their colour interpretation")
        if (ordered := self._by_order(numbering)) and numbering.mission:
            title = numbering.mission.title
            note = f"does not name its bands: {_list(ordered)} are taken as red, green, blue, as in files of {title}"
            return Choice(ordered, f"as in files of {title}", (*numbering.notes, note))
        return Choice(coloured, "by their colour interpretation") if coloured else None

    def _choose_first(self, sensor: Sensor | None, numbering: Numbering) -> Choice:
        """Choose one band as grey, or else the first three, which is a guess."""
        shown = self._shown or [1]
        if len(shown) < 3:
            return self._choose_grey(shown, numbering)
        if sensor is not None and len(shown) > 3:
            raise InputError(
                f"Cannot tell which of {len(self.colours)} bands without names are red, green and blue for {sensor}; "
                "say it with bands, for instance 3,2,1"
            )
        indexes = (shown[0], shown[1], shown[2])
        note = f"{self._missing_names()}: bands {_list(indexes)} are taken as red, green, blue"
        return Choice(indexes, "by default, since nothing names them", (note,), sensor is None)

    def _choose_grey(self, shown: Sequence[int], numbering: Numbering) -> Choice:
        index = shown[0]
        if self.colours[index - 1] == "palette":
            return Choice((index,) * 3, "by its palette")
        which = f"band {index} of {len(shown)}" if len(shown) > 1 else "its one band"
        called = f" ({self.descriptions[index - 1]})" if self.descriptions[index - 1] else ""
        alone = self._alone(numbering) if len(self.colours) == 1 else ""
        return Choice((index,) * 3, "as grey", (f"is shown in grey, by {which}{called}{alone}",))

    def _alone(self, numbering: Numbering) -> str:
        """What to do with a file of one band of a satellite that keeps each band in a file of its own."""
        mission, number = numbering.mission, parse_band_number(self.hints[0]) if self.hints else None
        if mission is None or number is None or (colour := mission.numbers.get(number)) in (None, "pan"):
            return ""
        return (
            f", band {number} of {mission.title} ({colour}) alone; join the files of red, green, blue and "
            "other bands first: rio stack RED GREEN BLUE -o all.tif"
        )

    def _add_notes(self, choice: Choice, numbering: Numbering) -> Choice:
        """Add notes on metadata that contradict the choice."""
        notes, coloured = list(choice.notes), _find_rgb(self.colours)
        if coloured and coloured != choice.indexes:
            notes.append(
                f"has a colour interpretation that says bands {_list(coloured)}; {_list(choice.indexes)} are taken as "
                f"red, green, blue {choice.why}"
            )
        ordered = self._by_order(numbering)
        if ordered and ordered != choice.indexes and choice.why.startswith("by their") and numbering.mission:
            notes.append(
                f"does not have the order of {numbering.mission.title} ({_list(ordered)}): {_list(choice.indexes)} are "
                f"taken {choice.why}"
            )
        named = self._named(numbering)
        if len(self._shown) == 3 and not any(named) and self.hints and _INFRARED.search(self.hints[0]):
            notes.append(
                "is called colour-infrared: if its bands are near infrared, red and green, its colours are not those "
                "that models know, so take the photo in natural colours"
            )
        for colour in (*RGB, "nir") if choice.why.startswith("by their names") else ():
            if len(twice := [str(index) for index, name in enumerate(named, 1) if name == colour]) > 1:
                notes.append(f"calls bands {' and '.join(twice)} {colour}: the first is taken")
        if notes and len(self.colours) > 1:
            notes[-1] += "; `geoglot bands` shows them, and --bands or --sensor chooses"
        return replace(choice, notes=tuple(notes))

    def _missing_names(self) -> str:
        named = self._named(self.numbering())
        present = [colour for colour in RGB if colour in named]
        names = [name for name in self.descriptions if name]
        listed = f" ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})" if names else ""
        if present:
            return f"names {' and '.join(present)} but no {' and no '.join(c for c in RGB if c not in present)}{listed}"
        return f"names no colours{listed}"

    def _named(self, numbering: Numbering) -> tuple[str | None, ...]:
        return tuple(parse_colour(name) or numbering.colour(name) for name in self.descriptions)

    @cached_property
    def _shown(self) -> list[int]:
        """The bands that are neither alpha nor, by their names, a mask."""
        bands = enumerate(zip(self.descriptions, self.colours, strict=True), 1)
        return [index for index, (name, colour) in bands if colour != "alpha" and parse_colour(name) != "quality"]

    @cached_property
    def _by_wavelength(self) -> tuple[str | None, ...]:
        return tuple(map(colour_of_wavelength, self.wavelengths)) or (None,) * len(self.colours)

    def _interpretation(self, named: Sequence[str | None]) -> list[str]:
        """What each band is called, or else its colour interpretation, which many writers set by default."""
        pairs = zip(named, self.colours, strict=True)
        return [name if name and name != "quality" else colour for name, colour in pairs]

    def _by_order(self, numbering: Numbering) -> Triple | None:
        shown = self._shown
        rgb = _find_rgb(numbering.mission.stack(len(shown)) if numbering.mission else ())
        return (shown[rgb[0] - 1], shown[rgb[1] - 1], shown[rgb[2] - 1]) if rgb else None

    def _index(self, band: BandLike) -> int:
        if isinstance(band, str) and not (band.isdecimal() and len(band) <= _LONGEST_NUMBER):
            index = self._find(band)
        else:
            index = int(band) if 1 <= int(band) <= len(self.colours) else None
        if index is None:
            names = {number: self.name(number) for number in range(1, len(self.colours) + 1)}
            bands = [str(number) if name == str(number) else f"{number} ({name})" for number, name in names.items()]
            raise InputError(f"There is no band {band!r}; the raster has: {', '.join(bands)}")
        return index

    def _find(self, wanted: str) -> int | None:
        """The band with this name, with the number in it, or of this colour."""
        number, colour = parse_band_number(wanted), parse_colour(wanted)
        tests = (
            [bool(name) and is_same_name(name, wanted) for name in self.descriptions],
            [number is not None and parse_band_number(name) == number for name in self.descriptions],
            [colour is not None and name == colour for name in self._named(self.numbering())],
            [colour is not None and name == colour for name in self._by_wavelength],
            [name in (wanted.lower(), colour) for name in self.colours],
        )
        return next((matches.index(True) + 1 for matches in tests if any(matches)), None)


def _find_rgb(colours: Sequence[str | None]) -> Triple | None:
    """The first (1-based) red, green and blue, if all are there."""
    if not set(RGB) <= set(colours):
        return None
    red, green, blue = (colours.index(colour) + 1 for colour in RGB)
    return red, green, blue


def _list(indexes: Sequence[int]) -> str:
    return ", ".join(map(str, indexes))
