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

    Memory is channels x (tile / patch) x lattice columns, whatever the scene's height.
    """

    plan: WindowPlan
    channels: int
    row: int = 0
    """Index of the current row of windows."""
    sums: Float[np.ndarray, "channel band_rows lattice_cols"] = field(init=False)
    weights: Float[np.ndarray, "band_rows lattice_cols"] = field(init=False)
    valid: Bool[np.ndarray, "tile cols"] = field(init=False)

    def __post_init__(self) -> None:
        band = self.plan.tile // self.plan.patch
        cols = max(self.plan.lattice[1], band)
        self.sums = np.zeros((self.channels, band, cols), np.float32)
        self.weights = np.zeros((band, cols), np.float32)
        self.valid = np.zeros((self.plan.tile, cols * self.plan.patch), bool)

    def add(
        self,
        window: Window,
        scores: Float[np.ndarray, "channel patch_rows patch_cols"],
        valid: Bool[np.ndarray, "tile tile"],
    ) -> None:
        """Add a window of the current row. The weight of a patch is the ramp times its fraction of valid pixels."""
        patch, side = self.plan.patch, scores.shape[1]
        share = valid.reshape(side, patch, side, patch).mean((1, 3), dtype=np.float32)
        weight = self.plan.ramp * share
        cols = slice(window.col // patch, window.col // patch + side)
        self.sums[:, :, cols] += scores * weight
        self.weights[:, cols] += weight
        self.valid[:, window.col : window.col + self.plan.tile] |= valid

    def finish_row(
        self,
    ) -> tuple[Float[np.ndarray, "channel rows lattice_cols"], Bool[np.ndarray, "pixel_rows cols"]]:
        """Blended scores and valid pixels of the rows that no later window touches; NaN where no window was added."""
        starts, patch = self.plan.row_starts, self.plan.patch
        last = self.row + 1 == len(starts)
        step = self.plan.shape[0] - starts[self.row] if last else starts[self.row + 1] - starts[self.row]
        rows = -(-step // patch)
        lattice_cols = self.plan.lattice[1]
        weights = self.weights[:rows, :lattice_cols]
        scores = np.full((self.channels, rows, lattice_cols), np.nan, np.float32)
        np.divide(self.sums[:, :rows, :lattice_cols], weights, out=scores, where=weights > 0)
        valid = self.valid[:step, : self.plan.shape[1]].copy()
        for array, count in ((self.sums, rows), (self.weights, rows), (self.valid, rows * patch)):
            kept = array.shape[-2] - count
            array[..., :kept, :] = array[..., count:, :].copy()
            array[..., kept:, :] = 0
        self.row += 1
        return scores, valid

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next rows need."""
        return {"row": np.array(self.row), "sums": self.sums, "weights": self.weights, "valid": self.valid}

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
