"""A scene of one date on the grid that all dates share, as comparable with the others as it can be made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from affine import Affine
from jaxtyping import Bool, UInt8

from geoglot.crs import transform
from geoglot.geo import Grid, Window
from geoglot.sources.analysis_grid import shrink
from geoglot.sources.raster import Raster
from geoglot.sources.scene_day import Period
from geoglot.sources.spectrum import Spectrum
from geoglot.sources.tile import Tile
from geoglot.tasks.change.align.gains import Gains
from geoglot.tasks.change.align.look import read_reduced
from geoglot.tasks.change.align.shift import Shift, metres

CLEAR, CLOUD, SHADOW = range(3)


@dataclass(frozen=True, eq=False)
class Hidden:
    """Where clouds and their shadows hide the ground, in cells of the common grid."""

    cells: UInt8[np.ndarray, "rows cols"]
    """CLEAR, CLOUD or SHADOW."""
    side: int
    """Pixels along a cell."""
    origin: tuple[int, int] = (0, 0)
    """Row and column of the grid's first pixel, counted from that of the first cell."""

    def at(self, window: Window) -> Bool[np.ndarray, "rows cols"]:
        """The hidden pixels of a window; beyond the grid as at its border."""
        starts = window.row + self.origin[0], window.col + self.origin[1]
        lengths = window.height, window.width
        index = [
            (np.arange(start, start + length) // self.side).clip(0, count - 1)
            for start, length, count in zip(starts, lengths, self.cells.shape, strict=True)
        ]
        return np.asarray(self.cells[np.ix_(*index)] != CLEAR)


@dataclass(frozen=True)
class Shares:
    """Shares of the common grid, 0..1, that are left out of a date."""

    no_data: float = 0.0
    cloud: float = 0.0
    shadow: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class DatedRaster(Raster):
    """A raster whose tiles are valid only where the date shows the ground.

    `native` is moved by the shift, `radiometry` holds the gains, and `grid` is the one that all dates share.
    """

    name: str
    """Of the date: its day, else the file's stem; no two dates have the same."""
    period: Period | None
    """When it was taken, if that is known."""
    shift: Shift
    gains: Gains | None
    """None: the brightness is that of the file."""
    hidden: Hidden | None
    shares: Shares

    @classmethod
    def of(cls, raster: Raster, grid: Grid, name: str, period: Period | None) -> DatedRaster:
        """An open raster on another grid. If this is the raster's own, pixels pass unchanged."""
        own = {field.name: getattr(raster, field.name) for field in fields(Raster)}
        own["grid"] = raster.native if grid == raster.native else grid
        return cls(**own, name=name, period=period, shift=Shift(), gains=None, hidden=None, shares=Shares())

    def read(self, window: Window) -> Tile:
        """Read a window of `grid`, without what clouds and their shadows hide; ReadError if the file is damaged."""
        tile = super().read(window)
        return tile if self.hidden is None else replace(tile, valid=tile.valid & ~self.hidden.at(window))

    def thumbnail(self, side: int) -> Tile:
        """Read all of `grid` with at most `side` pixels on its longer side, clouds included."""
        small = shrink(self.grid, side)
        values, valid = read_reduced(self, small)
        return Tile(self.radiometry.apply(values, valid), valid, small, self.bands, self.time, self.uri)

    @cached_property
    def spectrum(self) -> Spectrum | None:
        """The bands that indices compare, comparable with those of the other dates."""
        own = super().spectrum
        return own if own is None or self.gains is None else self.gains.of_spectrum(own)

    def moved(self, shift: Shift) -> DatedRaster:
        """This date with a shift removed; on top of what `moved` has removed before."""
        rows, cols = (side / 2 for side in self.grid.shape)
        x, y = self.grid.to_map(
            np.array([rows, rows - (shift.down - self.shift.down)]),
            np.array([cols, cols - (shift.right - self.shift.right)]),
        )
        if self.native.crs is not None and self.grid.crs is not None and self.native.crs != self.grid.crs:
            x, y = transform(x, y, self.grid.crs, self.native.crs)
        step = Affine.translation(float(x[1] - x[0]), float(y[1] - y[0]))
        return replace(self, native=replace(self.native, transform=step @ self.native.transform), shift=shift)

    def with_gains(self, gains: Gains | None) -> DatedRaster:
        """This date with a comparable brightness."""
        return self if gains is None else replace(self, gains=gains, radiometry=gains.of_radiometry(self.radiometry))

    def cut(self, window: Window) -> DatedRaster:
        """This date on a window of the grid."""
        if window == self.grid.whole:
            return self
        hidden = self.hidden and replace(self.hidden, origin=(window.row, window.col))
        return replace(self, grid=self.grid.window(window), hidden=hidden)

    @property
    def moved_m(self) -> tuple[float, float] | None:
        """Metres (east, north) by which the pixels were moved; None without a CRS."""
        down, right = (self.shift.down, self.shift.right) if self.shift.applied else (0.0, 0.0)
        step = metres(self.grid, down, right)
        return None if step is None else (0.0 - float(step[0]), 0.0 - float(step[1]))

    def fingerprint(self) -> dict[str, Any]:
        """JSON that changes with the file, how it is read, and how it was made comparable."""
        cells = self.hidden and hashlib.sha256(self.hidden.cells.tobytes()).hexdigest()
        return {
            **super().fingerprint(),
            "moved": list(self.native.transform[:6]),
            "gains": self.gains and self.gains.to_json(),
            "hidden": self.hidden and [cells, self.hidden.side, *self.hidden.origin],
        }

    def to_json(self) -> dict[str, Any]:
        """What was done to this date, for manifests and results."""
        return {
            "source": self.uri,
            "name": self.name,
            "day": str(self.period) if self.period and self.period.day else None,
            **self.shift.to_json(),
            "shift_m": self.moved_m and [round(metre, 3) for metre in self.moved_m],
            "gains": self.gains and self.gains.to_json(),
            **{key: round(getattr(self.shares, key), 5) for key in ("no_data", "cloud", "shadow")},
        }
