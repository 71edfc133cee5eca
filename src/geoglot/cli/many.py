"""What commands do that take many scenes: their flags, and how a batch is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import report as report_flag
from geoglot.cli import shared
from geoglot.cli.progress import progress
from geoglot.figures import format_count, format_some

if TYPE_CHECKING:
    from geoglot.tasks.batch.batch_result import Batch

_SHOWN = 10  # scenes and notes that are named; --json has all


@dataclass(frozen=True)
class Scenes:
    """Many scenes, and what is to be made of them."""

    sources: Sequence[str]
    output: Path | None
    table: Path | None
    jobs: int
    device: str | None
    as_json: bool
    together: Path | None = None


jobs = click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True,
    help="Processes that share many SOURCES; each takes 1 to 1.5 GB of memory.",
)  # fmt: skip
table = click.option("--table", type=shared.PATH, help="Also a table, .csv, of many SOURCES: a row for each.")
together = click.option(
    "--together", type=shared.PATH,
    help=f"Also one layer of the polygons of all SOURCES, with a column for the scene: {shared.VECTORS}.",
)  # fmt: skip
area = click.option("--aoi", "area", type=shared.PATH, help="File of polygons. What lies outside does not count.")


def is_batch(sources: Sequence[str], output: Path | None, *of_all: Path | None) -> bool:
    """Whether a command was given many scenes, or a folder or a file `of_all` for the results of any number."""
    from geoglot.tasks.batch.scenes import is_many

    folder = output is not None and (output.is_dir() or not output.suffix)
    return len(sources) > 1 or is_many(sources[0]) or folder or any(of_all)


def run(door: Callable[..., Any], scenes: Scenes, words: Any, settings: Mapping[str, Any]) -> None:
    """Run a door over many scenes, print the batch, and leave with its exit code."""
    from geoglot.tasks.batch.batch import batch

    with progress() as advance:
        result = batch(
            door, scenes.sources, words, scenes.output, jobs=scenes.jobs, device=scenes.device, table=scenes.table,
            together=scenes.together, progress=advance, **settings,
        )  # fmt: skip
    report(result, scenes.as_json)


def report(result: Batch, as_json: bool) -> None:
    """Print a batch and leave with its exit code."""
    from geoglot.tasks.batch.batch_report import sections_of

    # as the table does, the report of a batch takes the place of the one of the batch that it continues
    some = any(each.document for each in result.outcomes)
    report_flag.emit(list(sections_of(result)), result.to_json(), as_json, describe(result), replaces=some)
    bad = result.incomplete
    if not bad:
        return
    named = [f"{each.scene.name} ({each.state}: {each.reason})" for each in bad]
    verb = "is" if len(bad) == 1 else "are"
    message = f"{len(bad):,} of {format_count(len(result.outcomes), 'scene')} {verb} not complete: "
    message += format_some(named, _SHOWN)
    if any(each.state not in ("failed", "empty") for each in result.outcomes):
        shared.exit_partly(message)
    if all(each.wrong_usage for each in bad):
        shared.exit_wrong(message)
    shared.exit_without_result(message)


def describe(result: Batch) -> str:
    """The batch for people: a row for each scene, then what there is to say."""
    from geoglot.tasks.batch.batch_table import to_rows

    rows, left = to_rows(result.door, result.outcomes)
    documents: list[dict[str, Any]] = [each.document for each in result.outcomes if each.document]
    sources = [uri for each in result.outcomes for uri in each.scene.sources]
    notes = shared.merge_notes(dict.fromkeys(note for document in documents for note in document["notes"]), sources)
    more = [f"{left:,} more columns are in --json and --table"] if left else []
    if len(notes) > _SHOWN:
        more.append(f"{len(notes) - _SHOWN:,} more notes on scenes are in --json")
    lines = shared.result_lines(
        {"table": result.table, "layer": result.together}, [*result.notes, *notes[:_SHOWN], *more]
    )
    last = f"{format_count(len(result.outcomes), 'scene')}: {result.summary}, in {result.seconds:.1f} s"
    return "\n".join([*shared.table(rows), "", *lines, last])
