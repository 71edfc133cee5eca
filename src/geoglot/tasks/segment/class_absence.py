"""Which classes of a map are nowhere in the scene: the evidence of every row is kept in the journal of the run."""

from collections.abc import Container, Sequence

import numpy as np

from geoglot.outputs.journal import Journal
from geoglot.outputs.strips import encode_array, read_array
from geoglot.scene.absence import absence_notes
from geoglot.scene.averaged import Averaged
from geoglot.scene.dense import Dense
from geoglot.scene.stream import Row
from geoglot.scene.taught_scores import TaughtScores
from geoglot.scene.word_scores import WordScores
from geoglot.tasks.segment.shares import ClassShare

_KIND = "peaks"
_CHOICE = "a map is a choice among its classes, so a class that is nowhere may have pixels; leave it out"


def keep_peaks(journal: Journal, dense: Dense, row: Row) -> None:
    """Keep the highest log-odds of each class in a row, if the model tells what is there."""
    if isinstance(dense, WordScores | TaughtScores | Averaged) and dense.evidence:
        journal.add_strip(_KIND, row.first, encode_array(dense.evidence.peaks(row.values)[None]), ".npy")


def tell_absent(
    journal: Journal, shares: Sequence[ClassShare], hidden: Container[str], shown: Container[str] = ()
) -> tuple[str, ...]:
    """Notes on classes that are nowhere by words, but for hidden ones, and for pixels of those that bands have shown.

    They keep their pixels: maps without them are no better (docs/presence.md).
    """
    every = slice(None)
    peaks = [read_array(path, every, every) for path in journal.strips(_KIND)]
    if not peaks:
        return ()
    odds = np.max(peaks, axis=(0, 1))
    known = zip(shares[-len(odds) :], odds, strict=True)
    nowhere = [share for share, each in known if np.isfinite(each) and each < 0 and share.name not in hidden]
    absent = [share for share in nowhere if not (share.pixels and share.name in shown)]
    notes = absence_notes([share.name for share in absent])
    return (*notes, _CHOICE) if any(share.pixels for share in absent) else notes
