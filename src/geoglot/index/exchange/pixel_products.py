"""Products with a vector per pixel, such as AlphaEarth and TESSERA, as chips: the mean direction of the pixels of each.

The overviews of AlphaEarth are made in the same way: the mean of the pixels below, brought to length 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
import shapely
from jaxtyping import Bool, Float

from geoglot.errors import InputError, SourceError
from geoglot.geo import Grid, Window
from geoglot.index.build.chips import ChipPlace, find_places
from geoglot.index.exchange.batches import ROWS, Places, make_batch
from geoglot.index.store.archive import ModelFacts
from geoglot.index.store.chip_table import WINDOW, ChipBatch

#: Metres of a chip, if the caller says nothing: 16 pixels of 10 m
SCALE_M = 160.0
_BLOCK = 512  # pixels a side that are read at once
_MOST_SIDE = 1024  # pixels of a chip; a block of so many vectors is held at a time
_MOST_CHIPS = 4_000_000  # of one raster
_LEAST_SEEN = 0.5  # share of a chip's pixels that have data


Pixels = tuple[Float[np.ndarray, "dim rows cols"], Bool[np.ndarray, "rows cols"]]
"""Vectors, and which of them are known."""


@dataclass(frozen=True, eq=False)
class PixelProduct:
    """A raster of vectors."""

    model: ModelFacts
    source: str
    grid: Grid
    """It may be bottom-up."""
    time: datetime | None
    read: Callable[[Window], Pixels]
    """The vectors of a window inside the grid."""
    part: Window | None = None
    """Of the grid, whose chips are wanted; None is all of it."""

    def batches(self, scale_m: float) -> Iterator[ChipBatch]:
        """Its chips on the world grid, a shard after the other."""
        if (resolution := self.grid.resolution_m) is None:
            raise SourceError(f"{self.source} has no CRS, so its vectors have no place")
        side = max(1, round(scale_m / resolution))
        self._check_size(side)
        part = self.part or self.grid.whole
        places = [
            place._replace(
                window=place.window._replace(row=place.window.row + part.row, col=place.window.col + part.col)
            )
            for place in find_places(self.grid.window(part), scale_m, side)
        ]
        blocks = groupby(sorted(places, key=_block_of), key=_block_of)
        waiting = list[tuple[np.ndarray, list[ChipPlace], np.ndarray]]()
        for _, group in blocks:
            waiting.append(self._means(list(group), side))
            if sum(len(members) for _, members, _ in waiting) >= ROWS:
                yield self._batch(waiting, scale_m, resolution)
                waiting = []
        if waiting:
            yield self._batch(waiting, scale_m, resolution)

    def within(self, bbox: tuple[float, float, float, float]) -> PixelProduct | None:
        """The same with the chips of a box of degrees (west, south, east, north); None if it has none.

        InputError for a box across the antimeridian.
        """
        west, south, east, north = bbox
        if west > east:
            raise InputError(
                f"the box must go from west to east, got {west:g} to {east:g}; take the two sides of the antimeridian "
                f"one by one, {west:g} to 180 and -180 to {east:g}"
            )
        outline = shapely.segmentize(shapely.box(west, south, east, north).exterior, (east - west + north - south) / 64)
        rows, cols = self.grid.from_lonlat(*shapely.get_coordinates(outline).T)
        if not (np.isfinite(rows).all() and np.isfinite(cols).all()):
            return None
        (top, bottom), (left, right) = ((int(np.floor(axis.min())), int(np.ceil(axis.max()))) for axis in (rows, cols))
        window = Window(top, left, bottom - top, right - left).intersection(self.grid.whole)
        return None if window is None else replace(self, part=window)

    def _check_size(self, side: int) -> None:
        """SourceError for chips of so many pixels, or so many chips, that memory would not suffice."""
        if side > _MOST_SIDE:
            raise SourceError(
                f"chips of {self.source} would be {side:,} pixels wide, which must be at most {_MOST_SIDE:,}; give a "
                "smaller --scale"
            )
        part = self.part or self.grid.whole
        count = (part.height // side + 1) * (part.width // side + 1)
        if count > _MOST_CHIPS:
            raise SourceError(
                f"{self.source} has {count:,} chips, which must be at most {_MOST_CHIPS:,} at a time; give a part "
                "of it (--bbox) or a larger --scale"
            )

    def _means(self, members: list[ChipPlace], side: int) -> tuple[np.ndarray, list[ChipPlace], np.ndarray]:
        """Sums of the vectors of chips, and the shares of their pixels that have data."""
        rows, cols = (np.array([place.window[axis] for place in members]) for axis in (0, 1))
        height, width = self.grid.shape
        top, left = max(0, int(rows.min())), max(0, int(cols.min()))
        bottom, right = min(height, int(rows.max()) + side), min(width, int(cols.max()) + side)
        values, known = self.read(Window(top, left, bottom - top, right - left))
        values = np.where(known, values, 0).transpose(1, 2, 0)
        sums, seen = np.zeros((len(members), values.shape[2]), np.float32), np.zeros(len(members))
        for index, (row, col) in enumerate(zip(rows - top, cols - left, strict=True)):
            part = np.s_[max(0, row) : max(0, row + side), max(0, col) : max(0, col + side)]
            with np.errstate(over="ignore", invalid="ignore"):  # such a chip has no direction, and is left out
                sums[index], seen[index] = values[part].sum((0, 1)), known[part].sum()
        return sums, members, seen / side**2

    def _batch(
        self, waiting: Sequence[tuple[np.ndarray, list[ChipPlace], np.ndarray]], scale_m: float, resolution: float
    ) -> ChipBatch:
        sums = np.concatenate([part for part, _, _ in waiting])
        members = [place for _, part, _ in waiting for place in part]
        seen = np.concatenate([part for _, _, part in waiting])
        sums[seen < _LEAST_SEEN] = 0  # without a direction, so it is left out
        windows = np.array([place.window for place in members])
        crs = str(self.grid.known_crs.to_string())
        more: dict[str, Sequence[Any]] = {
            "scale_m": [scale_m] * len(members), "cell": [str(place.cell) for place in members],
            "resolution_m": [resolution] * len(members), "crs": [crs] * len(members), "nodata": list(1 - seen),
        }  # fmt: skip
        more |= {name: list(values) for name, values in zip(WINDOW, windows.T, strict=True)}
        return make_batch(
            self.model, sums,
            Places(self._footprints(windows), [self.source] * len(members), [self.time] * len(members), more),
        )  # fmt: skip

    def _footprints(self, windows: np.ndarray) -> np.ndarray:
        top, left, height, width = windows.T
        corners = [self.grid.to_lonlat(row, col) for row, col in
                   ((top, left), (top, left + width), (top + height, left + width), (top + height, left))]  # fmt: skip
        rings = np.stack([np.stack(corner, axis=-1) for corner in [*corners, corners[0]]], axis=1)
        return np.asarray(shapely.polygons(rings))


def unpack(stored: np.ndarray, scale: np.ndarray | float = 1.0, offset: float = 0.0) -> Pixels:
    """Vectors of numbers as they are stored (dim, rows, cols); those that are not finite are not known.

    `scale` is one for all, one for each pixel (rows, cols), or one for each number.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        values = stored.astype(np.float32) * np.asarray(scale, np.float32) + np.float32(offset)
    return values, np.asarray(np.isfinite(values).all(0))


def _block_of(place: ChipPlace) -> tuple[int, int]:
    return place.window.row // _BLOCK, place.window.col // _BLOCK
