"""The made-up country some years later: six kinds of change at planted places, other crops, and the rest as it was."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from noise import smooth
from numpy.typing import NDArray
from scipy import ndimage
from world import FIELD, FIRST_HOUSE, FOREST, HOUSE, LAKE, MEADOW, ORCHARD, POOL, ROAD, ROAD_WIDTH, Lot, World, turned
from world import place as place_lot

Classes = NDArray[np.uint8]
Parcels = NDArray[np.int32]

SHARE = 0.12
"""Of forests and fields that change."""
LEAST = 800  # m² of a forest or field that changes
EACH_KM2 = 200  # places tried for houses, and as many for pools
ROADS_KM2 = 30  # tried
RISE = 25.0  # metres by which a lake grows where it floods
NEW_CROPS = 1 << 22  # added to the parcel numbers of fields, from which crop and direction of ploughing follow


class Kind(NamedTuple):
    """What a change is called, as an analyst asks for it: classes before and after, None is any."""

    before: int | None
    after: int | None

    def mask(self, before: NDArray[np.integer], after: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Where two maps of classes say that it happened."""
        here = before != after
        if self.before is not None:
            here = here & (before == self.before)
        return here if self.after is None else here & (after == self.after)


KINDS = {
    "felled forest": Kind(FOREST, None),
    "field to meadow": Kind(FIELD, MEADOW),
    "flood": Kind(None, LAKE),
    "new roads": Kind(None, ROAD),
    "new buildings": Kind(None, HOUSE),
    "new pools": Kind(None, POOL),
}


def years_later(world: World, seed: int, *, changed: bool = True) -> World:
    """The country when half of its fields have new crops and, if `changed`, all kinds of change have happened."""
    classes, parcels = world.truth(world.grid.whole).copy(), world.parcels(world.grid.whole).copy()
    rng = np.random.default_rng((seed, 23))
    fields = np.unique(parcels[classes == FIELD])
    new = rng.choice(fields, len(fields) // 2, replace=False)
    parcels[np.isin(parcels, new) & (classes == FIELD)] += NEW_CROPS
    for plant in PLANTERS if changed else ():
        plant(classes, parcels, rng)
    return world.with_maps(classes, parcels)


def _fell(classes: Classes, parcels: Parcels, rng: np.random.Generator) -> None:
    _convert(classes, parcels, rng, FOREST)


def _sow(classes: Classes, parcels: Parcels, rng: np.random.Generator) -> None:
    _convert(classes, parcels, rng, FIELD)


def _convert(classes: Classes, parcels: Parcels, rng: np.random.Generator, value: int) -> None:
    """Make meadows of some parcels of a class."""
    numbers, sizes = np.unique(parcels[classes == value], return_counts=True)
    large = numbers[sizes >= LEAST]
    chosen = rng.choice(large, math.ceil(SHARE * len(large)), replace=False)
    classes[np.isin(parcels, chosen) & (classes == value)] = MEADOW


def _flood(classes: Classes, parcels: Parcels, rng: np.random.Generator) -> None:
    """Lakes rise over their shores in some places, and over all but houses."""
    rows, cols = axes_of(classes)
    here = smooth(int(rng.integers(1 << 30)), rows, cols, 180) > 0.5
    near = ndimage.distance_transform_edt(classes != LAKE) < RISE * smooth(int(rng.integers(1 << 30)), rows, cols, 60)
    classes[here & near & (classes != HOUSE)] = LAKE


def _pave(classes: Classes, parcels: Parcels, rng: np.random.Generator) -> None:
    """Straight roads over open land and woods."""
    rows, cols = axes_of(classes)
    open_land = np.isin(classes, (FIELD, MEADOW, FOREST, ORCHARD))
    for _ in range(_count(classes, ROADS_KM2)):
        row, col, angle, half = rng.uniform((0, 0, 0, 70), (*classes.shape, math.pi, 160))
        along, across = turned(rows - row, cols - col, angle)
        line = (abs(across) < ROAD_WIDTH / 2) & (abs(along) < half)
        if open_land[line].mean() > 0.7:
            classes[line & open_land] = ROAD


def _build(classes: Classes, parcels: Parcels, rng: np.random.Generator) -> None:
    _place_lots(classes, parcels, rng, HOUSE, ((11, 10), (18, 13)))


def _dig(classes: Classes, parcels: Parcels, rng: np.random.Generator) -> None:
    _place_lots(classes, parcels, rng, POOL, ((11, 8), (16, 10)))


def _place_lots(
    classes: Classes,
    parcels: Parcels,
    rng: np.random.Generator,
    value: int,
    sides: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    """Houses or pools on meadows and fields, of lengths and widths between the least and the largest."""
    serial = 2 * FIRST_HOUSE + 4 * int(rng.integers(1 << 24))
    for number in range(_count(classes, EACH_KM2)):
        low, high = (0, 0, 0, *sides[0]), (*classes.shape, math.pi, *sides[1])
        place_lot(classes, parcels, Lot(*rng.uniform(low, high)), value, serial + 4 * number, (MEADOW, FIELD))


def axes_of(classes: Classes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows (row, 1) and columns (1, col) of a map."""
    return np.arange(classes.shape[0])[:, None], np.arange(classes.shape[1])[None, :]


def _count(classes: Classes, each_km2: int) -> int:
    return max(2, round(each_km2 * classes.size / 1e6))


PLANTERS: tuple[Callable[[Classes, Parcels, np.random.Generator], None], ...] = (
    _fell, _sow, _flood, _pave, _build, _dig,
)  # fmt: skip
