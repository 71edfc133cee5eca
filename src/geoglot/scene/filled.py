"""A scene without black holes: models take the rim of missing data for a thing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scipy import ndimage

from geoglot.geo import Window
from geoglot.sources.read_ahead import Readable
from geoglot.sources.tile import Tile


@dataclass(frozen=True)
class Filled:
    """A raster whose pixels without data look like the nearest ones that have some, and stay without."""

    raster: Readable

    def read(self, window: Window) -> Tile:
        """The pixels of a window; ReadError where it cannot be read."""
        tile = self.raster.read(window)
        if tile.valid.all() or not tile.valid.any():
            return tile
        rows, cols = ndimage.distance_transform_edt(~tile.valid, return_distances=False, return_indices=True)
        return replace(tile, pixels=tile.pixels[:, rows, cols])
