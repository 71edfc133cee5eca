"""Values on the patch lattice: blend overlapping windows, a row of windows at a time, and upsample to pixels."""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from geoglot.geo import Window
from geoglot.scene.windows import WindowPlan


@dataclass
class Blender:
    """Weighted sums of values on the patch lattice, for one row of windows and its overlap with the next.

    Memory is channels x (window / patch) x lattice columns, whatever the scene's height.
    """

    plan: WindowPlan
    channels: int
    row: int = 0
    """Index of the current row of windows."""
    sums: Float[np.ndarray, "channel band_rows lattice_cols"] = field(init=False)
    weights: Float[np.ndarray, "band_rows lattice_cols"] = field(init=False)
    valid: Bool[np.ndarray, "band_pixel_rows pixel_cols"] = field(init=False)

    def __post_init__(self) -> None:
        patch, cols = self.plan.patch, self.plan.col_spans
        band = max(bottom - top for top, bottom in self.plan.row_spans) // patch
        width = (cols[-1][1] - cols[0][0]) // patch
        self.sums = np.zeros((self.channels, band, width), np.float32)
        self.weights = np.zeros((band, width), np.float32)
        self.valid = np.zeros((band * patch, width * patch), bool)

    def add(
        self,
        window: Window,
        scores: Float[np.ndarray, "channel patch_rows patch_cols"],
        valid: Bool[np.ndarray, "rows cols"],
    ) -> None:
        """Add a window of the current row. The weight of a patch is the ramp times its fraction of valid pixels."""
        patch, (rows, cols) = self.plan.patch, scores.shape[1:]
        share = valid.reshape(rows, patch, cols, patch).mean((1, 3), dtype=np.float32)
        weight = self.plan.ramp(window) * share
        left = window.col - self.plan.col_spans[0][0]
        across = slice(left // patch, left // patch + cols)
        self.sums[:, :rows, across] += scores * weight
        self.weights[:rows, across] += weight
        self.valid[: window.height, left : left + window.width] |= valid

    def finish_row(
        self,
    ) -> tuple[Float[np.ndarray, "channel rows lattice_cols"], Bool[np.ndarray, "pixel_rows cols"]]:
        """Blended scores and valid pixels of the rows that no later window touches; NaN where no window was added.

        The first pixel of both is that of the lattice, `inset` before the scene's; patches outside the scene are left
        out.
        """
        spans, patch = self.plan.row_spans, self.plan.patch
        last = self.row + 1 == len(spans)
        step = (self.plan.shape[0] if last else spans[self.row + 1][0]) - spans[self.row][0]
        rows = -(-step // patch)
        weights = self.weights[:rows]
        scores = np.full((self.channels, *weights.shape), np.nan, np.float32)
        np.divide(self.sums[:, :rows], weights, out=scores, where=weights > 0)
        above = -spans[0][0] // patch if self.row == 0 else 0
        left = -self.plan.col_spans[0][0] // patch
        cols = slice(left, left + self.plan.lattice[1])
        pixels = slice(left * patch, self.plan.shape[1] - self.plan.col_spans[0][0])
        valid = self.valid[above * patch : step, pixels].copy()
        for array, count in ((self.sums, rows), (self.weights, rows), (self.valid, rows * patch)):
            kept = array.shape[-2] - count
            array[..., :kept, :] = array[..., count:, :].copy()
            array[..., kept:, :] = 0
        self.row += 1
        return np.ascontiguousarray(scores[:, above:, cols]), valid

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next rows need."""
        return {"row": np.array(self.row), "sums": self.sums, "weights": self.weights, "valid": self.valid}

    def snapshot(self) -> dict[str, np.ndarray]:
        """A copy of the state, which later windows do not change."""
        return {name: array.copy() for name, array in self.state().items()}

    @property
    def bytes(self) -> int:
        """The memory of the state."""
        return sum(array.nbytes for array in self.state().values())

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from a saved state; ValueError or TypeError for one of another plan."""
        for own, stored in ((self.sums, "sums"), (self.weights, "weights"), (self.valid, "valid")):
            np.copyto(own, state[stored], casting="no")
        self.row = int(state["row"])


def upsample(
    lattice: Float[Tensor, "channel patch_rows patch_cols"], patch: int, rows: slice, cols: slice
) -> Float[Tensor, "channel rows cols"]:
    """Pixels `rows` and `cols` of a lattice: bilinear between patch centres, constant from the outermost to the border.

    NaN means unknown. Unknown patches have no weight; a pixel between unknown patches only is NaN.
    """
    unknown = lattice[:1].isnan()
    if not unknown.any():
        return _interpolate(lattice, patch)[:, rows, cols]
    weight = _interpolate((~unknown).float(), patch)[:, rows, cols]
    return torch.where(weight > 0, _interpolate(lattice.nan_to_num(0), patch)[:, rows, cols] / weight, torch.nan)


def _interpolate(lattice: Tensor, patch: int) -> Tensor:
    return F.interpolate(lattice[None], scale_factor=patch, mode="bilinear", align_corners=False)[0]
