"""Windows that failed: in the document of a result, and in the journal of a run that may be killed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from geoglot.geo import Window
from geoglot.sources.read_ahead import FailedWindow


def windows_document(total: int, failed: Sequence[FailedWindow]) -> dict[str, Any]:
    """How many windows there are, how many of them are done, and which failed why."""
    return {"total": total, "done": total - len(failed), "failed": [_record(one) for one in failed]}


def failure_notes(failed: Sequence[FailedWindow]) -> dict[str, Any]:
    """As notes of a journal."""
    return {"failed": [_record(one) for one in failed]}


def restored_failures(notes: Mapping[str, Any]) -> list[FailedWindow]:
    """The counterpart of `failure_notes`."""
    return [FailedWindow(Window(*one["window"]), one["reason"]) for one in notes["failed"]]


def _record(one: FailedWindow) -> dict[str, Any]:
    return {"window": list(one.window), "reason": one.reason}
