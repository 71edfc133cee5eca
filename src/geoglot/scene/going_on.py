"""What is said where a run goes on after one that was killed."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


def going_on(done: int, total: int, what: str) -> tuple[str, ...]:
    """A note for the result, said on stderr too; none where nothing had been done."""
    if not done:
        return ()
    note = f"going on after {done} of {total} {what}, of a run that did not end"
    log.warning(note)
    return (note,)
