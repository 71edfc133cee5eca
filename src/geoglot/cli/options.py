"""What the commands share: options, one JSON document on stdout, progress on stderr."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from geoglot.cli.console import making_room, visible

PARTLY = 3
"""Exit code of work that went to its end without a part of its input; the output names the part."""
_TEXTS = ("description", "fields[rate]", "fields[note]")  # of a bar
_EVERY_S = 30.0  # between lines of progress in a log
_VERBOSE, _QUIET = "geoglot.verbose", "geoglot.quiet"


def _remember(key: str, level: int) -> Callable[[click.Context, click.Parameter, bool], None]:
    """A callback that keeps the flag where is_verbose, is_quiet and the logs find it."""

    def callback(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta[key] = True
            logging.basicConfig(level=level, format="geoglot: %(message)s", force=True)

    return callback


model = click.option(
    "--model", default="mini", show_default=True, help="Name from `geoglot models list`, or a model's folder."
)
device = click.option("--device", help="auto, cpu, cuda, cuda:1 or mps; GEOGLOT_DEVICE, or auto, if not given.")
batch = click.option(
    "--batch", type=click.IntRange(min=1), default=8, show_default=True, help="Windows computed at once."
)
gsd = click.option(
    "--gsd",
    type=click.FloatRange(min=0, min_open=True),
    help="Metres a pixel to work at; what the model understands, if not given.",
)
flips = click.option(
    "--flips",
    type=click.Choice(["none", "horizontal", "all"]),
    default="none",
    show_default=True,
    help="Average over mirrored windows: 2 or 4 times the work.",
)
scales = click.option(
    "--scales", default="1", show_default=True, help="Average over these sizes of windows: 0.75,1,1.25."
)
overwrite = click.option(
    "--overwrite", is_flag=True, help="Replace what an earlier run of geoglot made here; nothing else is ever replaced."
)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else there.")
quiet = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    expose_value=False,
    callback=_remember(_QUIET, logging.ERROR),
    help="No progress.",
)
verbose = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=_remember(_VERBOSE, logging.INFO),
    help="Logs on stderr, and tracebacks.",
)


def is_verbose(ctx: click.Context) -> bool:
    """Whether -v was given, to whichever command."""
    return bool(ctx.meta.get(_VERBOSE))


def is_quiet(ctx: click.Context) -> bool:
    """Whether -q was given, to whichever command."""
    return bool(ctx.meta.get(_QUIET))


def emit(document: Mapping[str, Any], as_json: bool, text: str) -> None:
    """Print a command's result: the document for programs, or the text for people."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) if as_json else text)


class _Rate:
    """Of what is done from the first call on: what a killed run did before took no time of this one."""

    def __init__(self, done: int) -> None:
        self._first, self._began = done, time.monotonic()

    def told(self, done: int) -> str:
        """Such as 3.2/s; nothing before there is something to count."""
        elapsed = time.monotonic() - self._began
        return f"{(done - self._first) / elapsed:.1f}/s" if elapsed and done > self._first else ""


class _Lines:
    """Progress for logs: of each part the first call, the last, and one every half minute."""

    def __init__(self) -> None:
        self._rates: dict[str, _Rate] = {}
        self._told: dict[str, float] = {}

    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        rate, now = self._rates.setdefault(what, _Rate(done)), time.monotonic()
        if what in self._told and done < total and now - self._told[what] < _EVERY_S:
            return
        self._told[what] = now
        if done >= total:  # what comes after is another part of this name
            del self._rates[what], self._told[what]
        words = (what, f"{done}/{total}", rate.told(done), note)
        click.echo("  ".join(word for word in words if word), err=True)


@contextmanager
def progress(shown: bool = True) -> Iterator[Callable[..., None]]:
    """Bars on stderr with rate and remaining time; gives what tasks call with (what, done, total) and a note.

    Where stderr is no terminal, a plain line at the first call, now and then, and at the end of each part.
    """
    if not shown or is_quiet(click.get_current_context()):
        yield lambda what, done, total, note="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    if not sys.stderr.isatty():
        yield _Lines()
        return
    what, speed, note = (TextColumn(f"{{task.{text}}}", markup=False) for text in _TEXTS)
    columns = (what, BarColumn(), MofNCompleteColumn(), speed, TimeRemainingColumn(), note)
    by_name: dict[str, TaskID] = {}
    rates: dict[str, _Rate] = {}

    def pause() -> None:
        """Leave the bars as they are; those of finished parts are not drawn again."""
        bars.stop()
        for done in [task.id for task in bars.tasks if task.finished]:
            bars.remove_task(done)

    def advance(what: str, done: int, total: int, note: str = "") -> None:
        bars.start()  # not before there is something to show: an error comes without a bar
        if by_name.get(what) not in bars.task_ids:
            by_name[what] = bars.add_task(visible(what), rate="", note="")
        rate = rates.setdefault(what, _Rate(done)).told(done)
        bars.update(by_name[what], completed=done, total=total, rate=rate, note=visible(note))
        if done >= total:  # what comes after is another part of this name
            del rates[what]

    with making_room(pause) as stderr:
        # Told to take stdout over, it would write to stderr what a pipe waits for.
        bars = Progress(*columns, console=Console(file=stderr), redirect_stdout=False, redirect_stderr=False)
        try:
            yield advance
        finally:
            if by_name:  # what never began has no last line to end
                bars.stop()
