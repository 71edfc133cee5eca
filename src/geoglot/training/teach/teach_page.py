"""How a taught model shows itself in a notebook, and the rows of its table everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geoglot.figures import format_count
from geoglot.outputs.notebook.page import Page, Table

if TYPE_CHECKING:
    from geoglot.training.teach.teach import TaughtClass, TeachResult

_COUNTED = "IoU and accuracy are of blocks of ground that were left out in turn; - where a class lies in one place only"


def page_of_taught(result: TeachResult) -> Page:
    """What each class was taught by, and how well it is known."""
    head = ("class", "labels", "patches", "places", "IoU", "accuracy", "IoU by words")
    mean = ("mean", "", "", "", _share(result.miou), "", _share(result.miou_by_words))
    title = (
        f"{result.output} learned from {result.patches:,} patches "
        f"of {format_count(result.scenes, 'scene')} ({result.encoded:,} encoded now) in {result.seconds:.1f} s"
    )
    column = f"classes are those of the column {result.column!r}"
    rows = [*map(_row, result.classes), mean]
    return Page(title, [Table(head, rows)], (_COUNTED, *result.notes, column), {"model": result.output})


def _row(each: TaughtClass) -> tuple[str, ...]:
    counts = (f"{each.labels:,}", f"{each.patches:,}", f"{each.places:,}")
    return (each.name, *counts, _share(each.iou), _share(each.accuracy), _share(each.iou_by_words))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
