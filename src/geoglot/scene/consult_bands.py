"""Whether the bands of a raster say anything about some classes, and what the user is told of it."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float

from geoglot.figures import format_list
from geoglot.geo import Window
from geoglot.scene.class_words import ClassWords
from geoglot.scene.cover_rules import Judge, judges_of
from geoglot.scene.covers import COVERS, TOLD, Meaning, meaning_of
from geoglot.scene.extents import extent_of
from geoglot.scene.join import join_channels
from geoglot.scene.spectral_evidence import SpectralEvidence
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster
from geoglot.sources.spectrum import Spectrum

Evidence = Literal["words", "words+bands"]
_NAMED = 20  # names in a note
_SOME = 0.5  # log-odds that say something
_GROUND = 4.0  # metres: the width from which ground without a size of its own is told
_WIDEST = 15  # pixels of the square over which bands are averaged: the words are no finer than a patch


@dataclass(frozen=True)
class Consulted:
    """The evidence of the bands for one run, if there is any."""

    evidence: SpectralEvidence | None = None
    told: tuple[str, ...] = ()
    """Sentences for the user."""
    shown: frozenset[str] = frozenset()
    """Names whose cover of the ground the bands show somewhere."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user; complete when the run is."""
        if self.evidence and self.evidence.damaged:
            return (*self.told, "infrared bands are damaged in places, where words alone decided")
        return self.told

    def facts(self) -> dict[str, Any]:
        """Everything that decides the evidence, as JSON; empty if there is none."""
        return {"evidence": self.evidence.facts()} if self.evidence else {}

    def of_patches(
        self, shares: Float[np.ndarray, "name rows cols"], first: int, plan: WindowPlan
    ) -> Float[np.ndarray, "name rows cols"]:
        """The probabilities of competing classes on rows of the patch lattice from `first` on, with the evidence."""
        if self.evidence is None:
            return shares
        odds = self.evidence.patches(Window(first, 0, *shares.shape[1:]), plan, slice(None))
        return join_channels(torch.from_numpy(shares), torch.from_numpy(odds)).numpy()


NOT_ASKED = Consulted()


def consult_bands(
    raster: Raster, classes: Sequence[ClassWords], evidence: Evidence, *, compete: bool, hidden: Container[str] = ()
) -> Consulted:
    """What the bands say about classes, which `compete` for pixels or do not.

    Notes leave out the `hidden` classes, which are not looked for.
    """
    if not classes or evidence == "words" or raster.named.count < 4:
        return NOT_ASKED
    meaning = meaning_of(classes, compete=compete)
    shown = [index for index, name in enumerate(meaning.names) if name and name not in hidden]
    if not meaning.own[shown].any():
        return NOT_ASKED
    names = [meaning.names[index] for index in shown]
    seen = Meaning(tuple(names), meaning.own[shown], meaning.against[shown])
    if (spectrum := raster.spectrum) is None:
        return Consulted(told=tuple(_note_unnamed(raster, seen)))
    if spectrum.is_empty:
        return Consulted(told=tuple(_note_empty(raster, seen)))
    judges = {cover.name: judges_of(cover, spectrum) for cover in COVERS}
    told, flat = tuple(_note_judges(raster, seen, judges)), tuple(_note_flat(raster, seen))
    if not told:
        return Consulted(told=flat)
    visible = [number for number, cover in enumerate(COVERS) if (_odds(spectrum, judges[cover.name]) >= _SOME).any()]
    found = SpectralEvidence(raster, tuple(classes), meaning, judges, _widths(raster, classes))
    return Consulted(found, (*told, *flat), frozenset(_heavy(seen, seen.own[:, visible].max(1, initial=0))))


def _widths(raster: Raster, classes: Sequence[ClassWords]) -> tuple[int, ...]:
    """For each class the side in pixels of the square over which bands are averaged: half a usual thing, always odd."""
    extents = [next(filter(None, map(extent_of, entry.words)), None) for entry in classes]
    metres = [extent.metres if extent and extent.kind != "areas" else _GROUND for extent in extents]
    pixel = raster.grid.resolution_m
    return tuple(min(_WIDEST, 2 * int(each / pixel / 4) + 1) if pixel else 1 for each in metres)


def _note_judges(raster: Raster, seen: Meaning, judges: Mapping[str, tuple[Judge, ...]]) -> Iterator[str]:
    """A sentence for each cover that names mean, and for each that speaks against names, if the scene shows it."""
    assert raster.spectrum is not None
    for number, cover in enumerate(COVERS):
        if not (own_judges := judges[cover.name]):
            continue
        odds = _odds(raster.spectrum, own_judges)
        measures = f"{format_list([judge.measure for judge in own_judges])} of {_bands(raster, own_judges)}"
        if (own := _heavy(seen, seen.own[:, number])) and (np.abs(odds) >= _SOME).any():
            which = f"{format_list(own, _NAMED)} {'was' if len(own) == 1 else 'were'} decided together with {measures}"
            only = "" if (odds >= _SOME).any() else f", which tells where there is no {cover.name}, but not where it is"
            yield f"{which}{only}; --evidence words leaves the bands out"
        if (others := _heavy(seen, seen.against[:, number])) and (odds >= _SOME).any():
            yield f"where {measures} shows {cover.name}, there is less of {format_list(others, _NAMED)}"
    if told := raster.spectrum.missing:
        yield f"a band beyond the visible has no data in {told:.0%} of the scene, where words alone decided"


def _odds(spectrum: Spectrum, judges: Sequence[Judge]) -> Float[np.ndarray, " pixel"]:
    """Log-odds for a cover at pixels all over the scene."""
    return np.asarray(sum((judge.odds(spectrum.sample) for judge in judges), np.zeros(1)))


def _bands(raster: Raster, judges: Sequence[Judge]) -> str:
    names = dict.fromkeys(band for judge in judges for band in judge.bands)
    return f"bands {format_list([f'{raster.named.indexes[name]} ({name})' for name in names])}"


def _note_unnamed(raster: Raster, seen: Meaning) -> Iterator[str]:
    """A note on bands that would help if one knew what they are."""
    if names := _heavy(seen, seen.own.max(1)):
        yield (
            f"{raster.uri} has {raster.named.count} bands, but nothing says which is near infrared: "
            f"{_by_words(names)}; name the sensor (--sensor), or write nir and swir1 into the descriptions of the bands"
        )


def _note_empty(raster: Raster, seen: Meaning) -> Iterator[str]:
    if (names := _heavy(seen, seen.own.max(1))) and raster.spectrum and raster.spectrum.missing:
        yield f"the bands of {raster.uri} beyond the visible have no data: {_by_words(names)}"


def _note_flat(raster: Raster, seen: Meaning) -> Iterator[str]:
    """A note on bands beyond the visible that have one value all over the scene."""
    assert raster.spectrum is not None
    flat = [name for name in raster.named.infrared if name in raster.spectrum.flat]
    if flat and _heavy(seen, seen.own.max(1)):
        each = format_list([f"band {raster.named.indexes[name]} ({name})" for name in flat])
        yield f"{each} of {raster.uri} has the same value everywhere, so nothing was decided by it"


def _by_words(names: Sequence[str]) -> str:
    return f"{format_list(names, _NAMED)} {'was' if len(names) == 1 else 'were'} decided by words alone"


def _heavy(seen: Meaning, weights: Float[np.ndarray, " name"]) -> list[str]:
    return [name for name, weight in zip(seen.names, weights, strict=True) if weight >= TOLD]
