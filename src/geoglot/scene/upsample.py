"""From the patch lattice to pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def upsample(
    lattice: Float[Tensor, "channel patch_rows patch_cols"], patch: int, rows: slice, cols: slice
) -> Float[Tensor, "channel rows cols"]:
    """Pixels `rows` and `cols` of a lattice, bilinear between patch centres; the outermost patches go on to the border.

    NaN is unknown. Beside an unknown patch only the known ones count; a pixel between unknown ones is NaN.
    """
    unknown = lattice[:1].isnan()
    if not unknown.any():
        return _interpolate(lattice, patch)[:, rows, cols]
    weight = _interpolate((~unknown).float(), patch)[:, rows, cols]
    return torch.where(weight > 0, _interpolate(lattice.nan_to_num(0), patch)[:, rows, cols] / weight, torch.nan)


def _interpolate(lattice: Tensor, patch: int) -> Tensor:
    return F.interpolate(lattice[None], scale_factor=patch, mode="bilinear", align_corners=False)[0]
