"""Which three bands of a raster are shown to a model as red, green and blue, and why.

Without a choice by the caller, what comes first of: the names of the bands, where they say red, green and blue in
words; their wavelengths; the numbers of their satellite in their names (mission.py); their colour interpretation; the
order that the satellite's files have; else the first three that are not alpha, which is a guess and called one. A
sensor's preset puts its order before the colour interpretation, which writers set without being asked.
A single band (or two with an alpha) is shown as grey. A model that was trained on more bands gets those that the caller
names after red, green and blue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from geoglot.aliases import BandLike, Sensor
from geoglot.errors import InputError
from geoglot.sources.bands.band_metadata import read_descriptions, read_mission_hints, read_wavelengths
from geoglot.sources.bands.band_names import (
    RGB,
    colour_of_wavelength,
    is_same_name,
    nearest,
    parse_band_number,
    parse_colour,
)
from geoglot.sources.bands.band_numbering import Numbering, find_numbering

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Choice:
    """The bands that are shown."""

    indexes: tuple[int, ...]
    """1-based: red, green and blue, and of more bands where they are asked for."""
    why: str
    """Ends the sentence "these are red, green, blue ..."."""
    notes: tuple[str, ...] = ()
    """What a person should know of it: sentences whose subject is the raster, without it."""
    guessed: bool = False
    """Whether they are the first three for want of anything better."""


@dataclass(frozen=True)
class Bands:
    """The bands of a raster: what the file says of each."""

    descriptions: tuple[str, ...]
    """Lower case, empty where the file says nothing."""
    colours: tuple[str, ...]
    """GDAL's colour interpretation: red, gray, alpha, palette, undefined, ..."""
    wavelengths: tuple[float | None, ...] = ()
    """Micrometres."""
    said: tuple[str, ...] = ()
    """Where the file may say what took it: its name, and its tags."""

    @classmethod
    def of(cls, dataset: Any) -> Bands:
        """The bands of an open dataset."""
        colours = tuple(colour.name for colour in dataset.colorinterp)
        return cls(read_descriptions(dataset), colours, read_wavelengths(dataset), read_mission_hints(dataset))

    def chosen(self, bands: Sequence[BandLike] | None, sensor: Sensor | None) -> Choice:
        """The bands that are shown, why, and what is to be told of it; InputError where they cannot be told."""
        if bands is not None:
            return self._asked(bands)
        numbering = find_numbering(self.descriptions, self.said, sensor)
        return self._told(self._found(numbering, sensor) or self._first(sensor), numbering)

    def name(self, index: int) -> str:
        """What a band is called in a Tile: its description, else its colour, else its number."""
        colour = self.colours[index - 1]
        return self.descriptions[index - 1] or (colour if colour != "undefined" else str(index))

    def spectrum(self, sensor: Sensor | None = None) -> tuple[str | None, ...]:
        """The colour of each band, as far as its name, its wavelength, its colour interpretation or the order says."""
        numbering = find_numbering(self.descriptions, self.said, sensor)
        shown = [colour if colour not in ("gray", "undefined") else None for colour in self.colours]
        named = self._named(numbering)
        order = numbering.mission.stack(len(shown)) if numbering.mission and not any(named) else ()
        ordered = (*order, *([None] * len(shown)))[: len(shown)]
        return tuple(
            lit or name or said or usual
            for name, lit, said, usual in zip(named, self._lit, shown, ordered, strict=True)
        )

    def _found(self, numbering: Numbering, sensor: Sensor | None) -> Choice | None:
        """By the first thing that says all three colours."""
        if said := _triple([parse_colour(name) for name in self.descriptions]):
            return Choice(said, "by their names")
        if lit := self._by_wavelength():
            return Choice(lit, "by their wavelengths")
        if numbered := _triple(self._named(numbering)):
            return Choice(numbered, f"by their names{numbering.told}", numbering.notes)
        coloured = _triple(self.colours)
        if coloured and sensor is None:
            return Choice(coloured, "by their colour interpretation")
        if ordered := self._by_order(numbering):
            title = numbering.mission.title if numbering.mission else ""
            note = f"does not name its bands: {_list(ordered)} are taken as red, green, blue, as in files of {title}"
            return Choice(ordered, f"as in files of {title}", (*numbering.notes, note))
        return Choice(coloured, "by their colour interpretation") if coloured else None

    def _first(self, sensor: Sensor | None) -> Choice:
        """One band as grey; else the first three, which is a guess."""
        seen = self._shown or [1]
        if len(seen) < 3:
            return self._grey(seen)
        if sensor is not None and len(seen) > 3:
            raise InputError(
                f"Cannot tell which of {len(self.colours)} bands without names are red, green and blue for {sensor}; "
                "say it with bands, for instance 3,2,1"
            )
        indexes = (seen[0], seen[1], seen[2])
        note = f"{self._lack()}: bands {_list(indexes)} are taken as red, green, blue"
        return Choice(indexes, "for want of anything that says it", (note,), sensor is None)

    def _grey(self, seen: Sequence[int]) -> Choice:
        index = seen[0]
        if self.colours[index - 1] == "palette":
            return Choice((index,) * 3, "by its palette")
        which = f"band {index} of {len(seen)}" if len(seen) > 1 else "its one band"
        called = f" ({self.descriptions[index - 1]})" if self.descriptions[index - 1] else ""
        return Choice((index,) * 3, "as grey", (f"is shown in grey, by {which}{called}",))

    def _told(self, choice: Choice, numbering: Numbering) -> Choice:
        """With what contradicts it."""
        notes, coloured = list(choice.notes), _triple(self.colours)
        if coloured and coloured != choice.indexes:
            notes.append(
                f"has a colour interpretation that says bands {_list(coloured)}; {_list(choice.indexes)} are taken as "
                f"red, green, blue {choice.why}"
            )
        ordered, named = self._by_order(numbering), self._named(numbering)
        if ordered and ordered != choice.indexes and choice.why.startswith("by their"):
            title = numbering.mission.title if numbering.mission else ""
            notes.append(
                f"has not the order of {title} ({_list(ordered)}): {_list(choice.indexes)} are taken {choice.why}"
            )
        for colour in RGB if choice.why.startswith("by their names") else ():
            if len(twice := [str(index) for index, name in enumerate(named, 1) if name == colour]) > 1:
                notes.append(f"calls bands {' and '.join(twice)} {colour}: the first is taken")
        if notes and len(self.colours) > 1:
            notes[-1] += "; `geoglot bands` shows them, and --bands chooses"
        return Choice(choice.indexes, choice.why, tuple(notes), choice.guessed)

    def _lack(self) -> str:
        """What the names of the bands leave out."""
        named = self._named(find_numbering(self.descriptions, self.said, None))
        there = [colour for colour in RGB if colour in named]
        called = [name for name in self.descriptions if name]
        listed = f" ({', '.join(called[:4])}{', ...' if len(called) > 4 else ''})" if called else ""
        if there:
            return f"names {' and '.join(there)} but no {' and no '.join(c for c in RGB if c not in there)}{listed}"
        return f"names no colours{listed}"

    def _named(self, numbering: Numbering) -> tuple[str | None, ...]:
        return tuple(parse_colour(name) or numbering.colour(name) for name in self.descriptions)

    @cached_property
    def _shown(self) -> list[int]:
        """The bands that are no alpha, and by their names no mask."""
        return [
            index
            for index, (name, colour) in enumerate(zip(self.descriptions, self.colours, strict=True), 1)
            if colour != "alpha" and parse_colour(name) != "quality"
        ]

    @cached_property
    def _lit(self) -> tuple[str | None, ...]:
        return tuple(map(colour_of_wavelength, self.wavelengths)) or (None,) * len(self.colours)

    def _by_wavelength(self) -> Triple | None:
        found = [nearest(colour, self.wavelengths) for colour in RGB]
        red, green, blue = found
        return (red, green, blue) if red and green and blue else None

    def _by_order(self, numbering: Numbering) -> Triple | None:
        seen = self._shown
        order = numbering.mission.stack(len(seen)) if numbering.mission else ()
        found = _triple(order)
        return (seen[found[0] - 1], seen[found[1] - 1], seen[found[2] - 1]) if found else None

    def _asked(self, bands: Sequence[BandLike]) -> Choice:
        indexes = [self._index(band) for band in bands]
        if len(indexes) == 1:
            indexes *= 3
        if len(indexes) < 3:
            raise InputError(f"Three bands (red, green, blue) or one are needed, not {len(indexes)}: {list(bands)}")
        return Choice(tuple(indexes), "as asked")

    def _index(self, band: BandLike) -> int:
        if isinstance(band, str) and not band.isdigit():
            found = self._called(band)
        else:
            found = int(band) if 1 <= int(band) <= len(self.colours) else None
        if found is None:
            raise InputError(f"There is no band {band!r}; the raster has: {self._have()}")
        return found

    def _have(self) -> str:
        """All bands for people: numbers, and names where a band has more than its number."""
        names = {index: self.name(index) for index in range(1, len(self.colours) + 1)}
        return ", ".join(str(index) if name == str(index) else f"{index} ({name})" for index, name in names.items())

    def _called(self, wanted: str) -> int | None:
        """The band of a name, of the number in it, or of a colour."""
        named = self._named(find_numbering(self.descriptions, self.said, None))
        number, colour = parse_band_number(wanted), parse_colour(wanted)
        places = list(enumerate(self.descriptions, 1))
        tests = (
            [index for index, name in places if name and is_same_name(name, wanted)],
            [index for index, name in places if number and parse_band_number(name) == number],
            [index for index, name in enumerate(named, 1) if colour and name == colour],
            [index for index, name in enumerate(self._lit, 1) if colour and name == colour],
            [index for index, name in enumerate(self.colours, 1) if name in (wanted.lower(), colour)],
        )
        return next((found[0] for found in tests if found), None)


def _triple(colours: Sequence[str | None]) -> Triple | None:
    """Where (1-based) red, green and blue are first, if all are."""
    if not set(RGB) <= set(colours):
        return None
    red, green, blue = (colours.index(colour) + 1 for colour in RGB)
    return red, green, blue


def _list(indexes: Sequence[int]) -> str:
    return ", ".join(map(str, indexes))
