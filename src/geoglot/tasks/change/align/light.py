"""Makes the light of dates on one grid comparable, and leaves out what clouds and their shadows hide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from geoglot.tasks.change.align.clouds import Beyond, find_hidden, share_of
from geoglot.tasks.change.align.common_grid import Common
from geoglot.tasks.change.align.dated_raster import CLOUD, SHADOW, DatedRaster, Hidden, Shares
from geoglot.tasks.change.align.gains import Gains, Line
from geoglot.tasks.change.align.look import cell_side, look
from geoglot.tasks.change.align.match_gains import Pictures, match_gains

_TOLD = 0.0005  # share of the scene from which something is told
_VISIBLE = ("blue", "green", "red")


def compare_light(dates: Sequence[DatedRaster], reference: int, common: Common) -> tuple[list[DatedRaster], list[str]]:
    """The dates with gains and without clouds, and sentences for the user."""
    side, size = cell_side(common.grid), common.grid.resolution_m
    pictures = [_pictures(dated, side) for dated in dates]
    gains, notes = match_gains(dates, pictures, reference)
    light = [dated.with_gains(each) for dated, each in zip(dates, gains, strict=True)]
    shown = [
        _on_lines(picture.shown[0], each.shown if each else ()).clip(0, 1)
        for picture, each in zip(pictures, gains, strict=True)
    ]
    valid = [picture.shown[1] for picture in pictures]
    hidden = find_hidden(shown, _beyond(light, pictures, gains), valid, size and size * side)
    counted = common.counts_cells(side)
    result = [
        replace(
            dated,
            hidden=Hidden(cells, side) if cells.any() else None,
            shares=Shares(
                share_of(~known, counted), share_of(cells == CLOUD, counted), share_of(cells == SHADOW, counted)
            ),
        )
        for dated, known, cells in zip(light, valid, hidden, strict=True)
    ]
    return result, [*notes, *_left_out(result)]


def _pictures(dated: DatedRaster, side: int) -> Pictures:
    values, valid = look(dated, side)
    spectrum = dated.spectrum
    beyond = None
    if spectrum is not None:
        numbers, known = look(dated, side, spectrum.reader)
        beyond = np.stack(list(spectrum.named(numbers).values())), known
    return Pictures((dated.radiometry.apply(values, valid), valid), beyond)


def _on_lines(values: np.ndarray, lines: Sequence[Line]) -> np.ndarray:
    if not lines:
        return values
    gain, offset = np.array(lines, np.float32).T[:, :, None, None]
    return np.asarray(values * gain + offset)


def _beyond(
    dates: Sequence[DatedRaster], pictures: Sequence[Pictures], gains: Sequence[Gains | None]
) -> list[Beyond | None]:
    """Comparable values of the bands beyond the visible that all dates have; None if they cannot be compared."""
    spectra = [dated.spectrum for dated in dates]
    kinds = {spectrum and (tuple(spectrum.indexes), spectrum.is_reflectance) for spectrum in spectra}
    first = spectra[0]
    if len(kinds) > 1 or first is None:
        return [None] * len(dates)
    others = [place for place, name in enumerate(first.indexes) if name not in _VISIBLE]
    found: list[Beyond | None] = []
    for picture, each in zip(pictures, gains, strict=True):
        assert picture.spectrum is not None, "its raster has a spectrum"
        lines = [each.spectrum[name] for name in first.indexes] if each and each.spectrum else ()
        found.append(_on_lines(picture.spectrum[0], lines)[others])
    return found


def _left_out(dates: Sequence[DatedRaster]) -> Iterator[str]:
    for dated in dates:
        cloud, shadow = dated.shares.cloud, dated.shares.shadow
        if cloud >= _TOLD:
            below = f", and {shadow:.1%} in their shadow" if shadow >= _TOLD else ""
            yield f"{cloud:.1%} of {dated.name} look like clouds{below}: they are left out on all dates"
