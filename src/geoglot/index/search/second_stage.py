"""The best hits are looked into and ranked again; at chips that were looked into before for the same words, no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from geoglot.figures import format_some
from geoglot.index.search.chip_names import ChipNames
from geoglot.index.search.hit import Hit
from geoglot.index.search.kept_words import KeptWords
from geoglot.index.search.look import Candidate, Look, fits
from geoglot.index.search.said import Said
from geoglot.index.store.archive import Archive
from geoglot.models.lazy_model import LazyModel

_SECOND_LOOK = 2  # places for each hit that are looked into
LEAST_LOOKS, _MOST_LOOKS = 24, 48  # places that are looked into; the best 24 tell whether the words are here


@dataclass(frozen=True, eq=False)
class SecondStage:
    """Looks into chips of an archive."""

    archive: Archive
    reader: LazyModel | None
    """None for vectors that others made, which are not looked into."""

    def look(self, hits: Sequence[Hit], words: KeptWords | None) -> list[Look | None]:
        """Look for words; None for a chip that cannot be read. Empty without words, or a model that reads them."""
        if words is None or self.reader is None:
            return []
        names = ChipNames(self.archive)
        chips = [names.name(hit) for hit in hits]
        looks = [words.looks.get(chip) for chip in chips]
        if new := [index for index, look in enumerate(looks) if look is None]:
            anew = [self.candidate(hit.source, hit.cell, hit.reading, hit.row) for hit in (hits[at] for at in new)]
            for index, look in zip(new, self.look_anew(anew, words.said), strict=True):
                looks[index] = look
                if look is not None:
                    words.keep(chips[index], look)
        return looks

    def look_anew(self, chips: Sequence[Candidate], said: Said) -> list[Look | None]:
        """As `look`, whatever is known of the chips."""
        from geoglot.index.search.look_closer import look_closer  # imports torch and rasterio, which takes a second

        if self.reader is None:
            return [None] * len(chips)
        return look_closer(chips, said.vector, self.reader.loaded, said.judge)

    def candidate(self, source: str, cell: str | None, reading: str, row: int) -> Candidate:
        """The chip of a row, which is counted through all shards."""
        [shard], [place] = self.archive.locate(np.array([row]))
        patches = self.archive.shards[shard].patches
        return Candidate(source, cell, reading, None if patches is None else patches[place])


def note_unread(hits: Sequence[Hit], looks: Sequence[Look | None]) -> tuple[str, ...]:
    """A sentence on places that could not be looked into: neither their pixels nor patches are at hand."""
    gone = [hit.source for hit, look in zip(hits, looks, strict=False) if look is None]
    names = format_some(list(dict.fromkeys(gone)), 3)
    return (f"{len(gone)} of the {len(looks)} best cannot be read and looked into: {names}",) if gone else ()


def count_looks(top: int) -> int:
    """How many places are looked into, if so many are wanted."""
    return max(LEAST_LOOKS, min(_SECOND_LOOK * top, _MOST_LOOKS))


def rank_again(hits: list[Hit], looks: Sequence[Look | None]) -> list[Hit]:
    """The hits that were looked into in the order of both stages, before the others."""
    if not looks:
        return hits
    fit = fits(np.array([hit.score for hit in hits[: len(looks)]]), looks)
    seen = [
        hit if look is None else replace(hit, part=look.part, outline=look.outline, part_score=look.best)
        for hit, look in zip(hits, looks, strict=False)
    ]
    order = np.argsort(-fit, kind="stable")
    return [*(replace(seen[index], fit=float(fit[index])) for index in order), *hits[len(looks) :]]
