"""What must hold of a door whatever it is given: a result, or a GeoglotError of one line, and nothing else."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, settings

from geoglot.errors import AnswerError, GeoglotError
from geoglot.legible import visible

MOST_SECONDS = 10.0
"""Of the processor, not of the clock: another program may have the machine."""
MOST_BYTES = 1_500_000_000
_TIMES = float(os.environ.get("GEOGLOT_FUZZ", "0"))


def examples(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with so many examples, the same in every run; GEOGLOT_FUZZ=N runs N times as many, others each time."""
    return settings(
        max_examples=max(1, round(count * (_TIMES or 1))),
        derandomize=not _TIMES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def ends_well(door: Callable[[], object]) -> None:
    """Call a door; AssertionError if it does more than return or raise a GeoglotError that can be shown."""
    started, before = time.process_time(), _peak()
    with _stderr() as said:
        try:
            door()
        except GeoglotError as error:
            check_message(str(error).splitlines()[-1] if isinstance(error, AnswerError) else str(error))
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:  # a panic of Rust, or an exit, which hypothesis would not catch
            raise AssertionError(f"{type(error).__name__}: {error}") from error
    assert not said, f"written on stderr: {said[0][:500]!r}"
    took = time.process_time() - started
    assert took < MOST_SECONDS, f"it took {took:.1f} s"
    assert _peak() - before < MOST_BYTES, f"it took {(_peak() - before) / 1e6:.0f} MB more than all before"


def check_message(message: str) -> None:
    """A message is one short line that a terminal can show."""
    assert message.strip() and "\n" not in message and len(message) < 400, message
    assert visible(message) == message, message
    assert not message.startswith("unexpected ") and "Traceback" not in message, message


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def _stderr() -> Iterator[list[str]]:
    """What libraries write on the file that is stderr, past Python."""
    said: list[str] = []
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            if text := file.read().decode("utf-8", "replace"):
                said.append(text)
