"""A picture of heat: the scene, and the scene under the scores of each name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from jaxtyping import Bool, Float

from geoglot.outputs.panels import Panel, encode_panels

#: Colours from a score of 0 to 1: dark blue over purple and orange to yellow, which people of any colour vision order
_RAMP = np.array([[0.05, 0.03, 0.30], [0.45, 0.05, 0.45], [0.85, 0.30, 0.25], [0.98, 0.70, 0.20], [0.99, 0.97, 0.65]])
_WEAK, _STRONG = 0.25, 0.75  # how much of a colour covers the scene, from a score of 0 to 1


def encode_heat(
    scene: Float[np.ndarray, "3 rows cols"],
    valid: Bool[np.ndarray, "rows cols"],
    heat: Path,
    lines: Sequence[tuple[str, ...]],
) -> bytes:
    """A PNG: the picture of a scene, then a panel for each band of its heat, with lines of text below it."""
    shape = (len(lines), *valid.shape)
    with rasterio.open(heat, driver="GTiff") as dataset:
        scores = dataset.read(out_shape=shape, resampling=rasterio.enums.Resampling.average)
    panels = [Panel(scene, valid, ("the scene",))]
    panels += [Panel(_paint(scene, each), valid, text) for each, text in zip(scores, lines, strict=True)]
    across = math.ceil(math.sqrt(len(panels)))
    return encode_panels([panels[first : first + across] for first in range(0, len(panels), across)])


def _paint(
    scene: Float[np.ndarray, "3 rows cols"], scores: Float[np.ndarray, "rows cols"]
) -> Float[np.ndarray, "3 rows cols"]:
    known = np.nan_to_num(scores).clip(0, 1)
    colours = np.stack([np.interp(known, np.linspace(0, 1, len(_RAMP)), channel) for channel in _RAMP.T])
    strength = np.where(np.isnan(scores), 0, _WEAK + (_STRONG - _WEAK) * known)
    painted: np.ndarray = scene * (1 - strength) + colours * strength
    return painted.astype(np.float32)
