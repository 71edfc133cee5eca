"""Pixels with their place on Earth, as every source gives them."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from jaxtyping import Bool, Float

from geoglot.geo import Grid


@dataclass(frozen=True, repr=False)
class Tile:
    """A rectangle of pixels with its valid mask and grid."""

    pixels: Float[np.ndarray, "bands rows cols"]
    """float32 brightness 0..1; 0 on no data, and the mirrored scene beyond its edge."""
    valid: Bool[np.ndarray, "rows cols"]
    """False on no data, NaN and padding."""
    grid: Grid
    bands: tuple[str, ...]
    time: datetime | None
    uri: str
    """The source of the pixels."""

    def __repr__(self) -> str:
        crs = self.grid.crs.name if self.grid.crs else "no CRS"
        return f"Tile({self.uri}, {self.bands}, {self.grid.shape} px, {self.valid.mean():.0%} valid, {crs})"
