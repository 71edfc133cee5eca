"""Heat on disk: the scores of names all over a scene as bytes, in a file that may still be filling.

A map shows them, and a threshold that moves needs nothing more: how much ground reaches it is counted by byte.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
from affine import Affine
from jaxtyping import Float, Int, UInt8

from geoglot.geo import Grid
from geoglot.outputs.atomic import write_json

#: The byte of a score of 0; the byte 0 is where nothing is known
LEAST = 1
STEPS = 254
"""From the score 0 to 1."""
_AT_ONCE = 4_000_000  # pixels
_FILE, _FACTS = "heat.npy", "heat.json"
HeatFile = np.memmap[tuple[int, int, int], np.dtype[np.uint8]]


@dataclass(frozen=True)
class HeatMap:
    """The heat of a scene as it lies on disk, perhaps unfinished."""

    names: tuple[str, ...]
    grid: Grid
    bytes: UInt8[np.ndarray, "name rows cols"]
    """0 where nothing is known, else 1 + 254 * score; mapped from the file."""

    @classmethod
    def open(cls, folder: Path) -> HeatMap:
        """FileNotFoundError before the first row was begun."""
        facts = json.loads((folder / _FACTS).read_text())
        crs = pyproj.CRS(facts["crs"]) if facts["crs"] else None
        grid = Grid(crs, Affine(*facts["transform"]), tuple(facts["shape"]))
        return cls(tuple(facts["names"]), grid, np.load(folder / _FILE, mmap_mode="r", allow_pickle=False))

    def areas(self, index: int) -> Float[np.ndarray, 256]:
        """The square metres of ground under each byte of a name; pixels, for a scene without a CRS."""
        whole, areas = self.grid.whole, np.zeros(256)
        for part in whole.cut(rows_at_once(self.grid), whole.width):
            counts: Int[np.ndarray, 256] = np.bincount(self.bytes[(index, *part.slices)].ravel(), minlength=256)
            areas += counts * (self.grid.pixel_area_m2(part) or 1.0)
        return areas


def create_heat(folder: Path, names: tuple[str, ...], grid: Grid) -> HeatFile:
    """A file (name, rows, cols) in which nothing is known yet."""
    shape = (len(names), *grid.shape)
    file: HeatFile = np.lib.format.open_memmap(folder / _FILE, mode="w+", dtype=np.uint8, shape=shape)
    crs = grid.crs.to_wkt() if grid.crs else None
    write_json(
        folder / _FACTS, {"names": names, "crs": crs, "transform": list(grid.transform[:6]), "shape": grid.shape}
    )
    return file


def rows_at_once(grid: Grid) -> int:
    """Rows of a heat that are handled at once, which bounds memory."""
    return max(1, _AT_ONCE // grid.shape[1])


def byte_of(score: float) -> int:
    """The byte of a score."""
    return LEAST + round(STEPS * score)
