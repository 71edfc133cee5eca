"""The world grid of cells: places of chips that do not depend on where a file begins.

For a scale of S metres the Earth is cut into rows of latitude of S metres, and every row into whole columns of about S
metres, as in Major TOM (Francis and Czerkawski 2024, "Major TOM: Expandable Datasets for Earth Observation",
section 3). Row 0 is at the south pole, column 0 at 180 degrees west. A cell is a place; a chip is a place at a time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from geoglot.crs import wrap_longitude
from geoglot.errors import InputError

_RADIUS_M = 6_371_008.8  # mean radius of WGS 84; a cell differs from its scale by at most 0.6 %
METRES_A_DEGREE = 111_195.08
"""Along a meridian of that sphere."""
_TEXT = re.compile(r"([0-9.]{1,12})m_([0-9]{1,9})_([0-9]{1,9})")
#: Metres of the smallest and the largest cell
SMALLEST_M, LARGEST_M = 1.0, 1_000_000.0


@dataclass(frozen=True, order=True)
class Cell:
    """One cell of the world grid; as text "224m_R_C"."""

    scale_m: float
    row: int
    col: int

    def __str__(self) -> str:
        return f"{self.scale_m:g}m_{self.row}_{self.col}"

    @classmethod
    def parse(cls, text: str) -> Cell:
        """The cell that a text names; InputError if it names none."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise InputError(f"a cell must be written as 224m_57000_12000 (scale, row, column), got {text!r}")
        return cls(check_scale(float(found[1])), int(found[2]), int(found[3]))

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude in degrees."""
        lon, lat = centres(self.scale_m, np.array([self.row]), np.array([self.col]))
        return float(lon[0]), float(lat[0])


def check_scale(scale_m: float) -> float:
    """The scale, rounded to millimetres as in the text of a cell; InputError outside 1 m to 1,000 km."""
    if not SMALLEST_M <= scale_m <= LARGEST_M:
        raise InputError(f"a scale must be from {SMALLEST_M:g} m to {LARGEST_M:,.0f} m, got {scale_m:g} m")
    return float(f"{scale_m:g}")


def rows(scale_m: float) -> int:
    """The number of rows of a scale, from pole to pole."""
    return max(1, round(math.pi * _RADIUS_M / scale_m))


def columns(scale_m: float, row: Int[np.ndarray, " cell"]) -> Int[np.ndarray, " cell"]:
    """The number of columns of each row."""
    latitude = np.radians(_latitude(scale_m, row))
    around = 2 * math.pi * _RADIUS_M * np.cos(latitude)
    return np.asarray(np.maximum(1, np.round(around / scale_m)), np.int64)


def centres(
    scale_m: float, row: Int[np.ndarray, " cell"], col: Int[np.ndarray, " cell"]
) -> tuple[Float[np.ndarray, " cell"], Float[np.ndarray, " cell"]]:
    """Longitudes and latitudes of the centres of cells, in degrees."""
    return (col + 0.5) * 360 / columns(scale_m, row) - 180, _latitude(scale_m, row)


def cells_at(scale_m: float, lon: Any, lat: Any) -> tuple[Int[np.ndarray, " point"], Int[np.ndarray, " point"]]:
    """Row and column of the cell in which each point lies; coordinates in degrees."""
    lon, lat = np.atleast_1d(np.asarray(lon, np.float64)), np.atleast_1d(np.asarray(lat, np.float64))
    count = rows(scale_m)
    row = np.clip(((lat + 90) * count / 180).astype(np.int64), 0, count - 1)
    across = columns(scale_m, row)
    col = np.minimum(((wrap_longitude(lon) + 180) * across / 360).astype(np.int64), across - 1)
    return row, col


def cells_within(
    scale_m: float, west: float, south: float, east: float, north: float
) -> Iterator[tuple[int, Int[np.ndarray, " cell"]]]:
    """Each row with the columns of its cells that touch a box, from the north; degrees, west > east across 180."""
    wide = east - west + (360 if west > east else 0)
    (last, first), _ = cells_at(scale_m, [west, west], [south, north])
    for row in range(int(first), int(last) - 1, -1):
        count = int(columns(scale_m, np.array([row]))[0])
        start = math.floor((west + 180) * count / 360)
        reach = min(count, math.floor((west + wide + 180) * count / 360) - start + 1)
        yield row, np.arange(start, start + reach) % count


def _latitude(scale_m: float, row: Int[np.ndarray, " cell"]) -> Float[np.ndarray, " cell"]:
    return np.asarray((row + 0.5) * 180 / rows(scale_m) - 90, np.float64)
