"""The windows of a scene: rows of overlapping windows on one lattice of patches."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from geoglot.errors import InputError
from geoglot.geo import Grid, Window

_LEAST = 1e-6  # weight of an outermost patch, which counts where a neighbour fails
Span = tuple[int, int]
"""First pixel of a window along one axis of the scene, and the last plus one."""


@dataclass(frozen=True)
class Anchor:
    """A lattice of windows that is fixed to the ground, so that a crop of a scene is seen through the same windows."""

    stride: int
    """Windows start on multiples of it: a model that is moved by less sees the same ground otherwise."""
    least: int
    """Least side in pixels of a window at the scene's border, which is cut off there unless it is narrower."""
    origin: tuple[int, int] = (0, 0)
    """Row and column of the scene's first pixel on the lattice."""


@dataclass(frozen=True)
class WindowPlan:
    """Windows of `tile` pixels that overlap by `overlap`, over a scene of `shape` (rows, cols).

    All windows start on multiples of `patch`, so their patches fall on one lattice, on which scores are blended before
    they are upsampled. With an anchor, windows are cut off at the scene's border; without one, all are squares, the
    first starts at the scene's first pixel, and the last may reach beyond the scene.
    """

    shape: tuple[int, int]
    tile: int
    overlap: int
    patch: int
    anchor: Anchor | None = None

    def __post_init__(self) -> None:
        _check_tile(self.tile, self.patch)
        if self.overlap % self.patch:
            raise InputError(
                f"the overlap, {self.overlap} px, must be a multiple of the model's patch, {self.patch} px"
            )
        if not 0 <= self.overlap < self.tile:
            raise InputError(f"the overlap, {self.overlap} px, must be smaller than the tile, {self.tile} px")

    def on(self, grid: Grid) -> "WindowPlan":
        """The plan with its anchor where a grid lies on its map; as it is without an anchor, or on a rotated grid."""
        if self.anchor is None or (place := grid.lattice_place) is None:
            return self
        return replace(self, anchor=replace(self.anchor, origin=place))

    @cached_property
    def row_spans(self) -> list[Span]:
        """Rows of pixels of every row of windows."""
        return self._spans(0)

    @cached_property
    def col_spans(self) -> list[Span]:
        """Columns of pixels of every window of a row."""
        return self._spans(1)

    def _spans(self, axis: int) -> list[Span]:
        length, step = self.shape[axis], self.tile - self.overlap
        if self.anchor is None:
            last = max(0, -(-(length - self.tile) // self.patch) * self.patch)
            return [(start, start + self.tile) for start in (*range(0, last, step), last)]
        return _anchored_spans(length, self.tile, step, self.anchor, axis)

    @property
    def inset(self) -> tuple[int, int]:
        """Rows and columns of pixels of the lattice's first patches that lie outside the scene."""
        rows, cols = ((-spans[0][0]) % self.patch for spans in (self.row_spans, self.col_spans))
        return rows, cols

    @property
    def lattice(self) -> tuple[int, int]:
        """Rows and columns of the patch lattice; its first and last patches may reach beyond the scene."""
        rows, cols = (-(-(side + off) // self.patch) for side, off in zip(self.shape, self.inset, strict=True))
        return rows, cols

    @property
    def lattice_window(self) -> Window:
        """The pixels that the patch lattice starts with and the scene ends with, in pixels of the scene."""
        (top, left), (rows, cols) = self.inset, self.shape
        return Window(-top, -left, rows + top, cols + left)

    def __len__(self) -> int:
        return len(self.row_spans) * len(self.col_spans)

    def windows(self, first_row: int = 0) -> Iterator[Window]:
        """All windows in reading order, from row of windows `first_row` on."""
        for top, bottom in self.row_spans[first_row:]:
            for left, right in self.col_spans:
                yield Window(top, left, bottom - top, right - left)

    def ramp(self, window: Window) -> Float[np.ndarray, "patch_rows patch_cols"]:
        """Weight of each patch of a window: 1 inside, falling to almost 0 where a neighbour's rises to 1."""
        down, across = self._ramps
        rows, cols = (window.row, window.row + window.height), (window.col, window.col + window.width)
        return np.outer(down[rows], across[cols])

    @cached_property
    def _ramps(self) -> tuple[dict[Span, np.ndarray], dict[Span, np.ndarray]]:
        return _side_ramps(self.row_spans, self.patch), _side_ramps(self.col_spans, self.patch)


def _check_tile(tile: int, patch: int) -> None:
    if tile < patch:
        raise InputError(f"the tile, {tile} px, must be at least one patch of the model, {patch} px")
    if tile % patch:
        raise InputError(f"the tile, {tile} px, must be multiples of the model's patch, {patch} px")


def _anchored_spans(length: int, tile: int, step: int, anchor: Anchor, axis: int) -> list[Span]:
    """Windows that start on multiples of `step` of the lattice, cut off at the stride where the scene ends."""
    place = anchor.origin[axis]
    first = -(place % anchor.stride)
    end = first + -(-(length - first) // anchor.stride) * anchor.stride
    spans = []
    for start in range(-(place % step), max(1, end - (tile - step)), step):
        begin = max(start, min(first, start + tile - anchor.least))
        spans.append((begin, min(start + tile, max(end, begin + anchor.least))))
    return spans


def _side_ramps(spans: list[Span], patch: int) -> dict[Span, Float[np.ndarray, " patches"]]:
    """Weights of windows along one axis: those of neighbours add to 1, and outermost patches count next to nothing."""
    ramps = {(first, last): np.ones((last - first) // patch, np.float32) for first, last in spans}
    for before, after in pairwise(spans):
        if shared := (before[1] - after[0]) // patch:
            rise = np.clip(np.arange(shared) / max(1, shared - 1), _LEAST, 1).astype(np.float32)
            ramps[after][:shared] *= rise
            ramps[before][-shared:] *= rise[::-1]
    return ramps


def plan_windows(
    shape: tuple[int, int],
    trained: int,
    patch: int,
    tile: int | None = None,
    overlap: int | None = None,
    stride: int | None = None,
) -> WindowPlan:
    """Plan the windows of a scene, of twice the trained size (`default_tile`), as an overlap is given or not.

    Without an overlap they are anchored, and `tile` decides nothing but how much is computed at once: a model that sees
    more or less around a pixel gives it another class. With one, they are squares of `tile` pixels.
    """
    if tile is not None:
        _check_tile(tile, patch)
    if overlap is not None:
        return WindowPlan(shape, tile or default_tile(shape, trained, patch), overlap, patch)
    stride = stride or patch
    side, least = (-(-length // stride) * stride for length in (2 * trained, trained))
    shared = -(-max(3 * patch, 2 * stride) // stride) * stride
    return WindowPlan(shape, side, min(shared, side - stride), patch, Anchor(stride, least))


def default_tile(shape: tuple[int, int], trained: int, patch: int) -> int:
    """Twice the trained size, so that fewer pixels are encoded twice; less for a smaller scene."""
    largest = -(-max(shape) // patch) * patch
    return min(2 * trained, max(trained, largest))
