"""The value that every source gives: pixels that keep their place on Earth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from jaxtyping import Bool, Float

from geoglot.geo import Grid


@dataclass(frozen=True, repr=False)
class Tile:
    """A block of pixels, its place, and its valid mask."""

    pixels: Float[np.ndarray, "bands rows cols"]
    """float32, 0..1 of the scene's display range; 0 where there is no data, and beyond the scene its mirror."""
    valid: Bool[np.ndarray, "rows cols"]
    """False on no data, NaN and padding."""
    grid: Grid
    bands: tuple[str, ...]
    time: datetime | None
    uri: str
    """Where the pixels were read."""

    def __repr__(self) -> str:
        crs = self.grid.crs.name if self.grid.crs else "no CRS"
        return f"Tile({self.uri}, {self.bands}, {self.grid.shape} px, {self.valid.mean():.0%} valid, {crs})"
