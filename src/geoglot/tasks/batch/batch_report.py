"""A batch as sections of a report: its heading, picture and figures of each scene, and the table of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geoglot.outputs.legend import Legend
from geoglot.outputs.notebook.page import Page, Table
from geoglot.outputs.notebook.shown import Shown
from geoglot.tasks.batch.batch_table import to_figures, to_rows
from geoglot.tasks.batch.work import Outcome

if TYPE_CHECKING:
    from geoglot.tasks.batch.batch_result import Batch

_IN_COLOUR = ("segment", "find")  # whose measures are those of names on a map
_FILES = {"output": "map", "polygons": "polygons", "overlay": "picture", "picture": "picture", "manifest": "manifest"}


@dataclass(frozen=True, repr=False)
class Section(Shown):
    """A part of a report."""

    words: Page
    document: Mapping[str, Any] = field(default_factory=dict)
    """Of the scene that it is about."""

    def page(self) -> Page:
        return self.words

    def to_json(self) -> Mapping[str, Any]:
        return self.document


def sections_of(result: Batch) -> Iterator[Section]:
    """The sections of a report on a batch, each made when it is asked for."""
    yield Section(Page(result.title, notes=result.notes))
    yield from (Section(_page_of_scene(result.door, each), each.document or {}) for each in result.outcomes)
    (head, *rows), left = to_rows(result.door, result.outcomes)
    more = (f"{left:,} more columns are in --json and --table",) if left else ()
    yield Section(Page("All scenes", [Table(head, rows)], more, {"table": result.table, "layer": result.together}))


def _page_of_scene(door: str, outcome: Outcome) -> Page:
    document, (rows, names) = outcome.document or {}, to_figures(outcome, door)
    colours = Legend(tuple(names)).colours if door in _IN_COLOUR else ()
    tables = [Table(rows[0], rows[1:], colours)] if rows else []
    there = document | document.get("outputs", {})
    files = {what: there[key] for key, what in _FILES.items() if there.get(key)}
    notes = (*filter(None, (outcome.reason,)), *document.get("notes", ()))
    return Page(
        f"{outcome.scene.name}: {outcome.state}", tables, notes, {"scene": ", ".join(outcome.scene.sources)} | files
    )
