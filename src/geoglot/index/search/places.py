"""Chips of one place: those of other dates, scales and scenes whose middle lies in the same square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from geoglot.crs import wrap_longitude
from geoglot.index.store.cells import METRES_A_DEGREE, Cell

_INSIDE = 0.499  # of a side from the middle: the neighbour's middle is a whole side away


@dataclass
class Place:
    """A chip, and how many others of the same place followed it."""

    index: int
    also: int = 0


def merge_places(cells: Sequence[str | None], sources: Sequence[str], most: int) -> list[Place]:
    """The first chip of each place, at most `most` places; a picture without coordinates is a place by itself."""
    places, known = list[Place](), np.full((most, 3), np.nan)
    by_source = dict[str, Place]()
    for index, (text, source) in enumerate(zip(cells, sources, strict=True)):
        if text is None:
            there = by_source.get(source)
        else:
            cell = Cell.parse(text)
            there = _find(places, known[: len(places)], cell)
        if there is not None:
            there.also += 1
            continue
        if len(places) == most:
            continue
        if text is not None:
            known[len(places)] = *cell.centre, cell.scale_m
        places.append(Place(index))
        if text is None:
            by_source[source] = places[-1]
    return places


def _find(places: Sequence[Place], known: Float[np.ndarray, "place 3"], cell: Cell) -> Place | None:
    """The first place that holds the middle of a cell, or whose middle lies in the cell.

    `known` is the longitude, latitude and scale in metres of each place; NaN without coordinates.
    """
    if not places:
        return None
    lon, lat = cell.centre
    across = np.abs(wrap_longitude(known[:, 0] - lon)) * np.cos(np.radians(lat)) * METRES_A_DEGREE
    down = np.abs(known[:, 1] - lat) * METRES_A_DEGREE
    within = np.maximum(across, down) < _INSIDE * np.maximum(known[:, 2], cell.scale_m)
    return places[int(within.argmax())] if within.any() else None
