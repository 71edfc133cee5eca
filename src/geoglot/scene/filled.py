"""No data filled with the nearest pixels, since a model takes the rim of a black hole for an object."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scipy import ndimage

from geoglot.geo import Window
from geoglot.sources.read_ahead import Readable
from geoglot.sources.tile import Tile


@dataclass(frozen=True)
class Filled:
    """A raster whose no-data pixels get the brightness of the nearest valid pixel, and stay invalid."""

    raster: Readable

    def read(self, window: Window) -> Tile:
        """The pixels of a window; ReadError where it cannot be read."""
        tile = self.raster.read(window)
        if tile.valid.all() or not tile.valid.any():
            return tile
        rows, cols = ndimage.distance_transform_edt(~tile.valid, return_distances=False, return_indices=True)
        return replace(tile, pixels=tile.pixels[:, rows, cols])
