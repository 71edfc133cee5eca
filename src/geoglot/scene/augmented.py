"""Test-time augmentation: a scorer looks at each window several times, and its probabilities are averaged."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import InputError
from geoglot.options import Flips
from geoglot.scene.score import Scorer
from geoglot.scene.windows import WindowPlan

_AXES: dict[Flips, tuple[tuple[int, ...], ...]] = {
    "none": ((),),
    "horizontal": ((), (3,)),
    "all": ((), (3,), (2,), (2, 3)),
}
_LEAST = 1e-6  # of a probability, so that its logarithm is finite


class Augmented:
    """A scorer around another; windows and everything else stay as they are."""

    def __init__(self, scorer: Scorer, flips: Flips, scales: tuple[float, ...]) -> None:
        if not scales or not all(0.1 <= scale <= 10 for scale in scales):
            raise InputError(f"scales are numbers from 0.1 to 10, such as 0.75,1,1.25, not {scales}")
        self.name, self.sha256, self.ids, self.bands = scorer.name, scorer.sha256, scorer.ids, scorer.bands
        self.patch_size, self.resolution = scorer.patch_size, scorer.resolution
        self._scorer, self._views = scorer, tuple(product(scales, _AXES[flips]))

    def plan(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        """The scorer's own."""
        return self._scorer.plan(shape, tile, overlap)

    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile channel patch_rows patch_cols"]:
        """Logarithm of the mean probability over all views."""
        lattice = [side // self.patch_size for side in pixels.shape[2:]]
        shares = [self._look(pixels, lattice, scale, axes) for scale, axes in self._views]
        return torch.stack(shares).mean(0).clamp_min(_LEAST).log()

    def _look(self, pixels: Tensor, lattice: list[int], scale: float, axes: tuple[int, ...]) -> Tensor:
        """Probabilities of one view, on the lattice of the window."""
        sides = [max(1, round(side * scale)) * self.patch_size for side in lattice]
        view = _resized(pixels, sides).flip(axes)
        return _resized(self._scorer(view).softmax(1).flip(axes), lattice)


def _resized(maps: Tensor, sides: list[int]) -> Tensor:
    if list(maps.shape[2:]) == sides:
        return maps
    return F.interpolate(maps, sides, mode="bilinear", align_corners=False, antialias=True)


def augmented(scorer: Scorer, flips: Flips, scales: tuple[float, ...]) -> Scorer:
    """A scorer as it is where nothing is asked, else one that looks several times."""
    return scorer if flips == "none" and scales == (1.0,) else Augmented(scorer, flips, scales)
