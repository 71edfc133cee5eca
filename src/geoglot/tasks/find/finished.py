"""Outlines that are finished, kept beside the output, so that a killed run does not make them again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import shapely

from geoglot.outputs.journal import Journal
from geoglot.scene.going_on import going_on
from geoglot.tasks.find.outline import Found

_KIND = "outlines"
_EVERY_SECONDS = 10.0  # a file for each view would cost more than the views of a fast refiner


class Finished:
    """The outlines of the first candidates, in the order in which they are refined."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: list[list[Found]] = []
        self._count, self._saved = 0, time.monotonic()
        self.resumed: tuple[str, ...] = ()
        """That refining goes on after a run that was killed, in a sentence, if it does."""
        if journal.load() is None:
            journal.save({}, {})

    def load(self, total: int) -> list[list[Found]]:
        """What a run that was killed had finished, of so many."""
        documents = [json.loads(path.read_bytes()) for path in self._journal.strips(_KIND)]
        found = [[_found(row) for row in rows] for document in documents for rows in document]
        self._count = len(found)
        self.resumed = going_on(len(found), total, "outlines")
        return found

    def add(self, things: Sequence[list[Found]]) -> None:
        """The outlines of the next candidates, those of one view; written at once if the last time is long ago."""
        self._waiting += things
        if time.monotonic() - self._saved >= _EVERY_SECONDS:
            rows = [[_row(one) for one in things] for things in self._waiting]
            self._journal.add_strip(_KIND, self._count, json.dumps(rows).encode(), ".json")
            self._count += len(rows)
            self._waiting, self._saved = [], time.monotonic()


def _row(one: Found) -> tuple[str, str, float, str]:
    return one.name, shapely.to_wkb(one.polygon, hex=True), one.score, one.how


def _found(row: Sequence[Any]) -> Found:
    name, polygon, score, how = row
    return Found(name, shapely.from_wkb(polygon), score, how)


def outlines_of(output: Path) -> Path:
    """What the journal of the outlines is named by."""
    return output.with_name(f"{output.name}.outlines")


@contextmanager
def finished_outlines(output: Path | None, run: str, refined: bool) -> Iterator[Finished | None]:
    """Where outlines lie until the block ends well; None where nothing is written or refined.

    `run` is the fingerprint of all that decides them; where nothing is refined, what a killed run left is cleared away.
    """
    if output is None:
        yield None
        return
    with closing(Journal(outlines_of(output), run)) as journal:
        yield Finished(journal) if refined else None
        journal.clear()
