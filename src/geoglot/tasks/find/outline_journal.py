"""Finished outlines, kept beside the output so that a killed run does not make them again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import shapely

from geoglot.outputs.journal import Journal
from geoglot.scene.stream import resume_note
from geoglot.tasks.find.instances import Instance
from geoglot.tasks.find.outline import Object

_KIND = "outlines"
_EVERY_SECONDS = 10.0  # a file for each view would cost more than a fast refiner


class OutlineJournal:
    """The objects of the first instances, in the order in which these are refined."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: list[list[Object]] = []
        self._count, self._saved = 0, time.monotonic()
        self.resumed: tuple[str, ...] = ()
        """A note that refining goes on after a killed run, if it does."""
        if journal.load() is None:
            journal.save({}, {})

    def load(self, total: int) -> list[list[Object]]:
        """The objects of each instance that a killed run had finished; `total` counts all instances."""
        documents = [json.loads(path.read_bytes()) for path in self._journal.strips(_KIND)]
        finished = [
            [Object(name, shapely.from_wkb(polygon), score, how) for name, polygon, score, how in rows]
            for document in documents
            for rows in document
        ]
        self._count = len(finished)
        self.resumed = resume_note(len(finished), total, "outlines")
        return finished

    def add(self, objects: Sequence[list[Object]]) -> None:
        """Keep the objects of the next instances; they are written every ten seconds."""
        self._waiting += objects
        if time.monotonic() - self._saved >= _EVERY_SECONDS:
            rows = [
                [(each.name, shapely.to_wkb(each.polygon, hex=True), each.score, each.how) for each in objects]
                for objects in self._waiting
            ]
            self._journal.add_strip(_KIND, self._count, json.dumps(rows).encode(), ".json")
            self._count += len(rows)
            self._waiting, self._saved = [], time.monotonic()


def outlines_of(output: Path) -> Path:
    """The path from which the journal of outlines takes its name."""
    return output.with_name(f"{output.name}.outlines")


@contextmanager
def open_outline_journal(output: Path | None, run: str, refined: bool) -> Iterator[OutlineJournal | None]:
    """The journal of a run with this fingerprint, removed when the block ends well; None if nothing is kept.

    If nothing is refined, what a killed run left is removed.
    """
    if output is None:
        yield None
        return
    with closing(Journal(outlines_of(output), run)) as journal:
        yield OutlineJournal(journal) if refined else None
        journal.clear()


def digest(instances: Sequence[Instance]) -> str:
    """Short hash of everything that instances are."""
    total = hashlib.sha256()
    for one in instances:
        facts = (one.name, *one.box, one.score, one.extent, one.drawn)
        total.update(repr(facts).encode() + one.bits.tobytes())
    return total.hexdigest()
