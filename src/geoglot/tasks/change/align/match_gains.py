"""Makes the radiometry of all dates that of the date with the most contrast, which the least haze lies on.

Each date is compared with the reference of the alignment; the lines between them give those to the clearest date. So
the order in which dates are given decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from geoglot.sources.spectrum import Spectrum
from geoglot.tasks.change.align.dated_raster import DatedRaster
from geoglot.tasks.change.align.gains import Gains, Line
from geoglot.tasks.change.align.invariant import Bands, Weights, find_invariant, fit_lines
from geoglot.tasks.change.align.look import Numbers

_PIXELS = 100_000  # that lines are fitted to
_DARK, _LIGHT = 0.004, 0.996  # beyond, a brightness is cut off and tells nothing
_HELPS, _LEAST_HELP = 0.8, 0.005  # what gains must leave of the difference of unchanged ground, and take away from it
_CONTRAST = 0.01  # standard deviation of the brightness of unchanged ground, below which steps of bytes decide
_MOST_CUT, _SLACK = 0.03, 0.02  # share of a picture beyond black or white by more than so much that a true line makes
_LEAST_GAIN, _MOST_GAIN = 0.3, 3.0
_BLOCKS = 8  # a side, of which every other one is in the same half of the ground
_SAME: Line = (1.0, 0.0)


class Pictures(NamedTuple):
    """Small pictures of one date, pixel on pixel with those of the others."""

    shown: Numbers
    """Brightness of red, green and blue."""
    spectrum: Numbers | None
    """Values of the bands of `Raster.spectrum`, in its order."""


class _Lines(NamedTuple):
    """The lines from a date to the reference."""

    shown: list[Line]
    spectrum: Mapping[str, Line]


def match_gains(
    dates: Sequence[DatedRaster], pictures: Sequence[Pictures], reference: int
) -> tuple[list[Gains | None], list[str]]:
    """The gains of every date, None where they would not help, and sentences for the user."""
    lines, notes = list[_Lines | None](), list[str]()
    same = _Lines([_SAME] * len(dates[reference].indexes), {})
    for place, dated in enumerate(dates):
        found = (
            same if place == reference else _find_lines(dates[reference], dated, pictures[reference], pictures[place])
        )
        if isinstance(found, str):
            notes.append(f"the brightness of {dated.name} was left as it is: {found}")
        lines.append(None if isinstance(found, str) else found)
    clearest = min((each for each in lines if each), key=lambda each: float(np.mean([gain for gain, _ in each.shown])))
    gains = [each and _to_gains(each, clearest) for each in lines]
    notes += [_note(dated, each) for dated, each in zip(dates, gains, strict=True) if each]
    return gains, notes


def _find_lines(reference: DatedRaster, other: DatedRaster, first: Pictures, second: Pictures) -> _Lines | str:
    """The lines from a date to the reference, which change nothing where they do not help; else why there are none."""
    spectra = _comparable(reference.spectrum, first, other.spectrum, second)
    which = first.shown[1] & second.shown[1]
    for shown in (first.shown[0], second.shown[0]):
        which &= ((shown > _DARK) & (shown < _LIGHT)).all(0)
    for _, known in spectra:
        which &= known
    places = np.flatnonzero(which)
    places = places[:: max(1, -(-len(places) // _PIXELS))]
    to, shown = (_pick(picture.shown, places) for picture in (first, second))
    judged_to, judged = [_pick(numbers, places) for numbers in spectra] or (to, shown)
    rows, cols = np.unravel_index(places, which.shape)
    half = (rows * _BLOCKS // which.shape[0] + cols * _BLOCKS // which.shape[1]) % 2 == 0
    weights = find_invariant(judged, judged_to, np.asarray(half))
    if weights is None:
        return "too little ground is the same on both dates to tell its light"
    if min(_contrast(shown, weights), _contrast(to, weights)) < _CONTRAST:
        return "the ground that is the same on both dates has too little contrast to tell its light"
    lines = fit_lines(shown, to, weights)
    if not all(_LEAST_GAIN <= gain <= _MOST_GAIN for gain, _ in lines):
        return "its light differs too much from that of the other dates"
    back = [(1 / gain, -offset / gain) for gain, offset in lines]
    if max(_cut_off(second.shown, lines), _cut_off(first.shown, back)) > _MOST_CUT:
        return "its light would cut off what is bright on one of the dates"
    if not _helps(shown, to, lines, weights):
        return _Lines([_SAME] * len(shown), {})
    names = other.spectrum.indexes if spectra and other.spectrum else ()
    return _Lines(lines, dict(zip(names, fit_lines(judged, judged_to, weights), strict=False)))


def _contrast(shown: Bands, weights: Weights) -> float:
    """The least standard deviation of a band."""
    means = np.average(shown, axis=1, weights=weights)[:, None]
    return float(np.sqrt(np.average((shown - means) ** 2, axis=1, weights=weights).min()))


def _cut_off(shown: Numbers, lines: Sequence[Line]) -> float:
    """The share of a picture that lines move beyond black and white in some band."""
    gain, offset = np.array(lines).T[:, :, None]
    light = gain * shown[0][:, shown[1]] + offset
    return float(((light < -_SLACK) | (light > 1 + _SLACK)).any(0).mean())


def _helps(shown: Bands, to: Bands, lines: Sequence[Line], weights: Weights) -> bool:
    """Whether lines bring unchanged ground clearly nearer to what it is on the other date."""
    gain, offset = np.array(lines).T[:, :, None]
    before, after = (
        float(np.average(np.abs(to - light).mean(0), weights=weights)) for light in (shown, gain * shown + offset)
    )
    return after <= _HELPS * before and before - after >= _LEAST_HELP


def _comparable(
    first: Spectrum | None, first_picture: Pictures, second: Spectrum | None, second_picture: Pictures
) -> list[Numbers]:
    """The values of both dates if they have the same bands in plain numbers, else none: reflectances need no gain."""
    if first is None or second is None or first.is_reflectance or second.is_reflectance:
        return []
    numbers = [picture.spectrum for picture in (first_picture, second_picture) if picture.spectrum]
    return numbers if list(first.indexes) == list(second.indexes) else []


def _pick(numbers: Numbers, places: np.ndarray) -> Bands:
    return np.asarray(numbers[0].reshape(len(numbers[0]), -1)[:, places], np.float64)


def _to_gains(lines: _Lines, clearest: _Lines) -> Gains | None:
    """From a date to the reference, and from that to the clearest date."""
    shown = [_through(line, to) for line, to in zip(lines.shown, clearest.shown, strict=True)]
    names = lines.spectrum.keys() | clearest.spectrum.keys()
    spectrum = {
        name: _through(lines.spectrum.get(name, _SAME), clearest.spectrum.get(name, _SAME)) for name in sorted(names)
    }
    return None if all(line == _SAME for line in (*shown, *spectrum.values())) else Gains(tuple(shown), spectrum)


def _through(line: Line, to: Line) -> Line:
    return line[0] / to[0], (line[1] - to[1]) / to[0]


def _note(dated: DatedRaster, gains: Gains) -> str:
    lines = ", ".join(
        f"{band} x {gain:.2f} {offset:+.2f}" for band, (gain, offset) in zip(dated.bands, gains.shown, strict=True)
    )
    return f"the brightness of {dated.name} was made comparable by ground that has not changed ({lines})"
