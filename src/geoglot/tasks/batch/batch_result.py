"""The result of a batch: how it went with each scene, and the files that tell it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from geoglot.aliases import PathLike
from geoglot.figures import format_count
from geoglot.outputs.notebook.as_report import write_report
from geoglot.tasks.batch.batch_report import sections_of
from geoglot.tasks.batch.work import Outcome, State


@dataclass(frozen=True, repr=False)
class Batch:
    """How it went with each scene of a batch."""

    door: str
    outcomes: tuple[Outcome, ...]
    """In the order of the scenes."""
    table: Path | None
    together: Path | None
    """The polygons of all scenes in one layer."""
    seconds: float
    notes: tuple[str, ...] = field(default=())
    """Sentences on the batch as a whole; those on a scene are in its document."""

    def __repr__(self) -> str:
        return f"Batch({self.title})"

    @property
    def title(self) -> str:
        """What was done, and how it went."""
        return f"{self.door} over {format_count(len(self.outcomes), 'scene')}: {self.summary}"

    @property
    def summary(self) -> str:
        """How many scenes are done, were there, or failed, in words."""
        counts = Counter(each.state for each in self.outcomes)
        return ", ".join(f"{counts[state]:,} {state}" for state in get_args(State) if counts[state])

    @property
    def incomplete(self) -> tuple[Outcome, ...]:
        """The scenes that failed, in whole or in part, or hold nothing."""
        return tuple(each for each in self.outcomes if each.state in ("failed", "in part", "empty"))

    def report(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write one HTML file: picture and figures of each scene, and the table of all at the end.

        Raises InputError and OutputError as the report of one result does.
        """
        return write_report(list(sections_of(self)), path, overwrite)

    def to_json(self) -> dict[str, Any]:
        """The document of a command with several sources and --json."""
        return {
            "results": [each.to_json() for each in self.outcomes],
            "scenes": {"total": len(self.outcomes), **Counter(each.state for each in self.outcomes)},
            "table": str(self.table) if self.table else None,
            "together": str(self.together) if self.together else None,
            "seconds": self.seconds,
            "notes": list(self.notes),
        }
