"""Evidence of the bands beside red, green and blue, as log-odds that are added to those of words (decision 28)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import ReadError
from geoglot.figures import format_list
from geoglot.geo import Window
from geoglot.scene.class_words import ClassWords
from geoglot.scene.cover_rules import Judge, judges_of
from geoglot.scene.covers import COVERS, MOST, Meaning, meaning_of
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster

Evidence = Literal["words", "words+bands"]
SUREST = 2.5
"""Largest log-odds of words beside the bands: less than those of bands, since words take dark fields for water."""
LEAST = 1 / (1 + math.exp(SUREST))
"""Least probability of a word beside the bands."""
_PIXELS, _WIDTH = 2**20, 2048  # pixels, and columns of patches in pixels, judged at once, which bounds memory
_NAMED = 20  # names in a note
_TOLD = 0.2  # least weight of a cover that a note mentions


@dataclass(frozen=True, eq=False)
class SpectralEvidence:
    """What the bands of a raster say about some names."""

    raster: Raster
    meaning: Meaning
    judges: Mapping[str, tuple[Judge, ...]]
    """By cover."""
    damaged: list[Window] = field(default_factory=list)
    """Windows whose bands could not be read, so that words alone decided there."""

    def covers(self, window: Window) -> Float[np.ndarray, "cover rows cols"]:
        """Log-odds for each cover at the pixels of a window inside the scene; 0 where a band has no data."""
        covers = np.zeros((len(COVERS), window.height, window.width), np.float32)
        try:
            bands, valid = self.raster.read_spectrum(window)
        except ReadError:
            self.damaged.append(window)
            return covers
        for odds, cover, told in zip(covers, COVERS, self._told, strict=True):
            if told and (judges := self.judges[cover.name]):
                odds[:] = np.clip(sum(judge.odds(bands) for judge in judges), -MOST, MOST) * valid
        return covers

    def judges_name(self, index: int) -> bool:
        """Whether the bands say of a name what a note tells."""
        return bool(max(self.meaning.own[index].max(), self.meaning.against[index].max()) >= _TOLD)

    @property
    def _told(self) -> list[bool]:
        """For each cover, whether it says something about a name."""
        return [bool(weight) for weight in (self.meaning.own + self.meaning.against).any(0)]

    def odds(self, covers: Float[np.ndarray, "cover rows cols"], names: slice) -> Float[np.ndarray, "name rows cols"]:
        """Log-odds for some of the names, from those for the covers."""
        own = np.tensordot(self.meaning.own[names], covers, 1)
        against = np.tensordot(self.meaning.against[names], np.maximum(covers, 0), 1)
        return np.asarray(np.clip(own - against, -MOST, MOST), np.float32)

    def read(self, window: Window, names: slice) -> Float[np.ndarray, "name rows cols"]:
        """Log-odds for some of the names at the pixels of a window, computed a few rows at a time."""
        step, tops = max(1, _PIXELS // window.width), range(0, window.height, max(1, _PIXELS // window.width))
        parts = (window._replace(row=window.row + top, height=min(step, window.height - top)) for top in tops)
        return np.concatenate([self.odds(self.covers(part), names) for part in parts], axis=1)

    def patches(self, block: Window, plan: WindowPlan, names: slice) -> Float[np.ndarray, "name rows cols"]:
        """Mean log-odds of the patches of a block of a plan's lattice."""
        step, right = max(1, _WIDTH // plan.patch), block.col + block.width
        odds = np.empty((len(self.meaning.names[names]), block.height, block.width), np.float32)
        for row in range(block.height):
            for left in range(block.col, right, step):
                part = Window(block.row + row, left, 1, min(step, right - left))
                odds[:, row, left - block.col : left - block.col + part.width] = self._mean(part, plan, names)
        return odds

    def _mean(self, row: Window, plan: WindowPlan, names: slice) -> Float[np.ndarray, "name cols"]:
        """Mean log-odds of patches side by side; those at the edge of the scene hang over it."""
        (above, beside), patch = plan.inset, plan.patch
        pixels = Window(row.row * patch - above, row.col * patch - beside, patch, row.width * patch)
        inside = pixels.intersection(Window(0, 0, *plan.shape))
        assert inside is not None, "a patch of the lattice touches the scene"
        means = self.odds(self.covers(inside), names).mean(1, dtype=np.float64)
        edges = np.clip(np.arange(0, pixels.width + 1, patch) + pixels.col - inside.col, 0, inside.width)
        return np.add.reduceat(means, edges[:-1], axis=1) / np.diff(edges)

    def notes(self) -> Iterator[str]:
        """A sentence for each cover that names mean, and for each that speaks against names; and one on damage."""
        for number, cover in enumerate(COVERS):
            if judges := self.judges[cover.name]:
                bands = dict.fromkeys(band for judge in judges for band in judge.bands)
                numbered = format_list([f"{self.raster.named.indexes[band]} ({band})" for band in bands])
                measures = f"{format_list([judge.measure for judge in judges])} of bands {numbered}"
                if own := self._names(self.meaning.own[:, number]):
                    which = f"{format_list(own, _NAMED)} {'was' if len(own) == 1 else 'were'}"
                    yield f"{which} decided together with {measures}; --evidence words leaves the bands out"
                if others := self._names(self.meaning.against[:, number]):
                    yield f"where {measures} shows {cover.name}, there is less of {format_list(others, _NAMED)}"
        if self.damaged:
            yield f"infrared bands could not be read in {len(self.damaged)} windows, where words alone decided"

    def _names(self, weights: Float[np.ndarray, " name"]) -> list[str]:
        return [name for name, weight in zip(self.meaning.names, weights, strict=True) if name and weight >= _TOLD]

    def facts(self) -> dict[str, Any]:
        """Everything that decides the evidence, as JSON."""
        assert self.raster.spectrum is not None
        ramps = {cover: {judge.measure: list(judge.ramp) for judge in judges} for cover, judges in self.judges.items()}
        weights = {"own": self.meaning.own.tolist(), "against": self.meaning.against.tolist()}
        return {**self.raster.spectrum.facts(), "ramps": ramps, **weights}


@dataclass(frozen=True)
class Consulted:
    """The evidence of the bands for one run, if there is any."""

    evidence: SpectralEvidence | None = None
    why_not: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user; complete when the run is."""
        return tuple(self.evidence.notes()) if self.evidence else self.why_not

    def facts(self) -> dict[str, Any]:
        """Everything that decides the evidence, as JSON; empty if there is none."""
        return {"evidence": self.evidence.facts()} if self.evidence else {}

    def of_patches(
        self, shares: Float[np.ndarray, "name rows cols"], first: int, plan: WindowPlan
    ) -> Float[np.ndarray, "name rows cols"]:
        """The probabilities of competing classes on rows of the patch lattice from `first` on, with the evidence."""
        if self.evidence is None:
            return shares
        block = Window(first, 0, *shares.shape[1:])
        joined = np.maximum(shares, LEAST) * np.exp(self.evidence.patches(block, plan, slice(None)))
        return np.asarray(joined / joined.sum(0), np.float32)


NOT_ASKED = Consulted()


def consult_bands(raster: Raster, classes: Sequence[ClassWords], evidence: Evidence, *, compete: bool) -> Consulted:
    """What the bands say about classes, which `compete` for pixels or do not."""
    if not classes or evidence == "words" or raster.named.count < 4:
        return NOT_ASKED
    meaning = meaning_of(classes, compete=compete)
    if not meaning.own.any():
        return NOT_ASKED
    if (spectrum := raster.spectrum) is None:
        return Consulted(why_not=tuple(_note_unnamed(raster, meaning)))
    found = SpectralEvidence(raster, meaning, {cover.name: judges_of(cover, spectrum) for cover in COVERS})
    return Consulted(found if any(found.notes()) else None)


def _note_unnamed(raster: Raster, meaning: Meaning) -> Iterator[str]:
    """A note on bands that would help if one knew what they are."""
    if names := [name for name, own in zip(meaning.names, meaning.own, strict=True) if name and own.max() >= _TOLD]:
        who = f"{format_list(names, _NAMED)} {'was' if len(names) == 1 else 'were'}"
        yield (
            f"{raster.uri} has {raster.named.count} bands, but nothing says which is near infrared: {who} decided by "
            "words alone; name the sensor (--sensor), or write nir and swir1 into the descriptions of the bands"
        )


def join_odds(probability: Float[Tensor, "*shape"], odds: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The probability of a word against the background, with log-odds added (Bayes); NaN stays NaN."""
    return torch.sigmoid(torch.logit(probability).clamp(-SUREST, SUREST) + odds)
