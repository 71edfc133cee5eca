"""Pick random pixels of each stratum, without holding the map in memory.

Every square metre of a stratum has the same chance, also on a grid in degrees, whose pixels shrink towards the poles:
blocks are drawn one place at a time by the ground that is left of the stratum in them, and pixels evenly within a
block. On a grid in metres that is a simple random sample without replacement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from geoglot.tasks.audit.census import Census
from geoglot.tasks.audit.class_raster import ClassRaster


@dataclass(frozen=True)
class Place:
    """A pixel of the map, to be decided by a person."""

    id: int
    """Places are numbered from 1 in an order that is random too, so that the first ones are a random sample."""
    row: int
    col: int
    stratum: int
    """Its index among the strata."""


def centres(places: Sequence[Place]) -> tuple[Float[np.ndarray, " place"], Float[np.ndarray, " place"]]:
    """Rows and columns of the middle of each place, in pixels of the map."""
    rows, cols = (np.array([getattr(place, axis) for place in places]) + 0.5 for axis in ("row", "col"))
    return rows, cols


def pick_places(raster: ClassRaster, census: Census, sizes: Sequence[int], seed: int) -> tuple[Place, ...]:
    """Pick so many places in each stratum; the same map, sizes and seed give the same places."""
    generators = [np.random.default_rng([seed, index]) for index in range(len(sizes))]
    shares = np.stack(
        [
            _draw_blocks(counts, census.areas, size, generator)
            for counts, size, generator in zip(census.pixels, sizes, generators, strict=True)
        ]
    )
    found = list[tuple[int, int, int]]()
    for block in np.flatnonzero(shares.any(0)):
        window = census.blocks[block]
        ids, valid = raster.read(window)
        for stratum in np.flatnonzero(shares[:, block]):
            pixels = np.flatnonzero(((ids == census.strata[stratum].id) & valid).ravel())
            chosen = generators[stratum].choice(pixels, shares[stratum, block], replace=False)
            rows, cols = np.unravel_index(chosen, ids.shape)
            found += [
                (window.row + int(row), window.col + int(col), int(stratum))
                for row, col in zip(rows, cols, strict=True)
            ]
    order = np.random.default_rng([seed, len(sizes)]).permutation(len(found))
    return tuple(Place(number, *found[index]) for number, index in enumerate(order, 1))


def _draw_blocks(pixels: np.ndarray, areas: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """How many places each block gives."""
    left = pixels.astype(np.float64)
    for _ in range(size):
        ground = np.cumsum(left * areas)
        block = int(np.searchsorted(ground, generator.random() * ground[-1], "right"))
        left[block] -= 1
    drawn: np.ndarray = pixels - left.astype(np.int64)
    return drawn
