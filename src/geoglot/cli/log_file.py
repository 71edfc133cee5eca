"""--log FILE: what a run did, with times, for later: the command, progress, results, notes and errors."""

import logging
import shlex
import time
from pathlib import Path

import click

from geoglot.errors import OutputError
from geoglot.legible import visible
from geoglot.version import __version__
from geoglot.web.redaction import unsigned_text

_HEAD = "# log of geoglot"
_KEY = "geoglot.log"
ARGUMENTS = "geoglot.arguments"
"""Key of click's `meta` for what was typed after `geoglot`."""


def start_log(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Begin to write to a file, or go on with an earlier log; the callback of --log.

    OutputError for a file that is no log, since lines in it would spoil it.
    """
    if path is None or _KEY in ctx.meta or ctx.resilient_parsing:  # the last: a shell asks for completions
        return
    try:
        if path.exists() and not _is_log(path):
            raise OutputError(f"--log {path} is there already, and it is no log of geoglot; give another name")
        if not path.exists():
            path.write_text(f"{_HEAD}\n", encoding="utf-8")
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"--log {path} cannot be written: {error.strerror}") from None
    handler.setFormatter(_Lines())
    ctx.meta[_KEY] = handler
    ours, everyone, began = logging.getLogger("geoglot"), logging.getLogger(), time.monotonic()
    level, alone = ours.level, not everyone.handlers
    if alone and logging.lastResort:  # warnings still reach stderr, as they do without a log
        everyone.addHandler(logging.lastResort)
    ours.setLevel(logging.INFO)
    ours.addHandler(handler)
    write_log(ctx, f"geoglot {__version__}: {shlex.join(ctx.meta.get(ARGUMENTS, ()))}")

    @ctx.find_root().call_on_close
    def end() -> None:
        write_log(ctx, f"ended after {time.monotonic() - began:.1f} s")
        ours.removeHandler(handler)
        ours.setLevel(level)
        if alone and logging.lastResort:
            everyone.removeHandler(logging.lastResort)
        handler.close()


def _is_log(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_HEAD)) == _HEAD.encode()


def write_log(ctx: click.Context | None, text: str, level: int = logging.INFO) -> None:
    """Write a text to the log of this run, if there is one."""
    if ctx and (handler := ctx.meta.get(_KEY)):
        handler.handle(logging.LogRecord("geoglot", level, "", 0, "%s", (text,), None))


def has_log(ctx: click.Context) -> bool:
    """Whether this run has a log."""
    return _KEY in ctx.meta


class _Lines(logging.Formatter):
    """Each line of a message with its time in UTC and its level; without signatures of URLs and control characters."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record."""
        traceback = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        lines = visible(unsigned_text(record.getMessage() + traceback)).splitlines()
        return "\n".join(f"{stamp} {record.levelname:<7} {line}".rstrip() for line in lines)
