"""Scores of one name for any pixels of an encoded scene, computed when they are read."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from geoglot.geo import Window
from geoglot.scene.blend import upsample
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.question import Question
from geoglot.scene.spectral_evidence import SpectralEvidence, join_odds

_PIXELS = 4_000_000  # pixels of a strip, which bound memory for any width


@dataclass(frozen=True)
class ScoreField:
    """Scores 0..1, bilinear between the centres of patches, 0 where there is no data.

    A pixel's score does not depend on the window that is read, but for rounding in the last bit.
    """

    scene: EncodedScene
    question: Question
    index: int
    """Index of the name in the question."""
    evidence: SpectralEvidence | None = None
    """What the bands say about the names of the question."""

    @property
    def name(self) -> str:
        """The name whose scores these are."""
        return self.question.names[self.index]

    def patches(self, block: Window) -> Float[np.ndarray, "rows cols"]:
        """Scores of a block of the patch lattice, NaN where nothing is known."""
        scores = self._patches_by_words(block)
        if self.evidence is None:
            return scores
        odds = self.evidence.patches(block, self.scene.plan, self._own)[0]
        return join_odds(torch.from_numpy(scores), torch.from_numpy(odds)).numpy()

    def read(self, window: Window) -> Float[np.ndarray, "rows cols"]:
        """Scores of the pixels of a window inside the scene."""
        block = self._around(window)
        return self._pixels(self._patches_by_words(block), block, window)

    def strips(self, least: float) -> Iterator[tuple[Window, Float[np.ndarray, "rows cols"] | None]]:
        """The scene from the top in strips of full width; None for a strip in which no score reaches `least`."""
        height, width = self.scene.plan.shape
        rows = max(self.scene.plan.patch, _PIXELS // width)
        for row in range(0, height, rows):
            window = Window(row, 0, min(rows, height - row), width)
            block = self._around(window)
            lattice = self._patches_by_words(block)
            # Interpolation between patches never exceeds the highest of them.
            empty = self.evidence is None and not (np.nan_to_num(lattice) >= least).any()
            yield window, None if empty else self._pixels(lattice, block, window)

    @property
    def _own(self) -> slice:
        return slice(self.index, self.index + 1)

    def _patches_by_words(self, block: Window) -> Float[np.ndarray, "rows cols"]:
        return self.question.scores(self.scene.values(block), self.index)

    def _around(self, window: Window) -> Window:
        """The patches whose centres surround the pixels of a window."""
        pixels = window.within(self.scene.plan.lattice_window)
        (top, bottom), (left, right) = (
            _surround(start, start + length, self.scene.plan.patch, count)
            for start, length, count in zip(pixels[:2], pixels[2:], self.scene.plan.lattice, strict=True)
        )
        return Window(top, left, bottom - top, right - left)

    def _pixels(self, lattice: np.ndarray, block: Window, window: Window) -> Float[np.ndarray, "rows cols"]:
        patch = self.scene.plan.patch
        pixels = window.within(self.scene.plan.lattice_window)
        top, left = pixels.row - block.row * patch, pixels.col - block.col * patch
        crop = slice(top, top + window.height), slice(left, left + window.width)
        scores = upsample(torch.from_numpy(lattice)[None], patch, *crop)[0]
        if self.evidence is not None:
            scores = join_odds(scores, torch.from_numpy(self.evidence.read(window, self._own)[0]))
        return np.where(self.scene.valid(window), scores.nan_to_num(0).numpy(), np.float32(0))


def _surround(start: int, stop: int, patch: int, count: int) -> tuple[int, int]:
    """The first patch along one axis, and the last plus one."""
    first = int(np.floor((start + 0.5) / patch - 0.5))
    last = int(np.floor((stop - 0.5) / patch - 0.5)) + 1
    return min(max(first, 0), count - 1), min(last, count - 1) + 1
