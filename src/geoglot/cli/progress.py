"""Progress of long work on stderr: bars for a person, lines for a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import click

from geoglot.cli.console import making_room
from geoglot.cli.log_file import has_log, write_log
from geoglot.cli.shared import is_quiet
from geoglot.figures import format_duration
from geoglot.legible import visible

_COLUMNS = ("description", "fields[rate]", "fields[note]")
_EVERY_S = 30.0  # between lines of progress in a log


class _Rate:
    """Progress rate, counted from the first call, so that work resumed from an earlier run is not included."""

    def __init__(self, done: int) -> None:
        self._first, self._began = done, time.monotonic()

    def text(self, done: int) -> str:
        """The rate as "3.2/s", or nothing while nothing is done."""
        elapsed = time.monotonic() - self._began
        return f"{(done - self._first) / elapsed:.1f}/s" if elapsed and done > self._first else ""

    def left(self, done: int, total: int) -> str:
        """The time that is left as "12 min left", or nothing while nothing is done and after the end."""
        if not self._first < done < total:
            return ""
        each = (time.monotonic() - self._began) / (done - self._first)
        return f"{format_duration(each * (total - done))} left"


class LogLines:
    """Progress for a log: a line at the first and the last call for each kind of work, and one every half minute."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._rates: dict[str, _Rate] = {}
        self._written: dict[str, float] = {}

    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        rate, now = self._rates.setdefault(what, _Rate(done)), time.monotonic()
        if what in self._written and done < total and now - self._written[what] < _EVERY_S:
            return
        self._written[what] = now
        if done >= total:  # the next call of this name begins new work
            del self._rates[what], self._written[what]
        words = (what, f"{done}/{total}", rate.text(done), rate.left(done, total), note)
        self._write("  ".join(word for word in words if word))


@contextmanager
def progress(shown: bool = True) -> Iterator[Callable[..., None]]:
    """Give the callable that tasks call with (what, done, total) and an optional note.

    It draws bars with rate and remaining time. Where stderr is not a terminal it writes lines, as into a log.
    """
    ctx = click.get_current_context()
    logged = LogLines(partial(write_log, ctx)) if has_log(ctx) else None
    with _shown(shown and not is_quiet(ctx)) as advance:

        def advance_both(what: str, done: int, total: int, note: str = "") -> None:
            advance(what, done, total, note)
            if logged:
                logged(what, done, total, note)

        yield advance_both


@contextmanager
def _shown(shown: bool) -> Iterator[Callable[..., None]]:
    """The part of `progress` that a person sees."""
    if not shown:
        yield lambda what, done, total, note="": None
        return
    if not sys.stderr.isatty():
        yield LogLines(partial(click.echo, err=True))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    what, speed, note = (TextColumn(f"{{task.{column}}}", markup=False) for column in _COLUMNS)
    columns = (what, BarColumn(), MofNCompleteColumn(), speed, TimeRemainingColumn(), note)
    tasks: dict[str, TaskID] = {}
    rates: dict[str, _Rate] = {}

    def pause() -> None:
        """Leave the bars as they are; finished ones are not drawn again."""
        bars.stop()
        for finished in [task.id for task in bars.tasks if task.finished]:
            bars.remove_task(finished)

    def advance(what: str, done: int, total: int, note: str = "") -> None:
        bars.start()  # not before there is something to show: an error comes without a bar
        if tasks.get(what) not in bars.task_ids:
            tasks[what] = bars.add_task(visible(what), rate="", note="")
        rate = rates.setdefault(what, _Rate(done)).text(done)
        bars.update(tasks[what], completed=done, total=total, rate=rate, note=visible(note))
        if done >= total:  # the next call of this name begins new work
            del rates[what]

    with making_room(pause) as stderr:
        # If rich redirected stdout, it would write to stderr what a pipe waits for.
        bars = Progress(*columns, console=Console(file=stderr), redirect_stdout=False, redirect_stderr=False)
        try:
            yield advance
        finally:
            if tasks:  # a bar that never began has no last line to end
                bars.stop()
