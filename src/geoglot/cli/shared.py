"""What the commands share: flags, one JSON document on stdout, exit codes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from geoglot.cli.log_file import start_log, write_log
from geoglot.errors import GeoglotError, InputError
from geoglot.figures import format_list

PARTLY = 3
"""Exit code of work that ended without a part of its input; the output names the part."""
_VERBOSE, _QUIET = "geoglot.verbose", "geoglot.quiet"
CLASSES_HELP = 'Names with commas, "water, forest", or a .txt or .json file.'

VECTORS = ".gpkg, .geojson, .fgb, .parquet, .shp, .zip (a Shapefile) or .pmtiles"
"""The endings of vector files."""

PATH = click.Path(path_type=Path)
_Justify = Callable[[str, int], str]
_MOST_ALIKE = 10  # files that a note on several scenes names


def _remember(key: str, level: int) -> Callable[[click.Context, click.Parameter, bool], None]:
    """A callback that keeps the flag for is_verbose, is_quiet and the logs."""

    def callback(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta[key] = True
            logging.basicConfig(level=level, format="geoglot: %(message)s", force=True)
            logging.getLogger().handlers[0].setLevel(level)  # --log takes more

    return callback


model = click.option(
    "--model", default="mini", show_default=True, help="Name from `geoglot models list`, or the folder of a model."
)
archive_model = click.option(
    "--model", help="Folder of the archive's model, if it is not one of `geoglot models list`."
)
top = click.option(
    "--top", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Places to name, at most."
)
device = click.option("--device", help="auto, cpu, cuda, cuda:1 or mps. Default: GEOGLOT_DEVICE, else auto.")
overwrite = click.option(
    "--overwrite", is_flag=True, help="Replace what an earlier run made here. Other files are never replaced."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else.")
_quiet = click.option(
    "-q", "--quiet", is_flag=True, expose_value=False, callback=_remember(_QUIET, logging.ERROR), help="No progress."
)
verbose = click.option(
    "-v", "--verbose", is_flag=True, expose_value=False, callback=_remember(_VERBOSE, logging.INFO),
    help="Logs on stderr, and tracebacks.",
)  # fmt: skip

_log = click.option(
    "--log", metavar="FILE", type=PATH, expose_value=False, callback=start_log,
    help="Also write progress, results, notes and errors into FILE, with times.",
)  # fmt: skip


def stacked(*decorators: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Several decorators as one; help lists their flags in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


short = stacked(as_json, verbose)
"""Flags of a command that answers at once."""
long = stacked(as_json, _quiet, verbose, _log)
"""Flags of a command that shows progress."""


run = stacked(model, device, overwrite, long)
"""Flags of a command that runs a model and writes files."""


def is_verbose(ctx: click.Context) -> bool:
    """Whether -v was given to any command."""
    return bool(ctx.meta.get(_VERBOSE))


def is_quiet(ctx: click.Context) -> bool:
    """Whether -q was given to any command."""
    return bool(ctx.meta.get(_QUIET))


def emit(document: Mapping[str, Any], as_json: bool, text: str) -> None:
    """Print the result of a command: the document for programs, or the text for people. A log always gets the text."""
    write_log(click.get_current_context(silent=True), text)
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) if as_json else text)


def exit_without_result(message: str = "") -> None:
    """Leave with the exit code of a failure: a result was printed that holds nothing."""
    _leave(message, GeoglotError.exit_code)


def exit_partly(message: str = "") -> None:
    """Leave with the exit code of work that went to its end without a part of its input."""
    _leave(message, PARTLY)


def exit_wrong(message: str) -> None:
    """Leave with the exit code of wrong usage."""
    _leave(message, InputError.exit_code)


def _leave(message: str, exit_code: int) -> None:
    if message:
        click.echo(f"geoglot: {message}", err=True)
        write_log(click.get_current_context(), message, logging.ERROR)
    click.get_current_context().exit(exit_code)


def table(rows: Sequence[Sequence[str]], first: _Justify = str.ljust, others: _Justify = str.rjust) -> list[str]:
    """The rows with their columns in line: the first column to the left and the others to the right, unless told."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            (first if at == 0 else others)(cell, width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def result_lines(files: Mapping[str, object], notes: Iterable[str]) -> list[str]:
    """A line for every file that was written and for every note."""
    return [*(f"{what:<9} {path}" for what, path in files.items() if path), *(f"note      {note}" for note in notes)]


def merge_notes(notes: Iterable[str], scenes: Iterable[str]) -> list[str]:
    """Sentences of several scenes; those that differ in nothing but the file that they name are one.

    Of the other files, the first ten are named.
    """
    longest, alike = sorted(set(scenes), key=len, reverse=True), dict[tuple[str, str], list[str]]()
    for note in notes:
        before, scene, after = next((parts for each in longest if (parts := note.partition(each))[1]), (note, "", ""))
        alike.setdefault((before, after), []).append(scene)
    return [
        f"{before}{first}{after}{f'; the same holds for {format_list(others, _MOST_ALIKE)}' if others else ''}"
        for (before, after), (first, *others) in alike.items()
    ]
