"""The windows of a scene: rows of overlapping windows on one lattice of patches."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from geoglot.errors import InputError
from geoglot.geo import Window


def _starts(length: int, tile: int, step: int, patch: int) -> list[int]:
    """Starts of windows that cover `length`, multiples of `patch`; the last window ends less than a patch beyond."""
    last = max(0, -(-(length - tile) // patch) * patch)
    return [*range(0, last, step), last]


@dataclass(frozen=True)
class WindowPlan:
    """Square windows of `tile` pixels that overlap by `overlap`, over a scene of `shape` (rows, cols).

    All windows start on multiples of `patch`, so their patches fall on one lattice, on which scores are blended before
    they are upsampled.
    """

    shape: tuple[int, int]
    tile: int
    overlap: int
    patch: int

    def __post_init__(self) -> None:
        if self.tile < self.patch:
            raise InputError(f"the tile, {self.tile} px, must be at least one patch of the model, {self.patch} px")
        if self.tile % self.patch or self.overlap % self.patch:
            raise InputError(
                f"tile {self.tile} and overlap {self.overlap} must be multiples of the model's patch, {self.patch} px"
            )
        if not 0 <= self.overlap < self.tile:
            raise InputError(f"the overlap, {self.overlap} px, must be smaller than the tile, {self.tile} px")

    @cached_property
    def row_starts(self) -> list[int]:
        """First pixel row of every row of windows."""
        return _starts(self.shape[0], self.tile, self.tile - self.overlap, self.patch)

    @cached_property
    def col_starts(self) -> list[int]:
        """First pixel column of every window of a row."""
        return _starts(self.shape[1], self.tile, self.tile - self.overlap, self.patch)

    @property
    def lattice(self) -> tuple[int, int]:
        """Rows and columns of the patch lattice; its last patches may reach beyond the scene."""
        return -(-self.shape[0] // self.patch), -(-self.shape[1] // self.patch)

    def __len__(self) -> int:
        return len(self.row_starts) * len(self.col_starts)

    def windows(self, first_row: int = 0) -> Iterator[Window]:
        """All windows in reading order, from row of windows `first_row` on."""
        for row in self.row_starts[first_row:]:
            for col in self.col_starts:
                yield Window(row, col, self.tile, self.tile)

    @cached_property
    def ramp(self) -> Float[np.ndarray, "patch_rows patch_cols"]:
        """Weight of each patch of a window: 1 inside, falling to almost 0 on the outermost ring of the overlap.

        Almost, since at the scene's border only one window covers a patch, and its weight must not vanish.
        """
        count, ring = self.tile // self.patch, max(1, self.overlap // self.patch)
        inward = np.minimum(np.arange(count), np.arange(count)[::-1])
        side = np.clip(inward / ring, 1e-6, 1.0).astype(np.float32)
        return np.minimum(side[:, None], side[None, :])


def plan_windows(
    shape: tuple[int, int], trained: int, patch: int, tile: int | None = None, overlap: int | None = None
) -> WindowPlan:
    """Plan the windows of a scene. Default: twice the trained size (`default_tile`), overlapping by three patches."""
    tile = tile or default_tile(shape, trained, patch)
    return WindowPlan(shape, tile, min(3 * patch, tile - patch) if overlap is None else overlap, patch)


def default_tile(shape: tuple[int, int], trained: int, patch: int) -> int:
    """Twice the trained size, so that fewer pixels are encoded twice; less for a smaller scene."""
    largest = -(-max(shape) // patch) * patch
    return min(2 * trained, max(trained, largest))
