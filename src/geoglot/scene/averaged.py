"""Test-time augmentation: each window is computed mirrored and at several sizes, and the probabilities are averaged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import InputError
from geoglot.options import Flips
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import Dense
from geoglot.scene.name_presence import ClassEvidence
from geoglot.scene.question import Question
from geoglot.scene.taught_scores import TaughtScores
from geoglot.scene.windows import WindowPlan
from geoglot.scene.word_scores import WordScores

#: Axes of (tile, band, row, col) that each view is mirrored along
AXES: dict[Flips, tuple[tuple[int, ...], ...]] = {
    "none": ((),),
    "horizontal": ((), (3,)),
    "all": ((), (3,), (2,), (2, 3)),
}
View = tuple[float, tuple[int, ...]]
"""The scale of a view, and the axes that it is mirrored along."""
_LEAST = 1e-6  # least probability, so that its logarithm is finite


class Averaged:
    """A dense model of class logits, averaged over views."""

    def __init__(self, dense: Dense, flips: Flips, scales: tuple[float, ...]) -> None:
        if not scales or not all(0.1 <= scale <= 10 for scale in scales):
            raise InputError(f"scales must be numbers from 0.1 to 10, such as 0.75,1,1.25, got {scales}")
        self.card, self.labels, self.channels = dense.card, dense.labels, dense.channels
        self._dense, self._flips, self._scales = dense, flips, scales
        self._views = tuple(product(scales, AXES[flips]))

    @property
    def evidence(self) -> ClassEvidence | None:
        """What tells whether a class is anywhere, but for levels of cosines, which are lost in the mean."""
        evidence = self._dense.evidence if isinstance(self._dense, WordScores | TaughtScores) else None
        return evidence and replace(evidence, levels=None)

    def beside_bands(self) -> Averaged:
        """The same, as `WordScores.beside_bands`."""
        dense = self._dense.beside_bands() if isinstance(self._dense, WordScores) else self._dense
        return Averaged(dense, self._flips, self._scales)

    def windows(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        return self._dense.windows(shape, tile, overlap)

    def question(
        self, names: tuple[ClassWords, ...], background: tuple[str, ...] | None, templates: tuple[str, ...]
    ) -> Question:
        return self._dense.question(names, background, templates)

    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile channel patch_rows patch_cols"]:
        """Logarithm of the mean probability over all views."""
        lattice = [side // self.card.patch_size for side in pixels.shape[2:]]
        return torch.stack(look(self._dense, pixels, self._views, lattice)).mean(0).clamp_min(_LEAST).log()


def look(
    dense: Dense, pixels: Float[Tensor, "tile band rows cols"], views: Iterable[View], lattice: list[int]
) -> list[Float[Tensor, "tile channel lattice_rows lattice_cols"]]:
    """Probabilities on a lattice of each view: the pixels at a scale, mirrored along some axes."""
    patch, looks = dense.card.patch_size, []
    for scale, axes in views:
        view = resize(pixels, [max(1, round(side / patch * scale)) * patch for side in pixels.shape[2:]]).flip(axes)
        looks.append(resize(dense(view).softmax(1).flip(axes), lattice))
    return looks


def resize(maps: Tensor, sides: list[int]) -> Tensor:
    """Maps (tile, channel, row, col) at other sides, by their mean where they shrink."""
    if list(maps.shape[2:]) == sides:
        return maps
    return F.interpolate(maps, sides, mode="bilinear", align_corners=False, antialias=True)


def average(dense: Dense, flips: Flips, scales: tuple[float, ...]) -> Dense:
    """Average a dense model over views; the model itself if there is only one view."""
    return dense if flips == "none" and scales == (1.0,) else Averaged(dense, flips, scales)
