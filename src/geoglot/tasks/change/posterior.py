"""How likely each pixel shows each class on each date, by words and by the bands of that date."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from geoglot.geo import Window
from geoglot.scene.blend import upsample
from geoglot.scene.join import join_channels
from geoglot.scene.patches_around import patches_around
from geoglot.scene.spectral_evidence import SpectralEvidence
from geoglot.scene.stored_rows import StoredRows


@dataclass(frozen=True, eq=False)
class Posterior:
    """The probabilities of the states of a pixel, which compete: 0 is none of the classes, then each class.

    They are bilinear between the centres of patches; where bands speak, they are joined with these at every pixel.
    """

    stored: StoredRows
    """Logits of the parts of each date, one date after the other; see `Views`."""
    evidence: Sequence[SpectralEvidence | None]
    """What the bands of each date say of the classes, and of what is none of them."""
    states: int
    """The number of classes and one."""
    hidden: Sequence[int] = ()
    """States that the pixels cannot show, which count as none of the classes."""

    def read(self, window: Window) -> tuple[Float[np.ndarray, "date state rows cols"], Bool[np.ndarray, "rows cols"]]:
        """The probabilities of the pixels of a window inside the scene, and which of them are known on all dates."""
        block, crop = patches_around(self.stored.plan, window)
        logits = torch.from_numpy(self.stored.values(block))
        dates = [
            self._date(part, evidence, window, crop)
            for part, evidence in zip(logits.chunk(len(self.evidence)), self.evidence, strict=True)
        ]
        shares = np.stack(dates)
        known = self.stored.valid(window) & ~np.isnan(shares[:, 0]).any(0)
        return np.where(known, shares, np.float32(0)), known

    def _date(
        self,
        logits: Float[Tensor, "part patch_rows patch_cols"],
        evidence: SpectralEvidence | None,
        window: Window,
        crop: tuple[slice, slice],
    ) -> Float[np.ndarray, "state rows cols"]:
        shares = upsample(logits.softmax(0), self.stored.plan.patch, *crop)
        if evidence is not None:
            shares = join_channels(shares, torch.from_numpy(evidence.at(window)))
        own = shares[: self.states - 1].numpy().copy()
        own[[state - 1 for state in self.hidden]] = 0
        return np.concatenate([1 - own.sum(0, keepdims=True), own]).clip(0, 1)


@dataclass(frozen=True)
class Transitions:
    """All ordered pairs of two different states, numbered from 1 row by row; 0 is a pixel that stays as it is."""

    states: int

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return self.states * (self.states - 1)

    def number(
        self, before: Integer[np.ndarray, "*shape"], after: Integer[np.ndarray, "*shape"]
    ) -> Integer[np.ndarray, "*shape"]:
        """The number of the pair of each pixel."""
        before, after = np.asarray(before, np.int32), np.asarray(after, np.int32)
        pair = 1 + before * (self.states - 1) + after - (after > before)
        return np.asarray(np.where(before == after, 0, pair))

    def pair(self, number: int) -> tuple[int, int]:
        """The states before and after of a number, which is at least 1."""
        before, after = divmod(number - 1, self.states - 1)
        return before, after + (after >= before)
