"""Scores of one name for any pixels of an encoded scene, computed when they are read."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float

from geoglot.geo import Window
from geoglot.scene.blend import upsample
from geoglot.scene.covers import allies_of
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.join import join_odds
from geoglot.scene.patches_around import patches_around
from geoglot.scene.question import Contest, Question
from geoglot.scene.spectral_evidence import SpectralEvidence

_PIXELS = 4_000_000  # pixels of a strip, which bound memory for any width


@runtime_checkable
class PatchReader(Protocol):
    """Reads scores of a block of the patch lattice."""

    def read(self, block: Window) -> Float[np.ndarray, "part rows cols"]: ...


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
    kept: PatchReader | None = None
    """Reads scores that were computed before, as `_patches_by_words` would compute them."""

    @property
    def name(self) -> str:
        """The name whose scores these are."""
        return self.question.names[self.index]

    @property
    def is_by_pixel(self) -> bool:
        """Whether other bands decide from pixel to pixel, not over the width of a thing."""
        return self.evidence is not None and self.evidence.widths[self.index] == 1

    def patches(self, block: Window) -> Float[np.ndarray, "rows cols"]:
        """Scores of a block of the patch lattice, NaN where nothing is known."""
        shares = torch.from_numpy(self._patches_by_words(block))
        if self.evidence is not None:
            odds = self.evidence.patches(block, self.scene.plan, self._own)[0]
            return join_odds(shares, torch.from_numpy(odds)).numpy()
        return shares[0].numpy()

    def read(self, window: Window) -> Float[np.ndarray, "rows cols"]:
        """Scores of the pixels of a window inside the scene."""
        block, crop = patches_around(self.scene.plan, window)
        return self._pixels(self._patches_by_words(block), crop, window)

    def strips(self, least: float) -> Iterator[tuple[Window, Float[np.ndarray, "rows cols"] | None]]:
        """The scene from the top in strips of full width; None for a strip in which no score reaches `least`."""
        height, width = self.scene.plan.shape
        rows = max(self.scene.plan.patch, _PIXELS // width)
        for row in range(0, height, rows):
            window = Window(row, 0, min(rows, height - row), width)
            block, crop = patches_around(self.scene.plan, window)
            lattice = self._patches_by_words(block)
            # Interpolation between patches never exceeds the highest of them, nor bands what they may say at most.
            highest = torch.from_numpy(lattice)
            if self.evidence is not None:
                most = torch.full(lattice.shape[1:], self.evidence.highest(self.index))
                highest = join_odds(highest, most)[None]
            yield window, self._pixels(lattice, crop, window) if (highest[0] >= least).any() else None

    @property
    def _own(self) -> slice:
        return slice(self.index, self.index + 1)

    def _patches_by_words(self, block: Window) -> Float[np.ndarray, "part rows cols"]:
        return self.kept.read(block) if self.kept else self.by_words(self.scene.values(block))

    @property
    def parts(self) -> int:
        """The number of scores of a patch that `by_words` gives."""
        return 1 if self.evidence is None else 3

    def by_words(self, seen: Float[np.ndarray, "channel rows cols"]) -> Float[np.ndarray, "part rows cols"]:
        """The name, and with the bands also the background that they judge as the name, and the rest."""
        if self.evidence is not None and isinstance(self.question, Contest):
            allies = allies_of(self.evidence.classes[self.index], self.question.rivals[self.index])
            return self.question.split(seen, self.index, allies)
        own = self.question.scores(seen, self.index)
        return own[None] if self.evidence is None else np.stack([own, np.zeros_like(own), 1 - own])

    def _pixels(self, lattice: np.ndarray, crop: tuple[slice, slice], window: Window) -> Float[np.ndarray, "rows cols"]:
        shares = upsample(torch.from_numpy(lattice), self.scene.plan.patch, *crop)
        scores = shares[0]
        if self.evidence is not None:
            scores = join_odds(shares, torch.from_numpy(self.evidence.at(window, self._own)[0]))
        return np.where(self.scene.valid(window), scores.nan_to_num(0).numpy(), np.float32(0))


def score_fields(
    scene: EncodedScene, question: Question, evidence: SpectralEvidence | None, hidden: Container[str]
) -> list[ScoreField | None]:
    """The scores of each name, with what bands say of it; None for a `hidden` name, which is not looked for."""
    judged = [evidence if evidence and evidence.judges_name(index) else None for index in range(len(question.names))]
    return [
        None if name in hidden else ScoreField(scene, question, index, judged[index])
        for index, name in enumerate(question.names)
    ]
