"""Chips of one place: those of other dates, scales and scenes whose middle lies in the same square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geoglot.crs import wrap_longitude
from geoglot.index.cells import Cell

_METRES = 111_195.0  # of a degree on the mean sphere
_INSIDE = 0.499  # of a side from the middle: the neighbour's middle is a whole side away


@dataclass
class Place:
    """A chip, and how many others of the same place followed it."""

    index: int
    also: int = 0


def merge_places(cells: Sequence[str | None], sources: Sequence[str], most: int) -> list[Place]:
    """The first chip of each place, at most `most` places; a picture without coordinates is a place by itself."""
    places, known = list[Place](), list[tuple[float, float, float]]()
    by_source = dict[str, Place]()
    for index, (text, source) in enumerate(zip(cells, sources, strict=True)):
        if text is None:
            there = by_source.get(source)
        else:
            cell = Cell.parse(text)
            there = _find(places, known, cell)
        if there is not None:
            there.also += 1
            continue
        if len(places) == most:
            continue
        places.append(Place(index))
        known.append((np.nan, np.nan, 0.0) if text is None else (*cell.centre, cell.scale_m))
        if text is None:
            by_source[source] = places[-1]
    return places


def _find(places: Sequence[Place], known: Sequence[tuple[float, float, float]], cell: Cell) -> Place | None:
    """The first of the known places that holds the middle of a cell, or whose middle lies in the cell."""
    if not known:
        return None
    lon, lat = cell.centre
    centres = np.array(known)
    across = np.abs(wrap_longitude(centres[:, 0] - lon)) * np.cos(np.radians(lat)) * _METRES
    down = np.abs(centres[:, 1] - lat) * _METRES
    within = np.maximum(across, down) < _INSIDE * np.maximum(centres[:, 2], cell.scale_m)
    return places[int(within.argmax())] if within.any() else None
